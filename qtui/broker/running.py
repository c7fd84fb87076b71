"""What runs now, and how the jobs ended that ran a moment ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import redis

from qtui.broker import jobs, rows
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


def look(
    client: redis.Redis, before: Sequence[Run], now: float, about: Subject = EVERYTHING, *, at: float | None = None
) -> Running:
    """What runs now; a job of `before` that no longer does is read once more, and kept until `KEPT` seconds after its end.

    Jobs that are named are listed whatever becomes of them. `now` in seconds, of a clock that only goes on; `at`: the server's
    clock: without it jobs that ended while nobody looked are kept as if they had ended now. Two round trips at most; raises
    redis.RedisError.
    """
    if about.ids:
        return _named(client, before, now, about.ids[:MOST])
    window = jobs.window(client, about.queue, Status.STARTED, 0, MOST)
    running = {row.id for row in window.rows}
    gone = [run for run in before if run.id not in running]
    left = {run.id: run for run in gone if run.after is None}
    found = rows.named(client, [(run.id, run.row.queue or "") for run in left.values()])
    ended = [Run(left[row.id].row, row, now - _since(row, at)) for row in found if not (row.status and row.status.runs)]
    kept = [run for run in (*ended, *(run for run in gone if run.after)) if now - run.found_at < KEPT]
    return Running((*map(Run, window.rows), *kept[:MOST_ENDED]), window.total)


def _since(row: JobRow, at: float | None) -> float:
    """For how many seconds a job has ended; 0 where that is not known."""
    ended = row.ended_at if row.status and row.status.ended else None
    return 0.0 if at is None or ended is None else max(0.0, at - ended)


def _named(client: redis.Redis, before: Sequence[Run], now: float, ids: Sequence[str]) -> Running:
    known = {run.id: run for run in before}
    found = []
    for row in rows.named(client, [(job_id, "") for job_id in ids]):
        earlier = known.get(row.id)
        if row.status and not row.status.ended:
            found.append(Run(row))
        else:
            found.append(Run(earlier.row if earlier else row, row, earlier.found_at if earlier and earlier.after else now))
    return Running(tuple(found), sum(bool(run.row.status and run.row.status.runs) for run in found if run.after is None))
