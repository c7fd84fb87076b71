"""What a list is made of: its jobs grouped by a value, and its failures grouped by cause, with how many and when."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker import jobs
from qtui.broker.search.candidate import ERROR, FUNCTION, MOMENT, NOTHING, PAYLOAD, Candidate, Need
from qtui.broker.search.fingerprint import Cause, cause
from qtui.broker.search.scan import UNLIMITED, Limits, Scan, Scope, read
from qtui.broker.status import Status
from qtui_workers.errors import InvalidInput
from qtui_workers.reading.matching import as_text
from qtui_workers.text import printable

NEWEST: Final = 20
"""So many of the newest jobs tell which fields the payloads of a list have …"""
MOST_FIELDS: Final = 8
"""… of which the most frequent are of use."""
HOURS: Final = 24
"""Bars of a group's history, one an hour, the newest last."""


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs that have something in common."""

    value: str | None
    """What they have in common; None where it is not known."""
    cause: Cause | None
    """Why they failed, where they are grouped by that."""
    count: int
    newest: float | None
    """When the newest of them ended, began or was enqueued, in seconds since the epoch; None where no time is known."""
    oldest: float | None
    """The same of the oldest."""
    sample: str
    """The id of the newest of them."""
    functions: dict[str, int]
    """How many there are of each function, the most frequent first."""
    queues: dict[str, int]
    """How many are in each queue, the most frequent first."""
    hours: dict[int, int]
    """How many there were in each hour, as hours since the epoch."""

    def history(self, now: float) -> list[int]:
        """How many there were in each of the last `HOURS` hours, the newest last; `now` in seconds since the epoch."""
        newest = int(now // 3600)
        return [self.hours.get(hour, 0) for hour in range(newest - HOURS + 1, newest + 1)]


class _Growing:
    """A group while its jobs are counted."""

    def __init__(self, value: str | None, cause: Cause | None) -> None:
        self._value, self._cause = value, cause
        self._newest: float | None = None
        self._oldest: float | None = None
        self._sample = ""
        self._alike: dict[tuple[str | None, str | None, float | None], int] = {}
        """How many there are of each function in a queue and an hour."""

    def add(self, job: Candidate) -> None:
        """Count a job in."""
        at = job.moment
        alike = job.function, job.queue, None if at is None else at // 3600
        self._alike[alike] = self._alike.get(alike, 0) + 1
        if at is None:
            self._sample = self._sample or job.id
            return
        if self._newest is None or at >= self._newest:
            self._newest, self._sample = at, job.id
        if self._oldest is None or at < self._oldest:
            self._oldest = at

    @property
    def count(self) -> int:
        """How many jobs there are."""
        return sum(self._alike.values())

    def group(self) -> Group:
        """What was counted so far."""
        functions, queues, hours = Counter[str](), Counter[str](), Counter[int]()
        for (function, queue, hour), number in self._alike.items():
            functions[function or "–"] += number
            queues[queue or "–"] += number
            if hour is not None:
                hours[int(hour)] += number
        times = (self._newest, self._oldest, self._sample)
        most = dict(functions.most_common()), dict(queues.most_common())
        return Group(self._value, self._cause, self.count, *times, *most, dict(hours))


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
    hidden: int | None
    """As in `find.Found`."""


@dataclass(frozen=True, slots=True)
class By:
    """What jobs are grouped by."""

    name: str
    key: Callable[[Candidate], str | None]
    need: Need


BY: Final = {
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
    if text in BY:
        return BY[text]
    first, _, path = text.partition(".")
    if first == "payload" and path:
        steps = tuple(path.split("."))
        return By(text, lambda job: _argument(job, steps), PAYLOAD)
    raise InvalidInput(f"'{printable(text, 40)}' is nothing to count by: it is {', '.join(BY)} or payload.FIELD")


def _headline(job: Candidate) -> str | None:
    found = cause(job.traceback) if job.traceback else None
    return f"{found.exception}: {found.message}".strip(": ") if found else None


def _argument(job: Candidate, steps: tuple[str, ...]) -> str | None:
    found: Any = job.argument(steps)
    return None if found is None else as_text(found)[:200]


def payload_fields(client: redis.Redis, queue: str | None, status: Status) -> tuple[str, ...]:
    """The names of the keywords that the newest jobs of a list were given, the most frequent first; two round trips."""
    newest = [(row.id, row.queue or "") for row in jobs.window(client, queue, status, 0, NEWEST).rows]
    names = Counter(name for job in read(client, newest, PAYLOAD) for name in job.arguments["kwargs"])
    usable = [name for name, _ in names.most_common() if re.fullmatch(r"[^\s:<>=\".]+", name)]
    return tuple(usable[:MOST_FIELDS])


Heard = Callable[[Callable[[], Grouping]], object]
"""Called after each block with what gives the groups so far."""


def count(
    client: redis.Redis,
    scope: Scope,
    what: By,
    now: float,
    *,
    limits: Limits = UNLIMITED,
    on_groups: Heard = lambda _so_far: None,
) -> Grouping:
    """The jobs of a scope that fit, grouped by a value; `now` in seconds since the epoch. Raises redis.RedisError."""
    scan = Scan(client, scope, now, what.need | FUNCTION | MOMENT, limits)
    return _group(scan, lambda job: (what.key(job), None), on_groups)


def causes(
    client: redis.Redis, scope: Scope, now: float, *, limits: Limits = UNLIMITED, on_groups: Heard = lambda _so_far: None
) -> Grouping:
    """The failed jobs of a scope that fit, grouped by cause; `now` in seconds since the epoch. Raises redis.RedisError."""
    return _group(Scan(client, scope, now, ERROR | FUNCTION | MOMENT, limits), _cause, on_groups)


def _cause(job: Candidate) -> tuple[str, Cause]:
    found = cause(job.traceback)
    return found.fingerprint, found


def causes_of(some: Iterable[Candidate]) -> tuple[Group, ...]:
    """These failed jobs grouped by cause, the most frequent first."""
    found = _Groups(_cause)
    found.add(some)
    return found.ordered()


class _Groups:
    """The groups while jobs are added to them."""

    def __init__(self, key: Callable[[Candidate], tuple[str | None, Cause | None]]) -> None:
        self._key = key
        self._groups: dict[str | None, _Growing] = {}
        self.matched = 0

    def add(self, some: Iterable[Candidate]) -> None:
        """Count jobs in, but those that have no record that can be read."""
        for job in some:
            if not job.damaged:
                self.matched += 1
                value, found = self._key(job)
                group = self._groups.get(value)
                if group is None:
                    group = self._groups[value] = _Growing(value, found)
                group.add(job)

    def ordered(self) -> tuple[Group, ...]:
        """The largest first."""
        return tuple(each.group() for each in sorted(self._groups.values(), key=lambda each: -each.count))


def _group(scan: Scan, key: Callable[[Candidate], tuple[str | None, Cause | None]], on_groups: Heard) -> Grouping:
    groups = _Groups(key)

    def so_far() -> Grouping:
        return Grouping(groups.ordered(), scan.scanned, max(scan.total, scan.scanned), scan.complete, groups.matched, scan.hidden)

    for block in scan:
        groups.add(block)
        on_groups(so_far)
    return so_far()
