"""The text output of the commands, for people: aligned columns, or everything about one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qtui.broker.status import COUNTED, STATUSES, Status
from qtui.presentation import formatting, labels
from qtui.printing.tables import columns
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.diagnosis.acknowledged import Acknowledgement
    from qtui.broker.holds import Held
    from qtui.broker.models import JobDetail, JobRow, Overview, Window
    from qtui.broker.one_job.job_history import JobHistory
    from qtui.broker.one_job.takers import Takers
    from qtui.broker.search.find import Found
    from qtui.broker.search.groups import Grouping
    from qtui.broker.workers.workers_at_work import AtWork
    from qtui_workers.reporting.stack import StackAnswer

MAIN_COUNTS = (Status.QUEUED, Status.STARTED, Status.FAILED, Status.SCHEDULED, Status.DEFERRED, Status.FINISHED)
"""These counts are shown even if they are 0."""


def suspended(here: str) -> str:
    """That no worker takes a job, and how that is ended; `here`: as `here.suffix`."""
    return f"All workers are suspended: none takes a job. To have them take jobs again: qtui resume --workers{here}"


def of_queues(overview: Overview, here: str) -> str:
    """Every queue with its counts, for people; `here`: as `here.suffix`."""
    state = f"\n{suspended(here)}" if overview.suspended else ""
    if not overview.queues:
        return f"No queues yet. Enqueue a test job: qtui enqueue test_job message=hello{here}{state}"
    shown = [s for s in COUNTED if s in MAIN_COUNTS or any(queue.count(s) for queue in overview.queues)]
    head = ["QUEUE", *(STATUSES[status].short for status in shown), "WORKERS", "OLDEST", "STATUS"]
    rows = [
        [
            q.name,
            *(formatting.count(q.count(s)) for s in shown),
            formatting.count(q.workers),
            formatting.age(q.oldest_seconds),
            labels.why(q),
        ]
        for q in overview.queues
    ]
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return columns(head, rows, range(1, 3 + len(shown))) + state


def of_workers(found: Sequence[AtWork], now: float, here: str) -> str:
    """Every worker, for people, the silent ones first; `here`: as `here.suffix`."""
    if not found:
        return labels.no_worker(here).replace("\n", " ")
    head = ["WORKER", "STATUS", "QUEUES", "JOB", "FOR", "DONE", "FAILED", "HEARTBEAT", "MEMORY", "HOST", "RQ"]
    rows = [_of_worker(each, now) for each in sorted(found, key=lambda each: (not each.worker.is_silent, each.worker.name))]
    return columns(head, rows, (4, 5, 6, 7, 8))


def _of_worker(each: AtWork, now: float) -> list[str]:
    row, begun = each.worker, each.busy_since
    return [
        row.name,
        f"{labels.worker_glyph(row)} {labels.worker_status(row)}",
        ", ".join(row.queues) or formatting.UNKNOWN,
        row.current_job or formatting.UNKNOWN,
        formatting.age(None if begun is None else now - begun),
        formatting.count(row.successful),
        formatting.count(row.failed),
        formatting.age(row.heartbeat_seconds),
        labels.memory(row),
        row.host or formatting.UNKNOWN,
        row.version or formatting.UNKNOWN,
    ]


def of_jobs(window: Window, now: float) -> str:
    """A window of jobs, for people."""
    status = STATUSES[window.status]
    place = window.queue or "all queues"
    if not window.rows:
        return _past_end(window.offset, window.total, status.title) or f"No {status.title} jobs in {printable(place)}."
    head = ["JOB", "QUEUE", "FUNCTION", "WHEN", "TRY", "ERROR" if window.status.failed else "DESCRIPTION"]
    table = columns(head, [_job_cells(row, now) for row in window.rows], (3, 4))
    last = window.offset + len(window.rows)
    order = labels.order(window).replace(" (s sorts by end, too)", ": --sort ended sorts them by their end")
    counted = f"{window.offset + 1}–{last} of {formatting.count(window.total)} {status.title}"
    return f"{table}\n{'; '.join(filter(None, (counted, order)))}"


def _past_end(offset: int, total: int, what: str = "") -> str:
    """That an offset passes over all jobs, with how many there are; '' where there is none."""
    if not total:
        return ""
    jobs = " ".join(filter(None, (formatting.count(total), what, "job" if total == 1 else "jobs")))
    return f"--offset {formatting.count(offset)} is past the end: there {'is' if total == 1 else 'are'} {jobs}."


def _job_cells(row: JobRow, now: float) -> list[str]:
    when = formatting.ago(row.moment, now)
    return [
        row.id,
        row.queue or "–",
        row.function or "–",
        when,
        labels.attempts(row),
        labels.note(row, now) or labels.summary(row),
    ]


def of_found(found: Found, offset: int, rows: Sequence[JobRow], now: float) -> str:
    """A page of the jobs that a search found, for people, and how many did not fit."""
    hidden = "" if found.hidden == 0 else f"; {_hidden(found.hidden)}"
    if not rows:
        return _past_end(offset, len(found.jobs)) or f"No jobs found{hidden.replace(';', ':', 1)}."
    head = ["JOB", "STATUS", "QUEUE", "FUNCTION", "WHEN", "TRY", "ERROR OR DESCRIPTION"]
    cells = [_job_cells(row, now) for row in rows]
    table = columns(head, [[each[0], labels.status(row), *each[1:]] for row, each in zip(rows, cells, strict=True)], (4, 5))
    return f"{table}\n{offset + 1}–{offset + len(rows)} of {formatting.count(len(found.jobs))}{hidden}"


def _hidden(number: int | None) -> str:
    return "how many do not fit is not known" if number is None else f"{formatting.count(number)} do not fit"


def _not_grouped(found: Grouping) -> str:
    """How many jobs are in no group, and why, behind a semicolon; '' where all are."""
    hidden = "" if found.hidden == 0 else f"; {_hidden(found.hidden)}"
    return hidden + labels.unreadable(found.unreadable)


def of_causes(found: Grouping, known: Mapping[str, Acknowledgement], queue: str | None, now: float) -> str:
    """Failed jobs by cause, for people."""
    hidden = _not_grouped(found)
    if not found.groups:
        return f"No failed jobs{' found' if hidden else ''} in {printable(queue or 'all queues')}{hidden.replace(';', ':', 1)}."
    from qtui.broker.diagnosis import acknowledged

    head = ["", "COUNT", "LAST", "FIRST", "CAUSE", "WHERE", "LAST 24 H", "FINGERPRINT"]
    rows = [
        [
            labels.CAUSES[acknowledged.state(known.get(group.value or ""), group.hours)],
            formatting.count(group.count),
            formatting.ago(group.newest, now),
            formatting.ago(group.oldest, now),
            labels.cause(group.cause),
            (group.cause and group.cause.where) or "–",
            formatting.spark(group.history(now), len(group.history(now))),
            group.value or "–",
        ]
        for group in found.groups
    ]
    jobs, causes = formatting.count(found.matched), formatting.count(len(found.groups))
    matched = (
        f"{jobs} failed {'job' if found.matched == 1 else 'jobs'}, {causes} {'cause' if causes == '1' else 'causes'}{hidden}"
    )
    return f"{columns(head, rows, (1,))}\n{matched}; {', '.join(f'{glyph} {state}' for state, glyph in labels.CAUSES.items())}"


def of_counts(found: Grouping, by: str, now: float) -> str:
    """Jobs by a value, for people."""
    hidden = _not_grouped(found)
    if not found.groups:
        return f"No jobs found{hidden.replace(';', ':', 1)}."
    head = ["COUNT", "SHARE", "NEWEST", "OLDEST", by.upper()]
    shares = formatting.shares([group.count for group in found.groups], found.matched)
    rows = [
        [
            formatting.count(group.count),
            share,
            formatting.ago(group.newest, now),
            formatting.ago(group.oldest, now),
            "–" if group.value is None else group.value,
        ]
        for group, share in zip(found.groups, shares, strict=True)
    ]
    return f"{columns(head, rows, (0, 1))}\n{formatting.count(found.matched)} {'job' if found.matched == 1 else 'jobs'}{hidden}"


def of_holds(found: Sequence[Held], now: float, here: str) -> str:
    """What is held, for people; `here`: as `here.suffix`."""
    if not found:
        return f"Nothing is held. To hold a function: qtui hold FUNCTION [FIELD=VALUE] --reason TEXT{here}"
    head = ["HELD", "JOBS", "SINCE", "BY", "QUEUES", "REASON"]
    rows = [
        [
            each.hold.text if each.placed else f"{each.hold.text} (released; release it again)",
            formatting.count(each.count),
            formatting.ago(each.hold.at, now),
            each.hold.by,
            ", ".join(f"{queue} {formatting.count(number)}" for queue, number in each.waiting.items()),
            each.hold.reason,
        ]
        for each in found
    ]
    return columns(head, rows, (1, 2))


def of_job(detail: JobDetail, history: JobHistory, now: float, links: Mapping[str, str]) -> str:
    """Everything about one job, for people; `links`: addresses of pages about it, by their names."""
    import json

    row = detail.row
    facts = [
        ("job", row.id),
        ("queue", row.queue or "–"),
        ("status", labels.status(row)),
        ("function", row.function or "–"),
        *([("held", labels.held(row.held, now))] if row.held else []),
        ("attempt", labels.attempts(row)),
        ("worker", row.worker or "–"),
        ("progress", formatting.progress(row.progress)),
        ("payload", json.dumps(detail.payload, ensure_ascii=False, default=str)),
        ("result", "–" if detail.result is None else json.dumps(detail.result, ensure_ascii=False, default=str)),
        *(("waits for", other) for other in detail.depends_on),
        *(("needed by", other) for other in detail.dependents),
        *(("edited from", other) for other in detail.edited_from),
        *(("edited as", other) for other in detail.edited_as),
        *(("problem", problem) for problem in detail.problems),
        *links.items(),
    ]
    parts = [f"{name:<11} {printable(value, 4_000)}" for name, value in facts]
    parts += ["", *(f"{formatting.date_time(m.at)}  {printable(m.what)}  ({formatting.ago(m.at, now)})" for m in history.moments)]
    if detail.logs:
        parts += ["", *(f"{formatting.date_time(x.at)}  {printable(x.level, 20):<7} {printable(x.text)}" for x in detail.logs)]
    if detail.traceback:
        parts += ["", printable(detail.traceback, 20_000, keep_newlines=True).rstrip()]
    return "\n".join(parts)


def of_takers(found: Takers, here: str) -> str:
    """Which workers can take a job, one a line, and why the others cannot; `here`: as `here.suffix`."""
    from qtui.presentation.taker_text import GLYPHS, headline, reason

    rows = []
    for taker in found.takers:
        worker, why = taker.each.worker, reason(taker, found, found.at)
        rows.append([f"{GLYPHS[taker.answer]} {worker.name}", taker.answer, why, ", ".join(worker.queues)])
    nobody = labels.no_worker(here).replace("\n", " ")
    return f"{printable(headline(found), 400)}\n{columns(['  WORKER', 'CAN', 'WHY', 'LISTENS TO'], rows, ()) if rows else nobody}"


def of_stack(job_id: str, answer: StackAnswer, before: StackAnswer | None) -> str:
    """Where a running job is, for people; `before`: where it was."""
    if answer.stack is None:
        return f"{printable(job_id, 100)}: {printable(answer.problem)}"
    lines = [printable(line) for line in answer.stack.lines()]
    return "\n".join([labels.stack(answer.stack, before.stack if before else None), *lines, ""])
