"""Calculates from the figures of a queue whether it fills or drains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtui.broker.status import Status

if TYPE_CHECKING:
    from qtui.broker.models import QueueRow

STEADY: Final = 0.05
"""Jobs a second; a smaller difference between jobs that enter and jobs that leave is noise."""
BRIEF: Final = 10.0
"""Seconds; where the job at the head has waited no longer, more that enter than leave are a burst, not too few workers."""
LATELY: Final = 60.0
"""Seconds: whether attempts fail is judged over the last minute, by the dashboard (its last 30 to 60 s) and by commands alike."""
LONG: Final = 60.0
"""Seconds after which a waiting job should have been taken by a worker that has nothing to do."""
MOSTLY: Final = 0.5
"""From this share of failures on a queue is in trouble, although some of its jobs succeed."""


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


def growth_a_minute(queue: QueueRow) -> int:
    """By how many jobs a minute it grows; 0 where not known."""
    return round((growth(queue) or 0.0) * 60)


def is_brisk(queue: QueueRow) -> bool:
    """Whether all that waits has entered a moment ago, so that all that waited before has been taken."""
    return queue.oldest_seconds is not None and queue.oldest_seconds <= BRIEF


def falling_behind(queue: QueueRow) -> bool:
    """Whether more jobs enter than leave while jobs wait for more than a moment."""
    return (growth(queue) or 0.0) > STEADY and queue.count(Status.QUEUED) > 0 and not is_brisk(queue)


def share_of_failures(queue: QueueRow) -> float:
    """Which part of the attempts that ended lately failed: 0 to 1; 0 where nothing is known."""
    failed, finished = queue.lately_failed or 0, queue.lately_finished or 0
    return failed / (failed + finished) if failed else 0.0


def failing(queue: QueueRow) -> bool:
    """Whether jobs fail and none succeeds."""
    return share_of_failures(queue) == 1


def mostly_failing(queue: QueueRow) -> bool:
    """Whether at least as many jobs fail as succeed."""
    return share_of_failures(queue) >= MOSTLY


def untaken(queue: QueueRow) -> bool:
    """Whether jobs wait for long although a worker that listens has nothing to do, and none runs or has ended lately."""
    ended = (queue.lately_finished, queue.lately_failed)
    return (
        not queue.paused
        and queue.workers > queue.busy
        and queue.count(Status.QUEUED) > 0 == queue.count(Status.STARTED)
        and (queue.oldest_seconds or 0.0) > LONG
        and ended == (0, 0)
    )


def drain_seconds(queue: QueueRow) -> float | None:
    """Seconds until no job waits any more at the present rates; inf: never; None: not known."""
    waiting, rate = queue.count(Status.QUEUED), growth(queue)
    if waiting == 0:
        return 0.0
    if rate is None:
        return None
    return waiting / -rate if rate < -STEADY else float("inf")


def waiting(number: int) -> str:
    """How many jobs wait: "nothing waits", "1 job waits", "12,431 jobs wait"."""
    return {0: "nothing waits", 1: "1 job waits"}.get(number, f"{number:,} jobs wait")
