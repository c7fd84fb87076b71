"""What runs now, and how the jobs ended that ran a moment ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Final

import redis

from qtui.broker import rows
from qtui.broker.lists import jobs
from qtui.broker.models import JobRow
from qtui.broker.status import Status

MOST: Final = 500
"""At most this many running jobs are read, more than anyone reads; and so many may be named."""
KEPT: Final = 30.0
"""Seconds for which a job is still listed after it was found to have ended."""
MOST_ENDED: Final = 200


@dataclass(frozen=True)  # no slots: with them there is no cached_property
class Subject:
    """Which jobs are watched; without a value all that run."""

    ids: tuple[str, ...] = ()
    """These jobs only, whether they run or not: the first `MOST` of them."""
    queue: str | None = None
    """The jobs of this queue only."""

    @cached_property
    def _named(self) -> frozenset[str]:
        return frozenset(self.ids)

    def covers(self, job: str | None, queue: str | None) -> bool:
        """Whether it is about that job of that queue."""
        if self.ids:
            return job in self._named
        return self.queue is None or queue == self.queue


EVERYTHING: Final = Subject()


@dataclass(frozen=True, slots=True)
class Run:
    """A job that runs, or ran a moment ago."""

    row: JobRow
    """As it was when it was last seen running."""
    after: JobRow | None = None
    """As it was found when it no longer ran: ended, or waiting for another attempt. None while it runs."""
    found_at: float = 0.0
    """When it ended, else when that was found, by the clock of the caller."""

    @property
    def id(self) -> str:
        """The job's id."""
        return self.row.id

    @property
    def now(self) -> JobRow:
        """The job as it was last seen."""
        return self.after or self.row


@dataclass(frozen=True, slots=True)
class Running:
    """The running jobs, and behind them those that have ended."""

    runs: tuple[Run, ...]
    total: int
    """How many run; there may be more than are listed."""
    at: float = -inf
    """When they were looked at, by the clock of the caller."""


NOBODY: Final = Running((), 0)
"""What was seen before the first look."""


def look(client: redis.Redis, before: Running, now: float, about: Subject = EVERYTHING, *, at: float | None = None) -> Running:
    """What runs now; a job of `before` that no longer does is read once more, and kept until `KEPT` seconds after its end.

    Jobs that are named are listed whatever becomes of them. `now` in seconds, of a clock that only goes on; `at`: the server's
    clock: without it jobs are kept as if they had ended now. Where a job does not say when it ended, it is left out if the look
    before is longer ago than it would be kept. Two round trips at most; raises redis.RedisError.
    """
    if about.ids:
        return _named(client, before.runs, now, about.ids[:MOST])
    window = jobs.window(client, about.queue, Status.STARTED, 0, MOST)
    running = {row.id for row in window.rows}
    gone = [run for run in before.runs if run.id not in running]
    left = {run.id: run for run in gone if run.after is None}
    found = rows.named(client, [(run.id, run.row.queue or "") for run in left.values()])
    stopped = [row for row in found if not (row.status and row.status.runs)]
    ended = [Run(left[row.id].row, row, _ended_at(row, now, at, before.at)) for row in stopped]
    kept = [run for run in (*ended, *(run for run in gone if run.after)) if now - run.found_at < KEPT]
    return Running((*map(Run, window.rows), *kept[:MOST_ENDED]), window.total, now)


def _ended_at(row: JobRow, now: float, at: float | None, before: float) -> float:
    """When a job ended that ran at the look `before`, by the clock of `now`; where it does not say, the earliest that may be."""
    if at is None:
        return now
    ended, has_ended = row.ended_at, row.status is not None and row.status.ended
    if ended is None or not (has_ended or ended >= (row.started_at or 0.0)):  # a job that is retried may have its last end
        return before if now - before >= KEPT else now
    return min(now, now - at + ended)


def _named(client: redis.Redis, before: Sequence[Run], now: float, ids: Sequence[str]) -> Running:
    known = {run.id: run for run in before}
    found = []
    for row in rows.named(client, [(job_id, "") for job_id in ids]):
        earlier = known.get(row.id)
        if row.status and not row.status.ended:
            found.append(Run(row))
        else:
            found.append(Run(earlier.row if earlier else row, row, earlier.found_at if earlier and earlier.after else now))
    return Running(tuple(found), sum(bool(run.row.status and run.row.status.runs) for run in found if run.after is None), now)
