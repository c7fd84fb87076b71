"""Calculates from the figures of a queue whether it fills or drains."""

from __future__ import annotations

from typing import Final

from qtui.broker.models import QueueRow
from qtui.broker.status import Status

STEADY: Final = 0.05
"""Jobs a second; a smaller difference between jobs that enter and jobs that leave is noise."""


def unattended(queue: QueueRow) -> bool:
    """Whether jobs wait in the queue while no living worker listens to it."""
    return queue.workers == 0 and queue.count(Status.QUEUED) > 0


def growth(queue: QueueRow) -> float | None:
    """Jobs a second by which the queue grows (negative: shrinks); None where not known."""
    rates = queue.enqueued_per_second, queue.finished_per_second, queue.failed_per_second
    if None in rates:
        return None
    entered, finished, failed = (rate or 0.0 for rate in rates)
    return entered - finished - failed


def falling_behind(queue: QueueRow) -> bool:
    """Whether more jobs enter than leave while jobs wait."""
    return (growth(queue) or 0.0) > STEADY and queue.count(Status.QUEUED) > 0


def failing(queue: QueueRow) -> bool:
    """Whether jobs fail and none succeeds."""
    return bool(queue.lately_failed) and queue.lately_finished == 0


def drain_seconds(queue: QueueRow) -> float | None:
    """Seconds until no job waits any more at the present rates; inf: never; None: not known."""
    waiting, rate = queue.count(Status.QUEUED), growth(queue)
    if waiting == 0:
        return 0.0
    if rate is None:
        return None
    return waiting / -rate if rate < -STEADY else float("inf")


def trouble_status(queue: QueueRow) -> Status | None:
    """The status whose jobs show why the queue is in trouble; None if nothing is wrong."""
    if queue.paused or unattended(queue):
        return Status.QUEUED if queue.count(Status.QUEUED) else None
    return Status.FAILED if queue.count(Status.FAILED) else None


def waiting(number: int) -> str:
    """How many jobs wait: "nothing waits", "1 job waits", "12,431 jobs wait"."""
    return {0: "nothing waits", 1: "1 job waits"}.get(number, f"{number:,} jobs wait")
