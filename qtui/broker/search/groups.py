"""What a list is made of: its jobs grouped by a value, and its failures grouped by cause, with how many and when."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

import redis

from qtui.broker.lists import jobs
from qtui.broker.search.candidate import ERROR, FUNCTION, MOMENT, NOTHING, PAYLOAD, Candidate, Need, arguments_at
from qtui.broker.search.fingerprint import Cause, cause
from qtui.broker.search.scan import UNLIMITED, Scan, Scope, SearchBounds, read
from qtui.broker.status import Status
from qtui_workers.errors import InvalidInput
from qtui_workers.reading.matching import as_text
from qtui_workers.text import printable

NEWEST: Final = 20
"""So many of the newest jobs show which fields the payloads of a list have …"""
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
    """How many are in each queue, the most frequent first; empty where they are not grouped by cause."""
    hours: dict[int, int]
    """How many there were in each hour, as hours since the epoch; empty where they are not grouped by cause."""

    def history(self, now: float) -> list[int]:
        """How many there were in each of the last `HOURS` hours, the newest last; `now` in seconds since the epoch."""
        newest = int(now // 3600)
        return [self.hours.get(hour, 0) for hour in range(newest - HOURS + 1, newest + 1)]


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
    unreadable: int
    """Entries that fit but have no record that can be read, and so are in no group."""


Values = Callable[[Sequence[Candidate]], Iterable[str | None]]
"""The values by which some jobs are grouped, one of each job."""


@dataclass(frozen=True, slots=True)
class By:
    """What jobs are grouped by."""

    name: str
    values: Values
    need: Need


BY: Final = {
    by.name: by
    for by in (
        By("function", lambda jobs: [job.function for job in jobs], FUNCTION),
        By("worker", lambda jobs: [job.worker for job in jobs], Need(frozenset({"worker_name"}))),
        By("error", lambda jobs: map(_headline, jobs), ERROR),
        By("queue", lambda jobs: [job.queue for job in jobs], NOTHING),
        By("status", lambda jobs: [job.status and job.status.value for job in jobs], NOTHING),
    )
}


def by(text: str) -> By:
    """What a name stands for: one of `function`, `worker`, `error`, `queue`, `status`, or `payload.FIELD`; InvalidInput else."""
    if text in BY:
        return BY[text]
    first, _, path = text.partition(".")
    if first == "payload" and path:
        steps = tuple(path.split("."))
        return By(text, lambda jobs: map(_as_value, arguments_at(jobs, steps)), PAYLOAD)
    raise InvalidInput(f"'{printable(text, 40)}' is nothing to count by: it is {', '.join(BY)} or payload.FIELD")


def _headline(job: Candidate) -> str | None:
    found = cause(job.traceback) if job.traceback else None
    return f"{found.exception}: {found.message}".strip(": ") if found else None


def _as_value(found: Any) -> str | None:
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
    limits: SearchBounds = UNLIMITED,
    on_groups: Heard = lambda _so_far: None,
) -> Grouping:
    """The jobs of a scope that fit, grouped by a value; `now` in seconds since the epoch. Raises redis.RedisError."""
    scan = Scan(client, scope, now, what.need | FUNCTION | MOMENT, limits)
    return _group(scan, Groups(what.values), on_groups)


def causes(
    client: redis.Redis, scope: Scope, now: float, *, limits: SearchBounds = UNLIMITED, on_groups: Heard = lambda _so_far: None
) -> Grouping:
    """The failed jobs of a scope that fit, grouped by cause; `now` in seconds since the epoch. Raises redis.RedisError."""
    return _group(Scan(client, scope, now, ERROR | FUNCTION | MOMENT, limits), _Causes(), on_groups)


def fingerprints(client: redis.Redis, now: float, until: str, limits: SearchBounds = UNLIMITED) -> frozenset[str]:
    """Those of the causes of all failed jobs; once `until` is among them, no more jobs are read. Raises redis.RedisError."""
    found: set[str] = set()
    for block in Scan(client, Scope(None, (Status.FAILED,)), now, ERROR, limits):
        found.update(cause(job.traceback).fingerprint for job in block if not job.damaged)
        if until in found:
            break
    return frozenset(found)


def causes_of(some: Collection[Candidate]) -> tuple[Group, ...]:
    """These failed jobs grouped by cause, the most frequent first."""
    found = _Causes()
    found.add(some)
    return found.ordered()


_Place = tuple[str | None, float | None] | None
"""The queue and the hour of a job, where they are counted."""
_Alike = tuple[str | None, str | None, _Place]
"""The value, the function and the place of a job."""


@dataclass(slots=True)
class _Seen:
    """When the jobs of a group ended."""

    newest: float | None
    oldest: float | None
    sample: str


class Groups:
    """The groups while jobs are added to them."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._alike = Counter[_Alike]()
        self._seen: dict[str | None, _Seen] = {}
        self.matched = self.unreadable = 0

    def add(self, some: Collection[Candidate]) -> None:
        """Count jobs in; those that have no record that can be read are in no group."""
        jobs = [job for job in some if not job.damaged]
        self.matched += len(jobs)
        self.unreadable += len(some) - len(jobs)
        values, moments = list(self._values(jobs)), [job.moment for job in jobs]
        self._alike.update(zip(values, [job.function for job in jobs], self._places(jobs, moments), strict=False))
        for value, at, job in zip(values, moments, jobs, strict=True):
            seen = self._seen.get(value)
            if seen is None:
                self._seen[value] = _Seen(at, at, job.id)
            elif at is None:
                continue
            elif seen.newest is None or seen.oldest is None:
                seen.newest, seen.oldest, seen.sample = at, at, job.id
            elif at >= seen.newest:
                seen.newest, seen.sample = at, job.id
            elif at < seen.oldest:
                seen.oldest = at

    def _places(self, jobs: Sequence[Candidate], moments: Sequence[float | None]) -> Iterable[_Place]:
        return repeat(None)

    def ordered(self) -> tuple[Group, ...]:
        """The largest first."""
        parts: dict[str | None, list[tuple[str, _Place, int]]] = {value: [] for value in self._seen}
        for (value, function, place), number in self._alike.items():
            parts[value].append((function or "–", place, number))
        groups = [self._group(value, some) for value, some in parts.items()]
        return tuple(sorted(groups, key=lambda group: -group.count))

    def _group(self, value: str | None, parts: Iterable[tuple[str, _Place, int]]) -> Group:
        functions, queues, hours = dict[str, int](), dict[str, int](), dict[int, int]()
        for function, place, number in parts:
            functions[function] = functions.get(function, 0) + number
            if place:
                queue, hour = place[0] or "–", place[1]
                queues[queue] = queues.get(queue, 0) + number
                if hour is not None:
                    hours[int(hour)] = hours.get(int(hour), 0) + number
        seen, count = self._seen[value], sum(functions.values())
        most = _most_first(functions), _most_first(queues)
        return Group(value, self._cause(value), count, seen.newest, seen.oldest, seen.sample, *most, hours)

    def _cause(self, value: str | None) -> Cause | None:
        return None


class _Causes(Groups):
    """Failed jobs by their cause, whose fingerprint is the value; also in which queues and hours they failed."""

    def __init__(self) -> None:
        super().__init__(lambda jobs: map(self._fingerprint, jobs))
        self._known: dict[str | None, Cause] = {}

    def _fingerprint(self, job: Candidate) -> str:
        found = cause(job.traceback)
        self._known.setdefault(found.fingerprint, found)
        return found.fingerprint

    def _places(self, jobs: Sequence[Candidate], moments: Sequence[float | None]) -> Iterable[_Place]:
        return [(job.queue, None if at is None else at // 3600) for job, at in zip(jobs, moments, strict=True)]

    def _cause(self, value: str | None) -> Cause | None:
        return self._known.get(value)


def _most_first(numbers: dict[str, int]) -> dict[str, int]:
    return numbers if len(numbers) < 2 else dict(sorted(numbers.items(), key=itemgetter(1), reverse=True))


def _group(scan: Scan, groups: Groups, on_groups: Heard) -> Grouping:
    def so_far() -> Grouping:
        total = max(scan.total, scan.scanned)
        return Grouping(groups.ordered(), scan.scanned, total, scan.complete, groups.matched, scan.hidden, groups.unreadable)

    for block in scan:
        groups.add(block)
        on_groups(so_far)
    return so_far()
