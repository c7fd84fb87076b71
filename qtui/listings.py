"""The text output of the commands, for people: aligned columns, or everything about one job."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence

from qtui import formatting, labels
from qtui.broker.models import JobDetail, Overview, Window
from qtui.broker.status import COUNTED, STATUSES, Status
from qtui_workers.text import printable

MAIN_COUNTS = (Status.QUEUED, Status.STARTED, Status.FAILED, Status.SCHEDULED, Status.DEFERRED, Status.FINISHED)
"""These counts are shown even if they are 0."""


def of_queues(overview: Overview) -> str:
    """Every queue with its counts, for people."""
    if not overview.queues:
        return "No queues yet. Enqueue a test job: qtui enqueue test_job message=hello"
    shown = [s for s in COUNTED if s in MAIN_COUNTS or any(queue.count(s) for queue in overview.queues)]
    head = ["QUEUE", *(STATUSES[status].short for status in shown), "WORKERS", "OLDEST", "STATUS"]
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


def of_jobs(window: Window, now: float) -> str:
    """A window of jobs, for people."""
    status = STATUSES[window.status]
    place = window.queue or "all queues"
    if not window.rows:
        return f"No {status.title} jobs in {printable(place)}."
    head = ["JOB", "QUEUE", "FUNCTION", "WHEN", "TRY", "ERROR" if window.status.failed else "DESCRIPTION"]
    rows = [
        [
            row.id,
            row.queue or "–",
            row.function or "–",
            formatting.ago(row.moment, now),
            labels.attempts(row),
            labels.summary(row),
        ]
        for row in window.rows
    ]
    last = window.offset + len(window.rows)
    return f"{columns(head, rows, (3, 4))}\n{window.offset + 1}–{last} of {formatting.count(window.total)} {status.title}"


def of_job(detail: JobDetail, now: float) -> str:
    """Everything about one job, for people."""
    row = detail.row
    facts = [
        ("job", row.id),
        ("queue", row.queue or "–"),
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


def columns(head: Sequence[str], rows: Iterable[Sequence[str]], right: Container[int]) -> str:
    """Aligned text: the columns with a number in `right` to the right, the others to the left."""
    table = [list(head), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(formatting.cells, column)) for column in zip(*table, strict=True)]
    lines = (
        [formatting.pad(cell, width, right=n in right) for n, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in table
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)
