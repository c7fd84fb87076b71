"""The JSON output of the commands: one document for each kind of thing; its fields are stable and listed in the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qtui.broker.status import COUNTED
from qtui_workers.records import as_dict

if TYPE_CHECKING:
    from qtui.broker.diagnosis.acknowledged import Acknowledgement
    from qtui.broker.holds import Held
    from qtui.broker.models import JobDetail, JobRow, Progress, QueueRow, TimelineStep, Window
    from qtui.broker.one_job.attempts import KnownAttempt
    from qtui.broker.one_job.job_history import JobHistory
    from qtui.broker.one_job.takers import Takers
    from qtui.broker.search.find import Found
    from qtui.broker.search.groups import Group, Grouping
    from qtui.broker.tail.lines import Line
    from qtui.broker.workers.workers_at_work import AtWork
    from qtui_workers.reading.hold import Hold
    from qtui_workers.reporting.job_log import LogLine
    from qtui_workers.reporting.stack import StackAnswer


def iso(at: float | None) -> str | None:
    """A time as ISO 8601 in UTC; None if it is not known, or its year cannot be represented."""
    try:
        return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


def of_queue(row: QueueRow, *, suspended: bool) -> dict[str, Any]:
    """A queue as `qtui queues --json` lists it; `suspended`: whether all workers are."""
    counts = {status.value: row.count(status) for status in COUNTED}
    return {
        "name": row.name,
        **counts,
        "workers": row.workers,
        "paused": row.paused,
        "suspended": suspended,
        "held": row.held,
        "oldest_seconds": row.oldest_seconds,
        "enqueued_per_second": row.enqueued_per_second,
        "finished_per_second": row.finished_per_second,
        "failed_per_second": row.failed_per_second,
    }


def of_worker(each: AtWork) -> dict[str, Any]:
    """A worker as `qtui workers --json` lists it; the counts of one that is silent are not known."""
    row = each.worker
    return {
        "name": row.name,
        "host": row.host,
        "pid": row.pid,
        "status": row.status,
        "queues": list(row.queues),
        "current_job": row.current_job,
        "successful": row.successful,
        "failed": row.failed,
        "started_at": iso(row.started_at),
        "heartbeat_seconds": row.heartbeat_seconds,
        "stale": row.is_silent,
        "version": row.version,
        "busy_since": iso(each.busy_since),
        "memory_bytes": row.memory,
        "horse_memory_bytes": row.horse_memory,
        "stopping": row.stopping,
    }


def of_progress(progress: Progress | None) -> dict[str, Any] | None:
    """How far a job is, as JSON shows it."""
    if progress is None:
        return None
    return {**as_dict(progress), "fraction": progress.fraction}


def of_hold(hold: Hold) -> dict[str, Any]:
    """What is held, by whom, since when and why."""
    return {"hold": hold.text, "by": hold.by, "at": iso(hold.at), "reason": hold.reason}


def of_held(found: Held) -> dict[str, Any]:
    """A hold as `qtui hold --json` lists it."""
    hold = found.hold
    parts = {"function": hold.function, "field": hold.field or None, "value": hold.value or None}
    return {**of_hold(hold), **parts, "placed": found.placed, "held": found.count, "queues": found.waiting}


def of_job_row(row: JobRow, now: float) -> dict[str, Any]:
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
        "held": of_hold(row.held) if row.held else None,
        "silent_seconds": row.silence(now),
        "problem": row.problem,
    }


def of_window(window: Window, now: float) -> dict[str, Any]:
    """A window of jobs as `qtui jobs --json` prints it."""
    document = {
        "total": window.total,
        "offset": window.offset,
        "jobs": [of_job_row(row, now) for row in window.rows],
        "hidden": 0,
    }
    if window.scanned is not None:
        document |= {"scanned": window.scanned, "complete": window.complete}
    if window.in_order is not None:
        document |= {"in_order": window.in_order, "then": window.then}
    return document


def of_found(found: Found, offset: int, rows: Sequence[JobRow], now: float) -> dict[str, Any]:
    """A page of the jobs that a search found, as `qtui jobs --filter … --json` prints it."""
    document = {"total": len(found.jobs), "offset": offset, "jobs": [of_job_row(row, now) for row in rows]}
    return document | {"hidden": found.hidden, "scanned": found.scanned, "complete": found.complete}


def of_causes(found: Grouping, known: Mapping[str, Acknowledgement]) -> dict[str, Any]:
    """Failed jobs by cause, as `qtui failures --json` prints them."""
    return {**_how_far(found), "groups": [_of_cause(group, known.get(group.value or "")) for group in found.groups]}


def _of_cause(group: Group, known: Acknowledgement | None) -> dict[str, Any]:
    from qtui.broker.diagnosis import acknowledged

    return {
        "fingerprint": group.value,
        "exception": group.cause and group.cause.exception,
        "message": group.cause and group.cause.message,
        "where": (group.cause and group.cause.where) or None,
        "count": group.count,
        "functions": group.functions,
        "queues": group.queues,
        "first_seen": iso(group.oldest),
        "last_seen": iso(group.newest),
        "state": acknowledged.state(known, group.hours),
        "note": known.note if known else None,
        "sample": group.sample,
    }


def of_counts(found: Grouping, by: str, now: float) -> dict[str, Any]:
    """Jobs by a value, as `qtui count --json` prints them."""
    return {**_how_far(found), "by": by, "rows": [_of_count(group, now) for group in found.groups]}


def _of_count(group: Group, now: float) -> dict[str, Any]:
    return {
        "value": group.value,
        "count": group.count,
        "oldest_seconds": None if group.oldest is None else max(0.0, now - group.oldest),
        "newest_seconds": None if group.newest is None else max(0.0, now - group.newest),
    }


def _how_far(found: Grouping) -> dict[str, Any]:
    left_out = {"hidden": found.hidden, "unreadable": found.unreadable}
    return {"scanned": found.scanned, "total": found.total, "complete": found.complete, **left_out}


def of_job(detail: JobDetail, history: JobHistory, now: float, links: Mapping[str, str]) -> dict[str, Any]:
    """Everything about one job, as `qtui job --json` prints it; `links`: addresses of pages about it, by their names."""
    return {
        **of_job_row(detail.row, now),
        "payload": detail.payload,
        "result": detail.result,
        "meta": detail.meta,
        "failed_reason": detail.failed_reason,
        "traceback": detail.traceback,
        "timeline": [_of_moment(moment) for moment in history.moments],
        "attempts_ended": [_of_attempt(attempt) for attempt in history.tried if attempt.outcome != "runs"],
        "logs": [_of_log_line(line) for line in detail.logs],
        "depends_on": list(detail.depends_on),
        "dependents": list(detail.dependents),
        "edited_from": next(iter(detail.edited_from), None),
        "edited_as": list(detail.edited_as),
        "worker": detail.row.worker,
        "timeout": detail.row.timeout,
        "problems": list(detail.problems),
        "links": dict(links),
    }


def _of_moment(moment: TimelineStep) -> dict[str, Any]:
    return {"at": iso(moment.at), "what": moment.what, "status": moment.status.value if moment.status else None}


def _of_attempt(attempt: KnownAttempt) -> dict[str, Any]:
    document = as_dict(attempt)
    began, ended, waited = (document.pop(name) for name in ("began", "ended", "waited"))
    return document | {"started_at": iso(began), "ended_at": iso(ended), "waited_seconds": waited}


def _of_log_line(line: LogLine) -> dict[str, Any]:
    return {"at": iso(line.at), "level": line.level, "text": line.text}


def of_tail_line(line: Line) -> dict[str, Any]:
    """A line as `qtui tail --json` prints it."""
    return {
        "at": iso(line.at),
        "kind": line.kind,
        "level": line.level or None,
        "text": line.text or None,
        "job": line.job,
        "queue": line.queue,
        "function": line.function,
        "worker": line.worker,
        "attempt": line.attempt,
        "details": dict(line.details),
    }


def of_takers(found: Takers) -> dict[str, Any]:
    """Which workers can take a job, as `qtui job --takers --json` prints it."""
    from qtui.presentation.taker_text import reason

    job = found.job
    return {
        "job": job.id if job else None,
        "queue": found.queue,
        "status": job.status.value if job and job.status else None,
        "hold": found.hold,
        "limit": found.limit.name if found.limit else None,
        "limit_free_in_seconds": found.limit.next_free_in if found.limit else None,
        "takers": [
            {
                "worker": taker.each.worker.name,
                "can": taker.answer,
                "why": taker.why or None,
                "reason": reason(taker, found, found.at),
                "queues": list(taker.each.worker.queues),
                "current_job": taker.each.worker.current_job,
                "heartbeat_seconds": taker.each.worker.heartbeat_seconds,
            }
            for taker in found.takers
        ],
    }


def of_stacks(job_id: str, answers: Sequence[StackAnswer]) -> dict[str, Any]:
    """Where a running job is, as `qtui stack --json` prints it."""
    stacks = [answer.stack.to_json() | {"at": iso(answer.stack.at)} for answer in answers if answer.stack]
    return {"job": job_id, "stacks": stacks, "problem": answers[-1].problem or None}
