"""What runs now, and how the jobs ended that ran a moment ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import redis

from qtui.broker import jobs, rows
from qtui.broker.models import JobRow
from qtui.broker.status import Status

MOST: Final = 500
"""At most this many running jobs are read, more than anyone reads."""
KEPT: Final = 30.0
"""Seconds for which a job is still listed after it was found to have ended."""
MOST_ENDED: Final = 200


@dataclass(frozen=True, slots=True)
class Run:
    """A job that runs, or ran a moment ago."""

    row: JobRow
    """As it was when it was last seen running."""
    after: JobRow | None = None
    """As it was found when it no longer ran: ended, or waiting for another attempt. None while it runs."""
    found_at: float = 0.0
    """When that was found, by the clock of the caller."""

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


def look(client: redis.Redis, before: Sequence[Run], now: float) -> Running:
    """What runs now; a job of `before` that no longer does is read once more, and kept for `KEPT` seconds.

    `now` in seconds, of a clock that only goes on. Two round trips at most; raises redis.RedisError.
    """
    window = jobs.window(client, None, Status.STARTED, 0, MOST)
    running = {row.id for row in window.rows}
    gone = [run for run in before if run.id not in running]
    left = {run.id: run for run in gone if run.after is None}
    found = rows.named(client, [(run.id, run.row.queue or "") for run in left.values()])
    ended = [Run(left[row.id].row, row, now) for row in found if not (row.status and row.status.runs)]
    kept = [run for run in gone if run.after and now - run.found_at < KEPT]
    return Running((*map(Run, window.rows), *(ended + kept)[:MOST_ENDED]), window.total)
