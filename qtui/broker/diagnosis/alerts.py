"""Compares queues with limits, for monitoring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

from qtui.broker.diagnosis import troubles
from qtui.broker.diagnosis.troubles import Trouble
from qtui.broker.diagnosis.wrong_types import WrongType
from qtui.broker.queues import trend
from qtui.broker.queues.figures import Figures, QueueFigures
from qtui.broker.status import Status

ENOUGH: Final = 10
"""The share of failures is judged of at least this many jobs of the last minute: of two jobs, one is no sign of anything."""


Figure = Literal["oldest", "failed", "fail_rate"]
"""What can have a limit."""


class Level(IntEnum):
    """How bad it is; the number is the exit code that monitoring programs expect."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a figure must not exceed."""

    critical: float
    warning: float | None = None

    def level(self, value: float) -> Level:
        """How bad a value is."""
        if value > self.critical:
            return Level.CRITICAL
        return Level.WARNING if self.warning is not None and value > self.warning else Level.OK


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is checked; None: not checked."""

    oldest: Threshold | None = None
    """Seconds that the job at the head of a queue has waited."""
    failed: Threshold | None = None
    """How many failed jobs a queue holds."""
    fail_rate: Threshold | None = None
    """The share of failures among the jobs that ended in the last minute, 0 to 1."""
    unattended: bool = False
    """Whether jobs wait where nobody listens."""

    @property
    def names_nothing(self) -> bool:
        """Whether no limit is set, so that what the dashboard calls trouble is checked instead."""
        return self == Thresholds()


@dataclass(frozen=True, slots=True)
class Alert:
    """One figure that is beyond its limit."""

    level: Level
    queue: str | None
    """None: all of it."""
    what: Figure | str
    """The figure; else what is wrong in words, without the queue's name."""
    value: float | None = None
    limit: float | None = None


def check(figures: Figures, limits: Thresholds, wrong: Sequence[WrongType] = ()) -> list[Alert]:
    """What is beyond its limit, the worst first; before all else what is true of every queue.

    `wrong`: the keys of a wrong type, of which nothing can be known.
    """
    found = [Alert(Level.CRITICAL, None, "all workers are suspended")] if figures.overview.suspended else []
    found += [Alert(Level.CRITICAL, each.queue, each.sentence) for each in wrong]
    found += [alert for queue in figures.queues for alert in _of_queue(queue, limits)]
    return sorted(found, key=lambda alert: -alert.level)


def _of_queue(queue: QueueFigures, limits: Thresholds) -> Iterator[Alert]:
    row = queue.row
    if limits.names_nothing:
        yield from (_of_trouble(queue, trouble) for trouble in troubles.of(row))
    if limits.unattended and trend.unattended(row) and not row.paused:
        yield Alert(Level.CRITICAL, row.name, f"nobody listens, {trend.waiting(row.count(Status.QUEUED))}")
    ended = (row.lately_failed or 0) + (row.lately_finished or 0)
    figures: tuple[tuple[Figure, Threshold | None, float | None], ...] = (
        ("oldest", limits.oldest, row.oldest_seconds),
        ("failed", limits.failed, row.count(Status.FAILED)),
        ("fail_rate", limits.fail_rate, queue.failed_share if ended >= ENOUGH else None),
    )
    for figure, limit, value in figures:
        if limit is not None and value is not None and (level := limit.level(value)):
            yield Alert(level, row.name, figure, value, limit.critical if level is Level.CRITICAL else limit.warning)


def _of_trouble(queue: QueueFigures, trouble: Trouble) -> Alert:
    when = " in the last minute" if trouble.opens == "causes" else ""
    return Alert(Level.CRITICAL if trouble.tone == "bad" else Level.WARNING, queue.row.name, trouble.why(queue.row) + when)


def worst(alerts: Sequence[Alert]) -> Level:
    """The level of all of them together."""
    return max((alert.level for alert in alerts), default=Level.OK)
