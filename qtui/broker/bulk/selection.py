"""Which jobs an operation applies to: single ones, or all in a status; and their ids, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import redis

from qtui.broker.lists import ids, jobs
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.find import find
from qtui.broker.search.scan import Scope
from qtui.broker.status import STATUSES, Status


@dataclass(frozen=True, slots=True)
class Chosen:
    """Single jobs, by their ids."""

    ids: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.ids[:3]) + (f" and {len(self.ids) - 3:,} more" if len(self.ids) > 3 else "")


@dataclass(frozen=True, slots=True)
class Matching:
    """All jobs of a status in a queue, or in every queue (None), that fit an expression."""

    queue: str | None
    status: Status
    expression: Expression = EVERYTHING

    def __str__(self) -> str:
        where = self.queue or "all queues"
        fit = f" that fit {self.expression.text}" if self.expression.terms else ""
        return f"{STATUSES[self.status].title} jobs in {where}{fit}"


Selection = Chosen | Matching


@dataclass(frozen=True, slots=True)
class Targets:
    """The ids of a selection in one queue, oldest first."""

    ids: tuple[str, ...]
    queue: str | None = None
    """None if single jobs were chosen: their hashes name their queues."""
    status: Status | None = None
    """None if single jobs were chosen."""
    places: Sequence[int] = ()
    """Of jobs that wait in a queue's list: where each was, counted from the head."""
    length: int = 0
    """How many entries that list had."""
    to_head: bool = False
    """Whether the ids are the newest first, and each goes to the head of the list."""

    def where(self, start: int, number: int) -> tuple[int, int] | None:
        """Where so many jobs from `start` on are expected in the queue's list, once those before have left it or are at its head.

        As the index of the first, and over how many entries they are spread; None where it is not known.
        """
        if not self.places:
            return None
        one, other = self.places[start], self.places[start + number - 1]
        return (other + start, one - other + 1) if self.to_head else (one - start, other - one + 1)

    def passed(self, start: int, number: int) -> int:
        """How many entries of the list the server passes to delete so many jobs from `start` on, from its nearer end."""
        if not (expected := self.where(start, number)):
            return 0
        at, span = expected
        left = self.length if self.to_head else self.length - start
        return max(0, min(at + span, left - at))

    def for_head(self) -> Targets:
        """The same jobs, each of which goes to the head of the list: the newest first, so that they keep their order."""
        return replace(self, ids=self.ids[::-1], places=self.places[::-1], to_head=True)


def is_listed(selection: Matching) -> bool:
    """Whether a selection is all of a list or registry, so that its jobs can be counted without reading them."""
    return not selection.expression.terms and selection.status.place in ("queue", "registry")


def first_of(targets: tuple[Targets, ...], most: int) -> tuple[Targets, ...]:
    """The oldest jobs of each queue, so many that there are at most `most` in all."""
    kept: list[Targets] = []
    for target in targets:
        kept.append(replace(target, ids=target.ids[:most]))
        most -= len(kept[-1].ids)
    return tuple(target for target in kept if target.ids)


def take(client: redis.Redis, selection: Selection) -> tuple[Targets, ...]:
    """The ids that a selection matches now; raises redis.RedisError if the server fails."""
    if isinstance(selection, Chosen):
        chosen = tuple(dict.fromkeys(selection.ids))
        return (Targets(chosen),) if chosen else ()
    if selection.expression.terms:
        return _filtered(client, selection)
    if not is_listed(selection):
        return _search(client, selection.queue, selection.status)
    names = jobs.queue_names(client) if selection.queue is None else (selection.queue,)
    found = (_listed(client, name, selection.status) for name in names)
    return tuple(target for target in found if target.ids)


def _listed(client: redis.Redis, queue: str, status: Status) -> Targets:
    all_ids = ids.oldest_first(client, queue, status)
    if status is not Status.QUEUED:
        return Targets(all_ids, queue, status)
    return Targets(all_ids, queue, status, range(len(all_ids)), len(all_ids))


def _search(client: redis.Redis, queue: str | None, status: Status) -> tuple[Targets, ...]:
    found, _, _ = jobs.search(client, queue, status, bound=10**9)
    return _by_queue(found, status)


def _filtered(client: redis.Redis, selection: Matching) -> tuple[Targets, ...]:
    seconds, micros = client.time()
    scope = Scope(selection.queue, (selection.status,), selection.expression)
    found = _by_queue(find(client, scope, seconds + micros / 1e6).jobs, selection.status)
    if selection.status is not Status.QUEUED:
        return found
    return tuple(filter(None, (_placed(client, target) for target in found)))


def _placed(client: redis.Redis, target: Targets) -> Targets | None:
    """The same jobs in the order of their queue's list, with their places there; without those that have left it."""
    wanted = set(target.ids)
    waiting = ids.oldest_first(client, target.queue or "", Status.QUEUED)
    found = [(place, job_id) for place, job_id in enumerate(waiting) if job_id in wanted]
    places, there = zip(*found, strict=True) if found else ((), ())
    return replace(target, ids=there, places=places, length=len(waiting)) if found else None


def _by_queue(found: Sequence[tuple[str, str]], status: Status) -> tuple[Targets, ...]:
    """`found`: jobs as (id, queue), the newest first."""
    by_queue: dict[str, list[str]] = {}
    for job_id, name in reversed(found):
        by_queue.setdefault(name, []).append(job_id)
    return tuple(Targets(tuple(each), name, status) for name, each in by_queue.items())
