"""The timeline of a job: the steps whose times its hash and its results hold."""

from __future__ import annotations

from typing import Final

from qtui.broker.models import Attempt, JobRow, Moment
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


def moments(row: JobRow, attempts: tuple[Attempt, ...]) -> tuple[Moment, ...]:
    """Every step whose time is known, in time order; steps of the same time keep the order in which they happen."""
    found = [
        _moment(row.created_at, "created", Status.CREATED),
        _moment(row.enqueued_at, "enqueued", Status.QUEUED),
    ]
    for number, attempt in zip(numbers(row, attempts), attempts, strict=True):
        name = _name(number)
        what, status = _ENDED[attempt.outcome]
        found.append(_moment(attempt.started_at, f"{name} started{_on(attempt.worker)}", Status.STARTED))
        found.append(_moment(attempt.ended_at, f"{name} {what}{_used(attempt)}", status))
    if row.started_at is not None and not any(_same(a.started_at, row.started_at) for a in attempts):
        name = _name(row.attempts)
        found.append(_moment(row.started_at, f"{name} started{_on(row.worker)}", Status.STARTED))
        if row.ended_at is not None and not any(_same(a.ended_at, row.ended_at) for a in attempts):
            found.append(_moment(row.ended_at, f"{name} ended", row.status))
    if row.status is Status.SCHEDULED:
        due = "next attempt due" if row.started_at is not None or attempts else "due"
        found.append(_moment(row.scheduled_for, due, Status.SCHEDULED))
    return tuple(sorted((moment for moment in found if moment is not None), key=lambda moment: moment.at))


def _moment(at: float | None, what: str, status: Status | None) -> Moment | None:
    return None if at is None else Moment(at, what, status)


def _on(worker: str | None) -> str:
    return f" on {worker}" if worker else ""


def _used(attempt: Attempt) -> str:
    parts = [f"CPU {attempt.cpu_seconds:.1f} s"] if attempt.cpu_seconds is not None else []
    if attempt.peak_memory_bytes is not None:
        parts.append(f"peak {size(attempt.peak_memory_bytes)}")
    return f" ({', '.join(parts)})" if parts else ""


def numbers(row: JobRow, attempts: tuple[Attempt, ...]) -> list[int | None]:
    """The numbers of the ended attempts; None where one is not certain, as RQ keeps no result of an attempt that it retried."""
    ended = row.attempts if row.attempts is None or row.status is not Status.STARTED else row.attempts - 1
    if ended is not None and ended == len(attempts):
        return list(range(1, ended + 1))
    return [None] * (len(attempts) - 1) + [ended or None] * bool(attempts)


def _name(number: int | None) -> str:
    return "attempt" if number is None else f"attempt {number}"


def _same(a: float | None, b: float | None) -> bool:
    """Whether two times differ by less than a second: RQ writes the time of one event twice, slightly different."""
    return a is not None and b is not None and abs(a - b) < 1.0
