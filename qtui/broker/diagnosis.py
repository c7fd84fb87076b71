"""Finds out from the figures of a queue whether it is in trouble, and describes the trouble in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from qtui.broker.models import Overview, QueueRow
from qtui.broker.status import Status

STEADY: Final = 0.05
"""Jobs a second; a smaller difference between jobs that enter and jobs that leave is noise."""


def unattended(queue: QueueRow) -> bool:
    """Whether jobs wait in the queue while no living worker listens to it."""
    return queue.workers == 0 and queue.count(Status.QUEUED) > 0


def growth(queue: QueueRow) -> float | None:
    """Jobs a second by which the queue grows (negative: shrinks); None where not known."""
    if queue.enqueued_per_second is None or queue.finished_per_second is None:
        return None
    return queue.enqueued_per_second - queue.finished_per_second


def falling_behind(queue: QueueRow) -> bool:
    """Whether more jobs enter than leave while jobs wait."""
    return (growth(queue) or 0.0) > STEADY and queue.count(Status.QUEUED) > 0


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


def _trouble(queue: QueueRow) -> tuple[object, ...]:
    return (
        not unattended(queue),
        not falling_behind(queue),
        -queue.count(Status.FAILED),
        -queue.count(Status.QUEUED),
        queue.name,
    )


ORDERS: Final[dict[str, Callable[[QueueRow], tuple[object, ...]]]] = {
    "trouble": _trouble,
    "name": lambda queue: (queue.name,),
    "queued": lambda queue: (-queue.count(Status.QUEUED), queue.name),
    "failed": lambda queue: (-queue.count(Status.FAILED), queue.name),
}
"""The sort keys of lists of queues, by name; the first is the default."""


def verdict(queue: QueueRow, overview: Overview) -> str:
    """What an operator has to know about a queue now, in one or more sentences."""
    queued, failed, running = (queue.count(s) for s in (Status.QUEUED, Status.FAILED, Status.STARTED))
    parts = []
    if overview.suspended:
        parts.append("All workers are suspended (`rq resume` ends that).")
    if queue.paused:
        parts.append(f"{queue.name} is paused until somebody resumes it: {waiting(queued)}.")
    elif unattended(queue):
        parts.append(f"{queue.name}: nobody listens and {waiting(queued)}. Start a worker: qtui-worker {queue.name}")
    elif falling_behind(queue):
        parts.append(f"{queue.name} is falling behind by {growth(queue):,.1f} a second: {waiting(queued)}.")
    elif queued:
        parts.append(f"{queue.name}: {waiting(queued)}, {running:,} running.")
    elif running:
        parts.append(f"{queue.name}: nothing waits, {running:,} running.")
    else:
        parts.append(f"{queue.name}: nothing waits, nothing runs; {_workers(queue.workers)}.")
    if failed:
        parts.append(f"{failed:,} failed.")
    return " ".join(parts)


def waiting(number: int) -> str:
    """How many jobs wait: "nothing waits", "1 job waits", "12,431 jobs wait"."""
    return {0: "nothing waits", 1: "1 job waits"}.get(number, f"{number:,} jobs wait")


def _workers(number: int) -> str:
    return {0: "no worker listens", 1: "1 worker listens"}.get(number, f"{number:,} workers listen")
