"""Everything about one job: what happened to it and when, its payload and result, why it failed, and the jobs beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from qtui.broker.models import JobDetail, JobRow, Overview
from qtui.broker.one_job import attempts, job_history, relations
from qtui.broker.one_job import job as jobs_whole
from qtui.broker.one_job.relations import Related
from qtui.broker.one_job.usual_durations import Usual
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.status import STATUSES, Status, Tone
from qtui.broker.workers import listeners
from qtui.presentation import formatting, labels
from qtui.presentation.job_text import JobSeen, hindrances, job_facts, json_of, pane_text, running
from qtui.screens.edit import EditScreen
from qtui.screens.holding import ask_to_hold
from qtui.screens.parts.operation_keys import operation_bindings
from qtui.screens.parts.resource import ABOUT_A_ROW, ResourceScreen
from qtui.screens.pipe import PipeScreen
from qtui.screens.stack import StackScreen
from qtui.shared.messages import CopyRequested, PagerRequested, TailRequested, TakersRequested
from qtui.widgets.attempts_view import AttemptsView
from qtui.widgets.caption import Caption
from qtui.widgets.facts import Facts
from qtui.widgets.log_view import LogView
from qtui.widgets.panes import Pane, Panes
from qtui.widgets.payload_view import PayloadView
from qtui.widgets.progress_line import ProgressLine
from qtui.widgets.row_table import Column, RowTable
from qtui.widgets.timeline import LifeLine, Timeline
from qtui.widgets.traceback_view import TracebackView
from qtui_workers.text import printable

PANES = ("traceback", "attempts", "payload", "log", "result", "meta", "related", "about")
FIRST = {
    Status.FAILED: "traceback",
    Status.STOPPED: "traceback",
    Status.FINISHED: "result",
    Status.STARTED: "log",
    Status.DEFERRED: "related",
}
"""For each status, the pane that an operator most likely needs first."""


class About(VerticalScroll, can_focus=True):
    """Timeline and facts, moved by the keys that move a traceback."""

    BINDINGS: ClassVar[list[BindingType]] = TracebackView.BINDINGS
    DEFAULT_CSS = "About { height: 1fr; }"


class JobScreen(ResourceScreen[str, JobSeen]):
    """One job, reloaded while the screen is visible."""

    CSS_PATH = "job.tcss"
    HELP = (
        "One job: when what happened to it, what went in, what came out, why it failed, and the jobs that it waits for or that "
        "wait for it (enter opens one, - comes back). [ and ] open the next pane, j and k move what is in it. The axis has its "
        "waits (─ in the queue, ╌ elsewhere) and attempts (█). In attempts ≠ marks what differs from the attempt before: another "
        "cause, or a figure that is twice as large, or half."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "pane(-1)", "Pane left", show=False, key_display="[", id="job.tab_left"),
        Binding("right_square_bracket", "pane(1)", "Next pane", key_display="]", id="job.tab_right"),
        Binding("tab", "pane(1)", "Next pane", show=False, id="job.next_tab"),
        Binding("shift+tab", "pane(-1)", "Pane left", show=False, id="job.previous_tab"),
        Binding("T", "stack", "Stack", id="job.stack", tooltip="Where its code is now, and two seconds later"),
        Binding("e", "edit", "Edit", id="job.edit", tooltip="Edit its arguments, and enqueue them as a new job"),
        Binding("t", "tail", "Tail", show=False, id="job.tail", tooltip="What happens to it, live"),
        Binding("L", "takers", "Who can", show=False, id="job.takers", tooltip="Which workers can take it, and why not"),
        Binding("y", "copy", "Copy id", show=False, id="job.copy", tooltip="Copy the job's id to the clipboard"),
        Binding("v", "pager", "Pager", id="job.pager", tooltip="All of this pane in $PAGER"),
        Binding(
            "vertical_line", "pipe", "Pipe", id="job.pipe", key_display="|",
            tooltip="The payload (or this result, or meta) as JSON into a program of your own",
        ),
        Binding("H", "hold", "Hold", id="job.hold", tooltip="No qtui-worker runs its function; or release the hold it waits in"),
        *operation_bindings("job"),
    ]  # fmt: skip
    CHANGING = frozenset({"act", "edit", "hold", "stack"})
    AUTO_FOCUS = ""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self._events = attempts.JobEvents(job_id)
        self._pane_chosen = False
        self._bindings_for: Status | None = None
        """The status whose operations the footer shows."""

    def compose_body(self) -> Iterable[Widget]:
        """The lines about the whole job, and the panes."""
        yield Caption(printable(self.job_id), id="crumb")
        yield LifeLine()
        yield Static(id="running", markup=False)
        yield ProgressLine()
        yield Static(id="problem", markup=False)
        related = RowTable(self._columns(), key=_key, empty="No other jobs.", markable=False)
        yield Panes(
            PANES,
            (
                (Pane("about", About(Timeline(), Facts())), Pane("related", related)),
                (
                    Pane("traceback", TracebackView()),
                    Pane("result", PayloadView(id="result-view")),
                    Pane("meta", PayloadView(id="meta-view")),
                ),
                (Pane("payload", PayloadView(id="payload-view")), Pane("log", LogView())),
                (Pane("attempts", AttemptsView()),),
            ),
        )

    def _columns(self) -> list[Column[Related]]:
        def when(each: Related) -> str:
            return formatting.ago(each.row.moment, self.session.server_now)

        return [
            Column("", lambda each: _look(each.row)[0], width=1, tone=lambda each: _look(each.row)[1]),
            Column("RELATION", lambda each: each.relation, width=11),
            Column("JOB", lambda each: formatting.short_id(each.row.id), minimum=8),
            Column("STATUS", lambda each: STATUSES[each.row.status].title if each.row.status else "gone", width=8, tone=_tone),
            Column("FUNCTION", lambda each: labels.function(each.row), minimum=10, priority=1),
            Column("WHEN", when, width=9, align="right", priority=2),
            Column("ERROR OR DESCRIPTION", lambda each: labels.summary(each.row), share=3, minimum=20, priority=3, tone="muted"),
        ]

    @property
    def job(self) -> JobRow | None:
        """This one."""
        return self.data.detail.row if self.data else None

    @property
    def acts_on(self) -> Status | None:
        """That of this one."""
        return self.data.detail.row.status if self.data else None

    def request(self) -> str:
        """The job's id."""
        return self.job_id

    def load(self, client: redis.Redis, request: str) -> JobSeen:
        """Everything about the job, and what is to be known of those beside it."""
        detail = jobs_whole.load(client, request)
        row, usuals = detail.row, self.session.usuals
        usuals.look(client, [row.queue])
        takers = listeners.load(client, [row.queue])[0] if row.queue and row.status and row.status.waits else None
        return JobSeen(
            detail, relations.load(client, detail), usuals.of(row), takers, job_history.load(client, detail, self._events)
        )

    def show(self, data: JobSeen, overview: Overview) -> None:
        """Show the job; only what changed is painted."""
        detail, row = data.detail, data.detail.row
        crumb = f"{row.queue or '–'} › {labels.status(row)} › {row.function or '–'} › {row.id}"
        self.query_one("#crumb", Caption).say(printable(crumb))
        self.query_one(LifeLine).show(data.history.spans, overview.at)
        self._show_lines(detail, data.usual, overview.at)
        self.query_one(Timeline).show(data.history.moments, overview.at)
        self.query_one(Facts).show(job_facts(data, overview.at), hindrances(detail, overview.at))
        for name in ("payload", "result", "meta"):
            self.query_one(f"#{name}-view", PayloadView).show(getattr(detail, name))
        self.query_one(TracebackView).show(detail.traceback)
        self.query_one(AttemptsView).show(data.history.tried, overview.at)
        self.query_one(LogView).show(detail.logs)
        self.query_one(RowTable).show(data.related, 0, len(data.related))
        self._show_panes(data)
        if row.status is not self._bindings_for:
            self._bindings_for = row.status
            self.refresh_bindings()

    def _show_lines(self, detail: JobDetail, usual: Usual | None, now: float) -> None:
        """What is seen whichever pane is open."""
        self.query_one(ProgressLine).show(detail.row.progress, finished=detail.row.status is Status.FINISHED)
        problems = hindrances(detail, now)
        more = f" (and {len(problems) - 1} more: about)" if len(problems) > 1 else ""
        lines = {"running": running(detail, usual, now), "problem": f"⚠ {problems[0]}{more}" if problems else ""}
        for name, text in lines.items():
            self.query_one(f"#{name}", Static).set_class(bool(text), "-any").update(printable(text, 400))

    def _show_panes(self, data: JobSeen) -> None:
        status, first = data.detail.row.status, ""
        if not self._pane_chosen:
            self._pane_chosen = True
            first = FIRST.get(status, "payload") if status else "payload"
        self.query_one(Panes).show([name for name in PANES if data.is_empty(name)], first)

    def on_panes_changed(self) -> None:
        """Attempts are compared over the whole width."""
        self.set_class(self.query_one(Panes).active == "attempts", "-comparing")

    def action_pane(self, step: int) -> None:
        """Open the next or the previous pane."""
        self.query_one(Panes).move(step)

    def on_row_table_selected(self, message: RowTable.Selected[Related]) -> None:
        """Open a job beside this one."""
        self.app.push_screen(JobScreen(message.row.row.id))

    def action_stack(self) -> None:
        """Ask its worker where the code of the job is."""
        self.app.push_screen(StackScreen(self.job_id))

    def action_edit(self) -> None:
        """Open the form with its arguments; the new job is opened from this one."""
        app = self.app
        app.push_screen(EditScreen(self.job_id, lambda new_id: app.push_screen(JobScreen(new_id))))

    def is_about_row(self, action: str) -> bool:
        """Changes are about the job, not about one beside it."""
        return action in ABOUT_A_ROW

    def action_tail(self) -> None:
        """Show what happens to it, as it happens."""
        self.app.post_message(TailRequested((self.job_id,)))

    def action_takers(self) -> None:
        """Show which workers can take it."""
        self.app.post_message(TakersRequested(job=self.job_id))

    def pane_text(self) -> tuple[str, str]:
        """What the active pane is called, and all that there is in it."""
        pane = self.query_one(Panes).active
        text = pane_text(pane, self.data, self.session.server_now) if self.data else ""
        return f"{pane}-{self.job_id}", text

    def action_pager(self) -> None:
        """Show all that there is in the active pane in the operator's pager."""
        self.app.post_message(PagerRequested(self.pane_text()[1]))

    def action_pipe(self) -> None:
        """Ask which program gets what the active pane holds, where that is data, else the payload."""
        pane = self.query_one(Panes).active
        what = pane if pane in ("result", "meta") else "payload"
        if self.data and not self.data.is_empty(what):
            self.app.push_screen(PipeScreen(what, json_of(self.data.held(what)), self.job_id))
        else:
            self.notify(f"There is no {what}.", severity="warning")

    def action_copy(self) -> None:
        """Put the id on the clipboard (through the terminal, so also over ssh)."""
        self.app.post_message(CopyRequested(self.job_id))

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on this job."""
        operation = OPERATIONS[name]
        self.start_operation(operation, Chosen((self.job_id,)), self.action_back if operation.deletes else None)

    def action_hold(self) -> None:
        """Ask, then hold the job's function, or release the hold in which it waits."""
        if self.data:
            row = self.data.detail.row
            ask_to_hold(self, row.function, row.held)

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Only the operations that the job's status allows."""
        status = self.acts_on
        if action in ("pager", "pipe"):
            return self.data is not None
        if action == "stack":
            return status is not None and status.runs
        return action != "act" or OPERATIONS[str(parameters[0])].applies_to(status)


def _key(each: Related) -> str:
    return f"{each.relation} {each.row.id}"


def _look(row: JobRow) -> tuple[str, Tone]:
    return (STATUSES[row.status].glyph, STATUSES[row.status].tone) if row.status else ("?", "bad")


def _tone(each: Related) -> Tone:
    return _look(each.row)[1]
