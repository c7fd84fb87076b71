"""Walks over the jobs of lists and registries, the newest first, and gives those that fit an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import redis

from qtui.broker.lists import ids, jobs
from qtui.broker.search.candidate import NOTHING, Candidate, Need
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.reading import Block, Reader, Stretch, blocks
from qtui.broker.status import Status
from qtui_workers.server import keys
from qtui_workers.server.format import check_noted
from qtui_workers.server.replies import reply_of
from qtui_workers.text import encode

TURN: Final = 200
"""So many jobs of each list are read at most before the next list has its turn."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which jobs are looked at: those of some statuses, in a queue or in all (None), that fit an expression."""

    queue: str | None
    statuses: tuple[Status, ...]
    expression: Expression = EVERYTHING


@dataclass(frozen=True, slots=True)
class SearchBounds:
    """How far a scan goes, and what is called as it goes on."""

    most: int | None = None
    """How many jobs are read at most; None for all."""
    stop: Callable[[], bool] = lambda: False
    """Asked after each block of about a thousand jobs."""
    on_progress: Callable[[int, int, int], object] = lambda _matched, _scanned, _total: None
    """Called after each block with how many jobs fit, how many were read, and how many there are."""


UNLIMITED: Final = SearchBounds()


class Scan:
    """A walk over the jobs of a scope; iterating gives those that fit, in blocks, and may be ended at any time.

    Every status that has a list or a registry is read from there; jobs that are stopped, from the failed ones; for those
    that only their hash knows, the keyspace is searched (`jobs.search`).
    """

    def __init__(
        self, client: redis.Redis, scope: Scope, now: float, need: Need = NOTHING, limits: SearchBounds = UNLIMITED
    ) -> None:
        """`need`: what the caller reads besides what the expression needs. `now`: seconds since the epoch.

        Three round trips at most; raises redis.RedisError, as does iterating.
        """
        self._client = client
        self._scope = scope
        self._now = now
        self._reader = Reader(client, need | scope.expression.need)
        self._by_list = Status.FAILED in scope.statuses or Status.STOPPED not in scope.statuses
        """Whether the lists say which jobs have the statuses, so that the hashes need not."""
        self._limits = limits
        queues = jobs.queue_names(client) if scope.queue is None else (scope.queue,)
        fitting = set(scope.expression.queues(queues))
        sizes = self._sizes(_lists(scope.statuses, queues))
        self._lists = [each for each, size in sizes.items() if size and each[0] in fitting]
        self.total = sum(sizes[each] for each in self._lists)
        """Jobs in all lists that are read, when the walk began."""
        left_out = sum(sizes.values()) - self.total
        self.hidden = None if left_out and not self._by_list else left_out
        """Jobs of the statuses that do not fit: those read so far, and all in queues that the expression leaves out.

        None: not known, as a registry that is not read holds jobs of other statuses too.
        """
        self.scanned = 0
        """Jobs read so far."""
        self.matched = 0
        """Those of them that fit."""
        self.gone = 0
        """Entries of lists whose job has no hash any more, so far."""
        self.complete = False
        """Whether all jobs were read."""
        self._cut = False
        """Whether the search through what no list names ended at its limit."""

    def __iter__(self) -> Iterator[list[Candidate]]:
        limits = self._limits
        for read in self._reader.read(blocks(self._listed(), self._reader.size)):
            self.scanned += len(read)
            self.gone = self._reader.gone
            block = self._fitting(read)
            self.matched += len(block)
            yield block
            limits.on_progress(self.matched, self.scanned, self.total)
            if limits.stop() or (limits.most is not None and self.scanned >= limits.most):
                self.complete = self.scanned >= self.total and not self._cut
                return
        self.complete = not self._cut

    def _fitting(self, read: list[Candidate]) -> list[Candidate]:
        if not self._by_list:
            read = [job for job in read if job.status in self._scope.statuses]
        fitting = self._scope.expression.fitting(read, self._now)
        if self.hidden is not None:
            self.hidden += len(read) - len(fitting)
        return fitting

    def _sizes(self, lists: list[tuple[str, Status]]) -> dict[tuple[str, Status], int]:
        with self._client.pipeline(transaction=False) as pipe:
            pipe.get(keys.FORMAT)
            for queue, status in lists:
                key = encode(jobs.place(queue, status))
                _ = pipe.llen(key) if status.place == "queue" else pipe.zcard(key)
            noted, *sizes = map(reply_of, pipe.execute(raise_on_error=False))
        check_noted(noted)
        return {each: size or 0 for each, size in zip(lists, sizes, strict=True)}

    def _listed(self) -> Iterator[Stretch]:
        yield from _in_turn([self._walk(queue, status) for queue, status in self._lists])
        for status in self._scope.statuses:
            if status.place in ("limit", "hash"):
                bound = 10**9 if self._limits.most is None else self._limits.most
                found, searched, complete = jobs.search(self._client, self._scope.queue, status, bound, self._limits.stop)
                self.scanned += searched - len(found)
                self.total += searched
                self._cut = self._cut or not complete
                yield from _stretches(found, failed=False)

    def _walk(self, queue: str, status: Status) -> Iterator[Stretch]:
        passed = 0
        for page in ids.pages(self._client, queue, status):
            order: Sequence[Any] = ()
            if self._scope.queue is not None and self._scope.statuses == (Status.QUEUED,):
                order = range(-passed, -passed - len(page), -1)
            elif None not in page.values():
                order = list(page.values())
            stretch = Stretch(list(page), queue, status.failed, order)
            while stretch.ids:
                yield stretch.first(TURN)
                stretch = stretch.after(TURN)
            passed += len(page)


def read(client: redis.Redis, wanted: Iterable[tuple[str, str]], need: Need, *, failed: bool = False) -> list[Candidate]:
    """Some jobs, each given as (id, queue), with what is needed of each; tracebacks only if all of them have `failed`."""
    block = Block(list(_stretches(wanted, failed)))
    return [job for found in Reader(client, need).read(iter([block] if block.ids else [])) for job in found]


def _stretches(jobs: Iterable[tuple[str, str]], failed: bool) -> Iterator[Stretch]:
    """Jobs, each given as (id, queue)."""
    for queue, some in groupby(jobs, itemgetter(1)):
        yield Stretch([encode(job_id) for job_id, _ in some], queue, failed)


def _lists(statuses: Iterable[Status], queues: Iterable[str]) -> list[tuple[str, Status]]:
    """Every list to read once, as its queue and a status that it holds."""
    held = [status for status in statuses if status.place in ("queue", "registry", "failed registry")]
    found = {jobs.place(queue, status): (queue, status) for queue in queues for status in held}
    return list(found.values())


def _in_turn(walks: Sequence[Iterator[Stretch]]) -> Iterator[Stretch]:
    """Some jobs of each walk after the other, so that the newest jobs of all lists are read first."""
    while walks:
        going = []
        for walk in walks:
            if some := next(walk, None):
                yield some
                going.append(walk)
        walks = going
