"""How the commands answer: aligned text for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from qtui import formatting, labels
from qtui.broker.models import Attempt, JobDetail, JobRow, LogLine, Moment, Overview, Progress, QueueRow, Window
from qtui.broker.status import COUNTED, Status
from qtui_workers.text import printable


def emit(document: Any) -> None:
    """Write one JSON document to standard output."""
    say(json.dumps(document, ensure_ascii=True, indent=2, default=str))


def say(text: str = "") -> None:
    """Write a line to standard output; the command ends where whoever read it has enough, as `head` does."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it closes it
        raise SystemExit(0) from None


def note(text: str) -> None:
    """Write a line to standard error: progress, warnings, reports beside the data."""
    sys.stderr.write(text + "\n")


def iso(at: float | None) -> str | None:
    """A moment as ISO 8601 in UTC; None also for a year that no calendar has."""
    try:
        return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


def columns(head: Sequence[str], rows: Iterable[Sequence[str]], right: Container[int]) -> str:
    """Aligned text: the columns with a number in `right` to the right, the others to the left."""
    table = [list(head), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(formatting.cells, column)) for column in zip(*table, strict=True)]
    lines = (
        [formatting.pad(cell, width, right=n in right) for n, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in table
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)


def queue_json(row: QueueRow) -> dict[str, Any]:
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


def progress_json(progress: Progress | None) -> dict[str, Any] | None:
    """How far a job is, as JSON shows it."""
    if progress is None:
        return None
    return {**asdict(progress), "fraction": progress.fraction}


def job_json(row: JobRow) -> dict[str, Any]:
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
        "progress": progress_json(row.progress),
        "error": row.error,
        "problem": row.problem,
    }


def window_json(window: Window) -> dict[str, Any]:
    """A window of jobs as `qtui jobs --json` answers."""
    document = {"total": window.total, "offset": window.offset, "jobs": [job_json(row) for row in window.rows]}
    if window.scanned is not None:
        document |= {"scanned": window.scanned, "complete": window.complete}
    return document


def detail_json(detail: JobDetail) -> dict[str, Any]:
    """One job whole, as `qtui job --json` answers."""
    return {
        **job_json(detail.row),
        "payload": detail.payload,
        "result": detail.result,
        "meta": detail.meta,
        "failed_reason": detail.failed_reason,
        "traceback": detail.traceback,
        "timeline": [_moment_json(moment) for moment in detail.timeline],
        "attempts_ended": [_attempt_json(attempt) for attempt in detail.attempts],
        "logs": [_log_json(line) for line in detail.logs],
        "depends_on": list(detail.depends_on),
        "dependents": list(detail.dependents),
        "worker": detail.row.worker,
        "timeout": detail.row.timeout,
        "problems": list(detail.problems),
    }


def _moment_json(moment: Moment) -> dict[str, Any]:
    return {"at": iso(moment.at), "what": moment.what, "status": moment.status.value if moment.status else None}


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    times = {"started_at": iso(attempt.started_at), "ended_at": iso(attempt.ended_at)}
    return asdict(attempt) | times


def _log_json(line: LogLine) -> dict[str, Any]:
    return {"at": iso(line.at), "level": line.level, "text": line.text}


def queues_text(overview: Overview) -> str:
    """Every queue with its counts, for people."""
    if not overview.queues:
        return "No queues yet. Enqueue a test job: qtui enqueue test_job message=hello"
    shown = [s for s in COUNTED if s in MAIN_COUNTS or any(queue.count(s) for queue in overview.queues)]
    head = ["QUEUE", *(status.fact.short for status in shown), "WORKERS", "OLDEST", "STATUS"]
    rows = [
        [
            q.name,
            *(formatting.count(q.count(s)) for s in shown),
            formatting.count(q.workers),
            formatting.age(q.oldest_seconds),
            labels.standing(q),
        ]
        for q in overview.queues
    ]
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return columns(head, rows, range(1, 3 + len(shown)))


MAIN_COUNTS = (Status.QUEUED, Status.STARTED, Status.FAILED, Status.SCHEDULED, Status.DEFERRED, Status.FINISHED)
"""Shown even where they are 0."""


def jobs_text(window: Window, now: float) -> str:
    """A window of jobs, for people."""
    status = window.status.fact
    place = window.queue or "all queues"
    if not window.rows:
        return f"No {status.title} jobs in {printable(place)}."
    head = ["JOB", "QUEUE", "FUNCTION", "WHEN", "TRY", "ERROR" if window.status in labels.ENDED_BADLY else "DESCRIPTION"]
    rows = [
        [
            row.id,
            row.queue,
            row.function or "–",
            formatting.ago(row.moment, now),
            labels.attempts(row),
            labels.summary(row),
        ]
        for row in window.rows
    ]
    last = window.offset + len(window.rows)
    return f"{columns(head, rows, (3, 4))}\n{window.offset + 1}–{last} of {formatting.count(window.total)} {status.title}"


def detail_text(detail: JobDetail, now: float) -> str:
    """One job whole, for people."""
    row = detail.row
    facts = [
        ("job", row.id),
        ("queue", row.queue),
        ("status", labels.status(row)),
        ("function", row.function or "–"),
        ("attempt", labels.attempts(row)),
        ("worker", row.worker or "–"),
        ("progress", formatting.progress(row.progress)),
        ("payload", json.dumps(detail.payload, ensure_ascii=False, default=str)),
        ("result", "–" if detail.result is None else json.dumps(detail.result, ensure_ascii=False, default=str)),
        *(("problem", problem) for problem in detail.problems),
    ]
    parts = [f"{name:<9} {printable(value, 4_000)}" for name, value in facts]
    parts += ["", *(f"{formatting.date_time(m.at)}  {printable(m.what)}  ({formatting.ago(m.at, now)})" for m in detail.timeline)]
    if detail.logs:
        parts += ["", *(f"{formatting.date_time(x.at)}  {printable(x.level, 20):<7} {printable(x.text)}" for x in detail.logs)]
    if detail.traceback:
        parts += ["", printable(detail.traceback, 20_000, keep_newlines=True).rstrip()]
    return "\n".join(parts)
