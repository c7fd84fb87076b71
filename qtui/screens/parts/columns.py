"""The columns of every list of jobs, chosen by status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from qtui.broker.lists.running import Run
from qtui.broker.models import JobRow
from qtui.broker.one_job.usual_durations import Usual
from qtui.broker.search.sorting import Sort
from qtui.broker.status import STATUSES, Status, Tone
from qtui.presentation import formatting, labels
from qtui.presentation.cells import Row
from qtui.widgets.row_table import Column
from qtui_workers.records import replace

SORTED: Final = {"took": "TOOK", "attempts": "TRY", "function": "FUNCTION", "queue": "QUEUE", "worker": "WORKER", "id": "JOB"}
"""The column that shows what a list is sorted by (`Sort.attribute`)."""


def sorted_by(sort: Sort, columns: Sequence[Column[Row]]) -> list[Column[Row]]:
    """The columns of a sorted list: that of what it is sorted by has an arrow, and is among the last to be left out."""
    wanted = SORTED.get(sort.attribute)
    arrow = "↓" if sort.descending else "↑"
    return [replace(each, title=f"{each.title} {arrow}", priority=0) if each.title == wanted else each for each in columns]


def job_columns(status: Status, sort: Sort, *, with_queue: bool, now: Callable[[], float]) -> list[Column[JobRow]]:
    """The columns for a list of jobs in one status, in an order; `now` is the server's clock."""
    spared = 3 if status is Status.STARTED else 1  # on a narrow terminal there is no room for this column beside the progress
    worker = Column[JobRow]("WORKER", lambda row: row.worker or "–", width=14, tone="muted")
    by_worker = sort.attribute == "worker" and not status.runs  # of what runs there is such a column always
    found = [
        Column[JobRow]("", lambda row: _glyph(row, now()), width=1, tone=lambda row: _tone(row, now())),
        Column[JobRow]("JOB", lambda row: formatting.short_id(row.id), width=8),
        *([Column[JobRow]("QUEUE", lambda row: row.queue or "–", width=14, priority=spared, tone="muted")] if with_queue else []),
        Column[JobRow]("FUNCTION", labels.function, minimum=14),
        *([worker] if by_worker else []),
        Column[JobRow](STATUSES[status].when, lambda row: _when(row, now()), width=8, align="right"),
        *_own_columns(status, now),
    ]
    return sorted_by(sort, found)


def run_columns(now: Callable[[], float], usual: Callable[[JobRow], Usual | None]) -> list[Column[Run]]:
    """The columns for the list of what runs and just ran; `usual` is what the function of a job usually takes."""
    return [
        Column("", lambda run: _glyph(run.now, now()), width=1, tone=lambda run: _tone(run.now, now())),
        Column("JOB", lambda run: formatting.short_id(run.id), width=8),
        Column("FUNCTION", lambda run: labels.function(run.row), minimum=11),
        Column("QUEUE", lambda run: run.row.queue or "–", width=14, priority=4, tone="muted"),
        Column("WORKER", lambda run: run.row.worker or "–", width=14, priority=2, tone="muted"),
        Column("TRY", lambda run: labels.attempts(run.row), width=5, align="right", priority=3),
        Column("ELAPSED/TIMEOUT", lambda run: labels.elapsed(run, now()), width=15, align="right"),
        Column(
            "USUAL",
            lambda run: labels.usual(run, usual(run.row), now()),
            width=8,
            align="right",
            tone=lambda run: "warn" if labels.is_far_over(run, usual(run.row), now()) else "muted",
        ),
        Column("PROGRESS", lambda run: _course(run, now()), share=4, minimum=20, tone=lambda run: _course_tone(run, now())),
    ]


def watched_columns(now: Callable[[], float]) -> list[Column[JobRow]]:
    """The columns for jobs in any status."""
    return [
        Column("", lambda row: _glyph(row, now()), width=1, tone=lambda row: _tone(row, now())),
        Column("JOB", lambda row: formatting.short_id(row.id), width=8),
        Column("QUEUE", lambda row: row.queue or "–", width=14, priority=2, tone="muted"),
        Column("FUNCTION", labels.function, minimum=14),
        Column("STATUS", _word, width=10, tone=lambda row: _tone(row, now())),
        Column("WHEN", lambda row: _when(row, now()), width=8, align="right"),
        Column("TRY", labels.attempts, width=5, align="right", priority=1),
        Column("PROGRESS OR ERROR", lambda row: _progress_or_error(row, now()), share=3, minimum=20, tone=_problem_tone),
    ]


def _word(row: JobRow) -> str:
    return STATUSES[row.status].title if row.status else "gone"


def _progress_or_error(row: JobRow, now: float) -> str:
    if row.status and row.status.runs:
        return _progress(row, now)
    return labels.note(row, now) or row.problem or labels.error(row)


def _course(run: Run, now: float) -> str:
    if run.after:
        return labels.ending(run.after, now)
    if run.row.status and not run.row.status.runs:
        return labels.note(run.row, now) or _word(run.row)
    silent = run.row.silence(now)
    return _progress(run.row, now) if silent is None else f"silent for {formatting.age(silent)}"


def _course_tone(run: Run, now: float) -> Tone:
    return _tone(run.after, now) if run.after else _progress_tone(run.row, now)


def _own_columns(status: Status, now: Callable[[], float]) -> list[Column[JobRow]]:
    took = Column[JobRow]("TOOK", lambda row: formatting.duration(row.took), width=7, align="right", priority=2)
    attempt = Column[JobRow]("TRY", labels.attempts, width=5, align="right", priority=1)
    description = Column[JobRow]("DESCRIPTION", _description, share=3, minimum=12, priority=1, tone=_problem_tone)
    if status is Status.STARTED:
        bar = Column[JobRow](
            "PROGRESS", lambda row: _progress(row, now()), share=4, minimum=28, tone=lambda row: _progress_tone(row, now())
        )
        return [attempt, bar, Column("WORKER", lambda row: row.worker or "–", minimum=34, priority=4, tone="muted")]
    if status.failed:
        return [took, attempt, Column("ERROR", labels.summary, share=4, minimum=20, tone=_problem_tone)]
    if status is Status.FINISHED:
        return [took, attempt, description]
    if status is Status.SCHEDULED:
        return [attempt, description]
    if status is Status.DEFERRED:
        return [Column("DESCRIPTION", lambda row: _held(row, now()), share=3, minimum=12, priority=1, tone=_problem_tone)]
    return [description]


def _held(row: JobRow, now: float) -> str:
    return f"{labels.held(row.held, now)} · {_description(row)}" if row.held else _description(row)


def _progress(row: JobRow, now: float) -> str:
    return labels.silence(row, now) or formatting.progress(row.progress, 10)


def _progress_tone(row: JobRow, now: float) -> Tone:
    return "busy" if row.silence(now) is None else "bad"


def _glyph(row: JobRow, now: float) -> str:
    if row.silence(now) is not None:
        return "⚠"
    if row.held:
        return labels.PAUSED
    return STATUSES[row.status].glyph if row.status else "?"


def _tone(row: JobRow, now: float) -> Tone:
    if row.silence(now) is not None:
        return "bad"
    if row.held:
        return "warn"
    return STATUSES[row.status].tone if row.status else "bad"


def _problem_tone(row: JobRow) -> Tone:
    return "warn" if row.problem or row.refused or row.held else "muted"


def _when(row: JobRow, now: float) -> str:
    if row.status in (Status.QUEUED, Status.STARTED):
        return formatting.age(None if row.moment is None else now - row.moment)
    return (formatting.until if row.status is Status.SCHEDULED else formatting.ago)(row.moment, now)


def _description(row: JobRow) -> str:
    return row.problem or row.refused or row.description or ""
