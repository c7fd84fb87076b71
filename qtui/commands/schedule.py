"""`qtui schedule`: cron jobs and scheduled jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from qtui.commands.connection import connected, server_time
from qtui.commands.options import ContextName, Json, Url
from qtui.presentation import formatting, labels
from qtui.presentation.cron_text import words
from qtui.printing import documents, output
from qtui.printing.tables import columns
from qtui_workers.command_line.declare import option

if TYPE_CHECKING:
    from qtui.broker.lists.schedule import CronRow, Schedule

ORDER: Final = 33


def schedule(
    limit: Annotated[int, option("--limit", min=0, max=10_000, metavar="N", help="How many scheduled jobs at most.")] = 50,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Cron jobs with their last and next run, and scheduled jobs, the soonest first."""
    from qtui.broker.lists.schedule import load

    with connected(url, context) as (client, _):
        now = server_time(client)
        found = load(client, limit)
    if json:
        output.emit(_document(found, now))
    else:
        output.say(_text(found, now))


def _text(found: Schedule, now: float) -> str:
    if not found.crons and not found.total:
        return "Nothing is scheduled."
    crons = [["↻", row.name, row.queue or "–", words(row), *_times(row, now)] for row in found.crons]
    jobs = [
        [
            "◷",
            row.id,
            row.queue or "–",
            labels.function(row),
            formatting.until(row.scheduled_for, now),
            "",
            _late(row.queue, found),
        ]
        for row in found.jobs
    ]
    head = ["", "JOB", "QUEUE", "RUNS", "DUE", "LAST", "WHY LATE"]
    hidden = found.total - len(found.jobs)
    more = f"\n{formatting.count(hidden)} more scheduled jobs: see --limit" if hidden else ""
    return columns(head, [*crons, *jobs], ()) + more


def _times(row: CronRow, now: float) -> list[str]:
    return [
        formatting.until(row.due, now),
        formatting.ago(row.last, now),
        "" if row.scheduler else "nobody enqueues it",
    ]


def _late(queue: str | None, found: Schedule) -> str:
    return "no scheduler" if queue in found.late else ""


def _document(found: Schedule, now: float) -> dict[str, Any]:
    return {
        "cron": [_of_cron(row) for row in found.crons],
        "total": found.total,
        "jobs": [documents.of_job_row(row, now) for row in found.jobs],
        "late_queues": sorted(found.late),
    }


def _of_cron(row: CronRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "queue": row.queue,
        "function": row.function,
        "cron": row.cron,
        "every_seconds": row.every,
        "timezone": row.timezone,
        "words": words(row),
        "last_at": documents.iso(row.last),
        "next_at": documents.iso(row.due),
        "scheduler": row.scheduler,
        "last_job": row.last_job,
        "history": [{"job": run.job, "at": documents.iso(run.at), "status": run.status} for run in row.runs],
    }
