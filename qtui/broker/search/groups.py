"""What a list is made of: its jobs grouped by a value, and its failures grouped by cause, with how many and when."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from qtui.broker.search.candidate import ERROR, FUNCTION, NOTHING, PAYLOAD, Candidate, Need, as_text
from qtui.broker.search.fingerprint import Cause, cause
from qtui.broker.search.scan import UNLIMITED, Limits, Scan, Scope
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

HOURS: Final = 24
"""Bars of a group's history, one an hour, the newest last."""


@dataclass(slots=True)
class Group:
    """Jobs that have something in common."""

    value: str | None
    """What they have in common; None where it is not known."""
    sample: str
    """The id of the newest of them."""
    cause: Cause | None = None
    count: int = 0
    newest: float | None = None
    """When the newest of them ended, began or was enqueued, in seconds since the epoch."""
    functions: Counter[str] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)
    times: array[float] = field(default_factory=lambda: array("d"))
    """When each ended, began or was enqueued, in seconds since the epoch, in no order; those that are not known are left out."""

    @property
    def oldest(self) -> float | None:
        """The same of the oldest."""
        return min(self.times, default=None)

    def history(self, now: float) -> list[int]:
        """How many there were in each of the last `HOURS` hours, the newest last."""
        bars = [0] * HOURS
        for at in self.times:
            ago = int((now - at) // 3600)
            if 0 <= ago < HOURS:
                bars[HOURS - 1 - ago] += 1
        return bars

    def add(self, job: Candidate) -> None:
        """Count a job in."""
        self.count += 1
        self.functions[job.function or "–"] += 1
        self.queues[job.queue or "–"] += 1
        if job.moment is not None:
            if self.newest is None or job.moment >= self.newest:
                self.newest, self.sample = job.moment, job.id
            self.times.append(job.moment)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups, the largest first, and how far the search looked."""

    groups: tuple[Group, ...]
    scanned: int
    total: int
    complete: bool
    """Whether all jobs of the lists were read."""
    matched: int
    """Jobs that fit, and so are in the groups."""


@dataclass(frozen=True, slots=True)
class By:
    """What jobs are grouped by."""

    name: str
    key: Callable[[Candidate], str | None]
    need: Need


_BY: Final = {
    by.name: by
    for by in (
        By("function", lambda job: job.function, FUNCTION),
        By("worker", lambda job: job.text("worker_name"), Need(frozenset({"worker_name"}))),
        By("error", lambda job: _headline(job), ERROR),
        By("queue", lambda job: job.queue, NOTHING),
        By("status", lambda job: job.status and job.status.value, NOTHING),
    )
}


def by(text: str) -> By:
    """What a name stands for: one of `function`, `worker`, `error`, `queue`, `status`, or `payload.FIELD`; InvalidInput else."""
    if text in _BY:
        return _BY[text]
    first, _, path = text.partition(".")
    if first == "payload" and path:
        steps = path.split(".")
        return By(text, lambda job: _argument(job, steps), PAYLOAD)
    raise InvalidInput(f"'{printable(text, 40)}' is nothing to count by: it is {', '.join(_BY)} or payload.FIELD")


def _headline(job: Candidate) -> str | None:
    found = cause(job.traceback) if job.traceback else None
    return f"{found.exception}: {found.message}".strip(": ") if found else None


def _argument(job: Candidate, steps: list[str]) -> str | None:
    found: Any = job.argument(steps)
    return None if found is None else as_text(found)[:200]


Heard = Callable[[Grouping], object]
"""Called after each block with the groups so far."""


def count(
    client: redis.Redis,
    scope: Scope,
    what: By,
    now: float,
    *,
    limits: Limits = UNLIMITED,
    on_groups: Heard = lambda _grouping: None,
) -> Grouping:
    """The jobs of a scope that fit, grouped by a value; `now` in seconds since the epoch. Raises redis.RedisError."""
    scan = Scan(client, scope, now, what.need | FUNCTION, limits)
    return _group(scan, lambda job: (what.key(job), None), on_groups)


def causes(
    client: redis.Redis, scope: Scope, now: float, *, limits: Limits = UNLIMITED, on_groups: Heard = lambda _grouping: None
) -> Grouping:
    """The failed jobs of a scope that fit, grouped by cause; `now` in seconds since the epoch. Raises redis.RedisError."""
    return _group(Scan(client, scope, now, ERROR | FUNCTION, limits), _cause, on_groups)


def _cause(job: Candidate) -> tuple[str, Cause]:
    found = cause(job.traceback)
    return found.fingerprint, found


def _group(scan: Scan, key: Callable[[Candidate], tuple[str | None, Cause | None]], on_groups: Heard) -> Grouping:
    groups: dict[str | None, Group] = {}
    matched = 0

    def so_far() -> Grouping:
        ordered = sorted(groups.values(), key=lambda each: -each.count)
        return Grouping(tuple(ordered), scan.scanned, max(scan.total, scan.scanned), scan.complete, matched)

    for block in scan:
        for job in block:
            if not job.damaged:
                matched += 1
                value, found = key(job)
                if value not in groups:
                    groups[value] = Group(value, job.id, found)
                groups[value].add(job)
        on_groups(so_far())
    return so_far()
