"""The jobs that fit an expression, sorted, and a page of them as rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import redis

from qtui.broker import rows
from qtui.broker.models import JobRow
from qtui.broker.search.candidate import FUNCTION, NOTHING, Candidate, Need
from qtui.broker.search.scan import UNLIMITED, Limits, Scan, Scope
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from qtui_workers.server.rq_format import parse_int
from qtui_workers.text import printable


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of jobs; those that do not have the value come last."""

    name: str
    key: Callable[[Candidate], Any]
    need: Need = NOTHING
    descending: bool = True


def _took(job: Candidate) -> float | None:
    began, ended = job.time("started_at"), job.time("ended_at")
    return None if began is None or ended is None else ended - began


SORTS: Final = {
    sort.name: sort
    for sort in (
        Sort("newest", lambda job: job.moment),
        Sort("oldest", lambda job: job.moment, descending=False),
        Sort("took", _took),
        Sort("attempts", lambda job: parse_int(job.raw(keys.FIELD_ATTEMPT)), Need(frozenset({keys.FIELD_ATTEMPT}))),
        Sort("function", lambda job: job.function, FUNCTION, descending=False),
        Sort("queue", lambda job: job.queue, descending=False),
        Sort("id", lambda job: job.id, descending=False),
    )
}
"""Every order, by name."""


def sort_named(name: str) -> Sort:
    """The order with that name; raises InvalidInput, which lists all, if there is none."""
    if name not in SORTS:
        raise InvalidInput(f"jobs cannot be sorted by '{printable(name, 40)}': use one of {', '.join(SORTS)}")
    return SORTS[name]


@dataclass(frozen=True, slots=True)
class Found:
    """Which jobs fit, sorted, and how far the search looked."""

    jobs: Sequence[tuple[str, str]]
    """Each as (id, queue), the queue '' where it is not known; while the search goes on, the list grows."""
    scanned: int
    matched: int
    """Jobs that fit, when this was found."""
    total: int
    """Jobs that there are in the lists that were searched."""
    gone: int
    """Entries whose job has no hash any more."""
    complete: bool
    """Whether all of them were read."""

    @property
    def hidden(self) -> int:
        """Jobs that were read and do not fit."""
        return self.scanned - self.matched


def find(
    client: redis.Redis,
    scope: Scope,
    now: float,
    *,
    sort: Sort = SORTS["newest"],
    limits: Limits = UNLIMITED,
    on_found: Callable[[Callable[[], Found]], object] = lambda _so_far: None,
) -> Found:
    """Reads the jobs of a scope and keeps those that fit, sorted; `now` in seconds since the epoch. Raises redis.RedisError.

    `on_found` is called after each block with what gives the jobs found so far, in the order in which they were read.
    """
    scan = Scan(client, scope, now, sort.need, limits)
    fitting: list[tuple[Any, str, str]] = []
    so_far: list[tuple[str, str]] = []

    def found(jobs: Sequence[tuple[str, str]]) -> Found:
        return Found(jobs, scan.scanned, scan.matched, max(scan.total, scan.scanned), scan.gone, scan.complete)

    for block in scan:
        fitting += [(sort.key(job), job.id, job.queue or "") for job in block]
        so_far += [(job_id, queue) for _, job_id, queue in fitting[len(so_far) :]]
        on_found(partial(found, so_far))
    known = sorted((each for each in fitting if each[0] is not None), key=lambda each: each[0], reverse=sort.descending)
    unknown = [each for each in fitting if each[0] is None]
    return found([(job_id, queue) for _, job_id, queue in (*known, *unknown)])


def page(client: redis.Redis, found: Found, offset: int, limit: int) -> tuple[JobRow, ...]:
    """Some of the jobs that were found, as rows; one round trip."""
    return rows.named(client, found.jobs[offset : offset + limit])
