"""Reads the jobs of lists and registries in blocks, the newest first, while the block before is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

import redis

from qtui.broker import ids, jobs
from qtui.broker.search.candidate import NOTHING, Candidate, Need
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.status import Status
from qtui_workers.server.redis_errors import reply_of
from qtui_workers.server.scripts import Argument, Script
from qtui_workers.text import encode

BLOCK: Final = 200
"""Jobs that one script reads: about 2 ms of server time."""
CALLS: Final = 5
"""Scripts in one round trip; the server serves others between them, as it reads what we send in pieces."""
FIRST: Final = 2 * BLOCK
"""Jobs of the first round trip, so that the first rows are seen at once."""

_NAMED: Final = Script.load("named", "qtui.broker")

Ids = list[tuple[str, str]]
"""Jobs as (id, queue)."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which jobs are looked at: those of some statuses, in a queue or in all (None), that fit an expression."""

    queue: str | None
    statuses: tuple[Status, ...]
    expression: Expression = EVERYTHING


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a scan goes, and who hears of it."""

    most: int | None = None
    """How many jobs are read at most; None for all."""
    stop: Callable[[], bool] = lambda: False
    """Asked after each block of about a thousand jobs."""
    on_progress: Callable[[int, int, int], object] = lambda _matched, _scanned, _total: None
    """Called after each block with how many jobs fit, how many were read, and how many there are."""


UNLIMITED: Final = Limits()


class Scan:
    """A walk over the jobs of a scope; iterating gives those that fit, in blocks, and may be ended at any time.

    Every status that has a list or a registry is read from there; jobs that are stopped, from the failed ones; for those
    that only their hash knows, the keyspace is searched (`jobs.search`).
    """

    def __init__(self, client: redis.Redis, scope: Scope, now: float, need: Need = NOTHING, limits: Limits = UNLIMITED) -> None:
        """`need`: what the caller reads besides what the expression needs. `now`: seconds since the epoch.

        Three round trips at most; raises redis.RedisError, as does iterating.
        """
        self._client = client
        self._scope = scope
        self._now = now
        need |= scope.expression.need
        self._spec, self._places = need.spec, need.places
        self._by_list = Status.FAILED in scope.statuses or Status.STOPPED not in scope.statuses
        """Whether the lists say which jobs have the statuses, so that the hashes need not."""
        self._limits = limits
        queues = jobs.queue_names(client) if scope.queue is None else (scope.queue,)
        self._lists = _lists(scope.statuses, scope.expression.queues(queues))
        self.total = sum(self._sizes())
        """Jobs in all lists of the scope, when the walk began."""
        self.scanned = 0
        """Jobs read so far."""
        self.matched = 0
        """Those of them that fit."""
        self.gone = 0
        """Entries of lists whose job has no hash any more, so far."""
        self.complete = False
        """Whether all jobs were read."""

    def __iter__(self) -> Iterator[list[Candidate]]:
        limits = self._limits
        with ThreadPoolExecutor(1, "scan") as pool:
            for replies in _ahead(pool, self._read, _blocks(self._ids())):
                block = [job for job in map(self._candidate, replies) if self._fits(job)]
                self.matched += len(block)
                yield block
                limits.on_progress(self.matched, self.scanned, self.total)
                if limits.stop() or (limits.most is not None and self.scanned >= limits.most):
                    self.complete = self.scanned >= self.total
                    return
        self.complete = True

    def _candidate(self, reply: list[Any]) -> Candidate:
        job = Candidate(reply, self._places)
        self.scanned += 1
        self.gone += job.gone
        return job

    def _fits(self, job: Candidate) -> bool:
        of_status = self._by_list or job.status in self._scope.statuses
        return of_status and self._scope.expression.fits(job, self._now)

    def _sizes(self) -> Iterator[int]:
        with self._client.pipeline(transaction=False) as pipe:
            for queue, status in self._lists:
                key = encode(jobs.place(queue, status))
                _ = pipe.llen(key) if status.place == "queue" else pipe.zcard(key)
            for reply in pipe.execute(raise_on_error=False):
                yield reply_of(reply) or 0

    def _ids(self) -> Iterator[tuple[str, str]]:
        yield from _in_turn([self._walk(queue, status) for queue, status in self._lists])
        for status in self._scope.statuses:
            if status.place in ("limit", "hash"):
                yield from jobs.search(self._client, self._scope.queue, status, bound=10**9)[0]

    def _walk(self, queue: str, status: Status) -> Iterator[tuple[str, str]]:
        for page in ids.pages(self._client, queue, status):
            yield from ((job_id, queue) for job_id in page)

    def _read(self, block: Ids) -> list[Any]:
        return _replies(self._client, block, self._spec)


def read(client: redis.Redis, wanted: Ids, need: Need) -> list[Candidate]:
    """Some jobs, with what is needed of each; one round trip."""
    places = need.places
    return [Candidate(reply, places) for reply in _replies(client, wanted, need.spec)]


def _replies(client: redis.Redis, block: Ids, spec: str) -> list[Any]:
    parts = [block[start : start + BLOCK] for start in range(0, len(block), BLOCK)]
    named: list[dict[str, Argument]] = [{"spec": spec}] * len(parts)
    replies = _NAMED.read_many(client, named, [tuple(chain.from_iterable(part)) for part in parts])
    return list(chain.from_iterable(replies))


def _lists(statuses: Iterable[Status], queues: Iterable[str]) -> list[tuple[str, Status]]:
    """Every list to read once, as its queue and a status that it holds."""
    held = [status for status in statuses if status.place in ("queue", "registry", "failed registry")]
    found = {jobs.place(queue, status): (queue, status) for queue in queues for status in held}
    return list(found.values())


def _in_turn(walks: list[Iterator[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """A block of each walk after the other, so that the newest jobs of all lists are read first."""
    while walks:
        for walk in list(walks):
            block = list(islice(walk, BLOCK))
            yield from block
            if len(block) < BLOCK:
                walks.remove(walk)


def _blocks(found: Iterator[tuple[str, str]]) -> Iterator[Ids]:
    size = FIRST
    while block := list(islice(found, size)):
        yield block
        size = BLOCK * CALLS


def _ahead(pool: ThreadPoolExecutor, read: Any, blocks: Iterator[Ids]) -> Iterator[list[Any]]:
    """What is read of each block; the next one is read already while the caller looks at the one before."""
    pending: Future[list[Any]] | None = None
    for block in blocks:
        coming = pool.submit(read, block)
        if pending is not None:
            yield pending.result()
        pending = coming
    if pending is not None:
        yield pending.result()
