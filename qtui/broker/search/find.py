"""The jobs that fit an expression, sorted, and a page of them as rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis

from qtui.broker import rows
from qtui.broker.models import JobRow
from qtui.broker.search.scan import UNLIMITED, Scan, Scope, SearchBounds
from qtui.broker.search.sorting import NEWEST, Sort


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
    hidden: int | None
    """Jobs of the statuses that do not fit, of those that were read and of the queues that were left out; None if not known."""
    queues: frozenset[str]
    """The queues of the jobs."""


def find(
    client: redis.Redis,
    scope: Scope,
    now: float,
    *,
    sort: Sort = NEWEST,
    limits: SearchBounds = UNLIMITED,
    on_found: Callable[[Callable[[], Found]], object] = lambda _so_far: None,
) -> Found:
    """Reads the jobs of a scope and keeps those that fit, sorted; `now` in seconds since the epoch. Raises redis.RedisError.

    `on_found` is called after each block with what gives the jobs found so far, in the order in which they were read.
    """
    scan = Scan(client, scope, now, sort.need, limits)
    fitting: list[tuple[Any, str, str]] = []
    so_far: list[tuple[str, str]] = []
    queues: set[str] = set()

    def found(jobs: Sequence[tuple[str, str]]) -> Found:
        total = max(scan.total, scan.scanned)
        return Found(jobs, scan.scanned, scan.matched, total, scan.gone, scan.complete, scan.hidden, frozenset(queues))

    for block in scan:
        queues.update(job.queue or "" for job in block)
        fitting += [(sort.key(job), job.id, job.queue or "") for job in block]
        so_far += [(job_id, queue) for _, job_id, queue in fitting[len(so_far) :]]
        on_found(partial(found, so_far))
    return found([(job_id, queue) for _, job_id, queue in sort.arrange(fitting, lambda each: each[0])])


def page(client: redis.Redis, found: Found, offset: int, limit: int) -> tuple[JobRow, ...]:
    """Some of the jobs that were found, as rows; one round trip."""
    return rows.named(client, found.jobs[offset : offset + limit])
