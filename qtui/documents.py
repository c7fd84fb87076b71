"""The JSON output of the commands: one document for each kind of thing; its fields are stable and listed in the README."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from qtui.broker.models import Attempt, JobDetail, JobRow, LogLine, Moment, Progress, QueueRow, Window
from qtui.broker.status import COUNTED


def iso(at: float | None) -> str | None:
    """A time as ISO 8601 in UTC; None if it is not known, or its year cannot be represented."""
    try:
        return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


def of_queue(row: QueueRow) -> dict[str, Any]:
    """A queue as `qtui queues --json` lists it."""
    counts = {status.value: row.count(status) for status in COUNTED}
    return {
        "name": row.name,
        **counts,
        "workers": row.workers,
        "paused": row.paused,
        "oldest_seconds": row.oldest_seconds,
        "enqueued_per_second": row.enqueued_per_second,
        "finished_per_second": row.finished_per_second,
    }


def of_progress(progress: Progress | None) -> dict[str, Any] | None:
    """How far a job is, as JSON shows it."""
    if progress is None:
        return None
    return {**asdict(progress), "fraction": progress.fraction}


def of_job_row(row: JobRow) -> dict[str, Any]:
    """A job as `qtui jobs --json` lists it."""
    return {
        "id": row.id,
        "queue": row.queue,
        "status": row.status.value if row.status else None,
        "function": row.function,
        "description": row.description,
        "created_at": iso(row.created_at),
        "enqueued_at": iso(row.enqueued_at),
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "scheduled_for": iso(row.scheduled_for),
        "attempts": row.attempts,
        "retries_left": row.retries_left,
        "progress": of_progress(row.progress),
        "error": row.error,
        "problem": row.problem,
    }


def of_window(window: Window) -> dict[str, Any]:
    """A window of jobs as `qtui jobs --json` prints it."""
    document = {"total": window.total, "offset": window.offset, "jobs": [of_job_row(row) for row in window.rows]}
    if window.scanned is not None:
        document |= {"scanned": window.scanned, "complete": window.complete}
    return document


def of_job(detail: JobDetail) -> dict[str, Any]:
    """Everything about one job, as `qtui job --json` prints it."""
    return {
        **of_job_row(detail.row),
        "payload": detail.payload,
        "result": detail.result,
        "meta": detail.meta,
        "failed_reason": detail.failed_reason,
        "traceback": detail.traceback,
        "timeline": [_of_moment(moment) for moment in detail.timeline],
        "attempts_ended": [_of_attempt(attempt) for attempt in detail.attempts],
        "logs": [_of_log_line(line) for line in detail.logs],
        "depends_on": list(detail.depends_on),
        "dependents": list(detail.dependents),
        "worker": detail.row.worker,
        "timeout": detail.row.timeout,
        "problems": list(detail.problems),
    }


def _of_moment(moment: Moment) -> dict[str, Any]:
    return {"at": iso(moment.at), "what": moment.what, "status": moment.status.value if moment.status else None}


def _of_attempt(attempt: Attempt) -> dict[str, Any]:
    times = {"started_at": iso(attempt.started_at), "ended_at": iso(attempt.ended_at)}
    return asdict(attempt) | times


def _of_log_line(line: LogLine) -> dict[str, Any]:
    return {"at": iso(line.at), "level": line.level, "text": line.text}
