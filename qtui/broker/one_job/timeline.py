"""The timeline of a job: the steps whose times are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qtui.broker.models import JobRow, TimelineStep
from qtui.broker.one_job.attempts import KnownAttempt
from qtui.broker.status import Status
from qtui_workers.text import size

_ENDED: Final[dict[str | None, tuple[str, Status | None]]] = {
    "ok": ("finished", Status.FINISHED),
    "failed": ("failed", Status.FAILED),
    "stopped": ("stopped", Status.STOPPED),
    "retried": ("asked to be retried", Status.SCHEDULED),
    "gave up": ("gave up after its last retry", Status.FAILED),
    None: ("ended", None),
}


def moments(row: JobRow, tried: Sequence[KnownAttempt]) -> tuple[TimelineStep, ...]:
    """Every step whose time is known, in time order; steps of the same time keep the order in which they happen."""
    found = [
        _moment(row.created_at, "created", Status.CREATED),
        _moment(row.enqueued_at, "enqueued", Status.QUEUED),
    ]
    for each in tried:
        name = "attempt" if each.number is None else f"attempt {each.number}"
        found.append(_moment(each.began, f"{name} started{_on(each.worker)}", Status.STARTED))
        if each.outcome != "runs":
            what, status = _ENDED[each.outcome]
            found.append(_moment(each.ended, f"{name} {what}{_used(each)}", status or row.status))
    if row.status is Status.SCHEDULED:
        found.append(_moment(row.scheduled_for, "next attempt due" if tried else "due", Status.SCHEDULED))
    return tuple(sorted((moment for moment in found if moment is not None), key=lambda moment: moment.at))


def _moment(at: float | None, what: str, status: Status | None) -> TimelineStep | None:
    return None if at is None else TimelineStep(at, what, status)


def _on(worker: str | None) -> str:
    return f" on {worker}" if worker else ""


def _used(attempt: KnownAttempt) -> str:
    parts = [f"CPU {attempt.cpu_seconds:.1f} s"] if attempt.cpu_seconds is not None else []
    if attempt.peak_memory_bytes is not None:
        parts.append(f"peak {size(attempt.peak_memory_bytes)}")
    return f" ({', '.join(parts)})" if parts else ""
