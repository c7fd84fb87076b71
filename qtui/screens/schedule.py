"""What is about to run: scheduled jobs and cron jobs, the soonest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import BindingType
from textual.widget import Widget

from qtui.broker import cron
from qtui.broker.lists import schedule
from qtui.broker.lists.schedule import CronRow, CronRun, Schedule
from qtui.broker.models import JobRow, Overview
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.operations.cancel import CANCEL
from qtui.broker.operations.run_now import RUN_NOW
from qtui.broker.status import STATUSES, Status, Tone
from qtui.presentation import formatting, labels
from qtui.presentation.cron_text import words
from qtui.screens.job import JobScreen
from qtui.screens.parts.operation_keys import operation_bindings
from qtui.screens.parts.question import Question
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import ChangeConfirmed
from qtui.widgets.caption import Caption, Paragraphs
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.text import printable

EMPTY = "Nothing is scheduled.\n@processor(schedule=Schedule(cron='30 2 * * *')) makes a cron job; --delay 10m a scheduled one."
POSSIBLE = [operation for operation in OPERATIONS.values() if operation.applies_to(Status.SCHEDULED)]

Coming = CronRow | JobRow
"""A row: what will run."""


class ScheduleScreen(ResourceScreen[None, Schedule]):
    """Everything that is to run by itself; Enter opens a job, or the last one of a cron job."""

    CSS_PATH = "schedule.tcss"
    HELP = (
        "What is about to run, the soonest first: ◷ scheduled jobs, also those that wait for another attempt, and ↻ cron jobs. "
        "What is late is at the top and says why. Enter opens a job; of a cron job the last one. "
        "E runs a cron job now. Its schedule is declared in code, so C cancels only its job that waits; where nobody enqueues it "
        "any more, C forgets it."
    )
    BINDINGS: ClassVar[list[BindingType]] = operation_bindings("schedule", POSSIBLE)
    CHANGING = frozenset({"act"})

    def __init__(self) -> None:
        super().__init__()
        self._possible: frozenset[str] = frozenset()
        """What can be done with the row that was under the cursor when the footer was last updated."""

    def compose_body(self) -> Iterable[Widget]:
        """How many there are, the table, and what the row under the cursor means."""
        yield Caption(id="crumb")
        yield RowTable(self._columns(), _key, EMPTY, markable=False, id="coming")
        yield Paragraphs((1, 1), ("", ""), id="about")

    def _columns(self) -> list[Column[Coming]]:
        return [
            Column("", lambda row: "↻" if isinstance(row, CronRow) else "◷", width=1, tone=self._tone),
            Column("DUE", self._due, width=9, align="right", tone=self._tone),
            Column("JOB", _name, minimum=16, share=2),
            Column("QUEUE", lambda row: row.queue or "–", width=14, priority=1, tone="muted"),
            Column("RUNS", _runs, minimum=20, share=3),
            Column("LAST", self._last, width=9, align="right", priority=2),
            Column("WHY LATE", self._why, minimum=20, share=1, priority=1, tone="bad"),
        ]

    def _due(self, row: Coming) -> str:
        return formatting.until(_moment(row), self.session.server_now)

    def _last(self, row: Coming) -> str:
        return formatting.ago(row.last, self.session.server_now) if isinstance(row, CronRow) else ""

    def _why(self, row: Coming) -> str:
        """Why it will not run in time; '' if all is well."""
        if isinstance(row, CronRow):
            return "" if row.scheduler else "nobody enqueues it"
        late = self.data.late if self.data else frozenset()
        return "no scheduler" if row.queue in late else ""

    def _tone(self, row: Coming) -> Tone:
        at = _moment(row)
        return "bad" if self._why(row) or (at is not None and at < self.session.server_now - 1) else "idle"

    def load(self, client: redis.Redis, request: None) -> Schedule:
        """The schedule."""
        return schedule.load(client)

    def show(self, data: Schedule, overview: Overview) -> None:
        """Fill the table: what nobody enqueues first, then by time."""
        rows: list[Coming] = sorted([*data.crons, *data.jobs], key=_order)
        self.query_one(RowTable).show(rows, 0, len(rows))
        hidden = f", the first {formatting.count(len(data.jobs))} shown" if data.total > len(data.jobs) else ""
        late = f", late in {', '.join(sorted(data.late))}: no scheduler is alive" if data.late else ""
        said = f"{formatting.count(len(data.crons))} cron · {formatting.count(data.total)} scheduled{hidden}{late}"
        self.query_one("#crumb", Caption).say(printable(said))
        self._explain()

    def on_row_table_highlighted(self) -> None:
        """Another row is under the cursor."""
        self._explain()

    def _explain(self) -> None:
        row: Coming | None = self.query_one(RowTable).cursor_row
        if self._possible != (possible := _possible(row)):
            self._possible = possible
            self.refresh_bindings()
        texts = (_about(row), self._history(row)) if row else ("", "")
        self.query_one("#about", Paragraphs).say_all(*map(printable, texts))

    def _history(self, row: Coming) -> str:
        """How the last jobs of a cron job went, the newest first; '' of a job."""
        if isinstance(row, JobRow):
            return ""
        now = self.session.server_now
        went = [f"{_went(run)} {formatting.ago(run.at, now)}" for run in row.runs]
        return f"its last: {'  '.join(went)}" if went else "it has no jobs that Redis knows of"

    def on_row_table_selected(self, message: RowTable.Selected[Coming]) -> None:
        """Open the job."""
        if job_id := _job_of(message.row):
            self.app.push_screen(JobScreen(job_id))
        else:
            self.notify(f"{printable(_name(message.row), 80)} has not run yet.", markup=False)

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on the job under the cursor, or run the cron job there now."""
        row: Coming | None = self.query_one(RowTable).cursor_row
        if isinstance(row, JobRow):
            self.start_operation(OPERATIONS[name], Chosen((row.id,)))
        elif row and name == RUN_NOW.name:
            self.ask_about("Run now", lambda _: self._run_now(row))
        elif row and row.scheduler is None:
            self._forget(row)
        elif row:
            self._cancel(row)

    def _run_now(self, row: CronRow) -> Question:
        """The question before a cron job is run once more, and what is done then. Reads from Redis."""
        app, session = self.app, self.session
        another = cron.another(session.client, row)

        def work(client: redis.Redis) -> str:
            queue, job_id = another.enqueue(client)
            return f"{row.name} is queued in {queue}, as job {job_id}"

        text = f"Run {row.name} now on {session.name}? {another.description}; its schedule stays as it is."
        return Question(text, agreed=lambda: app.post_message(ChangeConfirmed(session, work, "run now", row.name)))

    def _forget(self, row: CronRow) -> None:
        def work(client: redis.Redis) -> str:
            cron.forget(client, row)
            return f"{row.name} is forgotten"

        text = (
            f"Forget {row.name} on {self.session.name}? Nobody enqueues it. Its jobs stay; a program that declares it brings it "
            "back, and enqueues nothing for the time between."
        )
        self.ask("Forget", text, work)

    def _cancel(self, row: CronRow) -> None:
        """Cancel the job of a cron job that waits, and say why that is all."""
        newest = row.runs[0] if row.runs else None
        if newest and newest.status and CANCEL.applies_to(newest.status):
            self.start_operation(CANCEL, Chosen((newest.job,)))
        self.notify(
            f"{row.name} goes on: its schedule is in the code of {row.scheduler}. Take it out there; or hold its function "
            f"(H on a job of it), and its jobs wait.",
            markup=False,
        )

    @property
    def acts_on(self) -> Status | None:
        """That of the job under the cursor, if it is no cron job."""
        row = self.row_under_cursor
        return row.status if isinstance(row, JobRow) else None

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Operations are on jobs; of a cron job, another run, and to cancel what can be canceled."""
        return action != "act" or parameters[0] in self._possible


def _possible(row: Coming | None) -> frozenset[str]:
    """The names of the operations that can be done with a row."""
    if isinstance(row, JobRow):
        return frozenset(operation.name for operation in POSSIBLE)
    return frozenset({RUN_NOW.name, CANCEL.name}) if row else frozenset()


def _key(row: Coming) -> str:
    return f"cron {row.name}" if isinstance(row, CronRow) else row.id


def _order(row: Coming) -> tuple[bool, float, str]:
    at = _moment(row)
    return (not (isinstance(row, CronRow) and row.scheduler is None), float("inf") if at is None else at, _key(row))


def _moment(row: Coming) -> float | None:
    return row.due if isinstance(row, CronRow) else row.scheduled_for


def _name(row: Coming) -> str:
    return row.name if isinstance(row, CronRow) else f"{formatting.short_id(row.id)}  {labels.function(row)}"


def _runs(row: Coming) -> str:
    if isinstance(row, CronRow):
        return words(row)
    return f"attempt {(row.attempts or 0) + 1} of {row.attempts_allowed}" if row.attempts and row.attempts_allowed else "once"


def _went(run: CronRun) -> str:
    if run.status is None:
        return "– gone"
    return f"{STATUSES[run.status].glyph} {STATUSES[run.status].title}"


def _job_of(row: Coming) -> str | None:
    return row.last_job if isinstance(row, CronRow) else row.id


def _about(row: Coming) -> str:
    """The row in words, below the table."""
    if isinstance(row, JobRow):
        return f"{row.id}: {labels.summary(row) or 'runs once'}; {formatting.moment(row.scheduled_for)}"
    who = f"enqueued by {row.scheduler}" if row.scheduler else "nobody enqueues it: start a qtui-worker that knows it, or rq cron"
    return f"{row.name}: {words(row)}; next {formatting.moment(row.due)}; {who}"
