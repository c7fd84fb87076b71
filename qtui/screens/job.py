"""Everything about one job: when what happened to it, what went in, what came out, why it failed, and the jobs beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from qtui import formatting, labels, questions
from qtui.broker import job as jobs_whole
from qtui.broker import listeners, relations
from qtui.broker.listeners import Listeners
from qtui.broker.models import JobDetail, JobRow, Overview
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.relations import Related
from qtui.broker.status import STATUSES, Status, Tone
from qtui.broker.usual import Usual
from qtui.messages import CopyRequested, TailRequested, TakersRequested
from qtui.screens.edit import EditScreen
from qtui.screens.holding import ask_to_hold
from qtui.screens.operating import operation_bindings
from qtui.screens.resource import ABOUT_A_ROW, ResourceScreen
from qtui.screens.stack import StackScreen
from qtui.widgets.facts import Facts
from qtui.widgets.log_view import LogView
from qtui.widgets.panes import Pane, Panes
from qtui.widgets.payload_view import PayloadView
from qtui.widgets.progress_line import ProgressLine
from qtui.widgets.row_table import Column, RowTable
from qtui.widgets.timeline import TimeLine, Timeline
from qtui.widgets.traceback_view import TracebackView
from qtui_workers.text import printable

PANES = ("traceback", "payload", "log", "result", "meta", "related", "about")
FIRST = {
    Status.FAILED: "traceback",
    Status.STOPPED: "traceback",
    Status.FINISHED: "result",
    Status.STARTED: "log",
    Status.DEFERRED: "related",
}
"""For each status, the pane that an operator most likely needs first."""


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job and the jobs beside it."""

    detail: JobDetail
    related: tuple[Related, ...]
    usual: Usual | None
    """What its function usually takes."""
    takers: Listeners | None
    """The workers that can take it, while it waits."""


class About(VerticalScroll, can_focus=True):
    """Timeline and facts, moved by the keys that move a traceback."""

    BINDINGS: ClassVar[list[BindingType]] = TracebackView.BINDINGS
    DEFAULT_CSS = "About { height: 1fr; }"


class JobScreen(ResourceScreen[str, JobSeen]):
    """One job, reloaded while the screen is visible."""

    CSS_PATH = "job.tcss"
    HELP = (
        "One job: when what happened to it, what went in, what came out, why it failed, and the jobs that it waits for or that "
        "wait for it (enter opens one, - comes back). [ and ] open the next pane, j and k move what is in it."
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
        Binding("H", "hold", "Hold", id="job.hold", tooltip="No qtui-worker runs its function; or release the hold it waits in"),
        *operation_bindings("job"),
    ]
    CHANGING = frozenset({"act", "edit", "hold", "stack"})
    AUTO_FOCUS = ""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self._pane_chosen = False
        self._bindings_for: Status | None = None
        """The status whose operations the footer shows."""

    def compose_body(self) -> Iterable[Widget]:
        """The lines about the whole job, and the panes."""
        yield Static(printable(self.job_id), id="crumb", markup=False)
        yield TimeLine()
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

    def request(self) -> str:
        """The job's id."""
        return self.job_id

    def load(self, client: redis.Redis, request: str) -> JobSeen:
        """Everything about the job, and what is to be known of those beside it."""
        detail = jobs_whole.load(client, request)
        row, usuals = detail.row, self.session.usuals
        usuals.look(client, [row.queue])
        takers = listeners.load(client, [row.queue])[0] if row.queue and row.status and row.status.waits else None
        return JobSeen(detail, relations.load(client, detail), usuals.of(row), takers)

    def show(self, data: JobSeen, overview: Overview) -> None:
        """Show the job; only what changed is painted."""
        detail, row = data.detail, data.detail.row
        crumb = f"{row.queue or '–'} › {labels.status(row)} › {row.function or '–'} › {row.id}"
        self.query_one("#crumb", Static).update(printable(crumb))
        self._show_lines(detail, data.usual, overview.at)
        self.query_one(Timeline).show(detail.timeline, overview.at)
        self.query_one(Facts).show(job_facts(data, overview.at), _hindrances(detail, overview.at))
        for name in ("payload", "result", "meta"):
            self.query_one(f"#{name}-view", PayloadView).show(getattr(detail, name))
        self.query_one(TracebackView).show(detail.traceback)
        self.query_one(LogView).show(detail.logs)
        self.query_one(RowTable).show(data.related, 0, len(data.related))
        self._show_panes(data)
        if row.status is not self._bindings_for:
            self._bindings_for = row.status
            self.refresh_bindings()

    def _show_lines(self, detail: JobDetail, usual: Usual | None, now: float) -> None:
        """What is seen whichever pane is open."""
        self.query_one(TimeLine).show(detail.timeline, now)
        self.query_one(ProgressLine).show(detail.row.progress)
        problems = _hindrances(detail, now)
        more = f" (and {len(problems) - 1} more: about)" if len(problems) > 1 else ""
        lines = {"running": running(detail, usual, now), "problem": f"⚠ {problems[0]}{more}" if problems else ""}
        for name, text in lines.items():
            self.query_one(f"#{name}", Static).set_class(bool(text), "-any").update(printable(text, 400))

    def _show_panes(self, data: JobSeen) -> None:
        detail, panes = data.detail, self.query_one(Panes)
        held = {
            "traceback": detail.traceback,
            "payload": detail.payload,
            "log": detail.logs,
            "result": detail.result,
            "meta": detail.meta,
            "related": data.related,
        }
        if not self._pane_chosen:
            self._pane_chosen = True
            panes.open(FIRST.get(detail.row.status, "payload") if detail.row.status else "payload")
        panes.show([name for name, value in held.items() if value is None or value in ((), {}, "")])

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
        status = self.data.detail.row.status if self.data else None
        if action == "stack":
            return status is not None and status.runs
        return action != "act" or OPERATIONS[str(parameters[0])].applies_to(status)


def _key(each: Related) -> str:
    return f"{each.relation} {each.row.id}"


def _look(row: JobRow) -> tuple[str, Tone]:
    return (STATUSES[row.status].glyph, STATUSES[row.status].tone) if row.status else ("?", "bad")


def _tone(each: Related) -> Tone:
    return _look(each.row)[1]


def running(detail: JobDetail, usual: Usual | None, now: float) -> str:
    """How long a job runs, may and usually takes, and when its worker was last heard; '' for a job that does not run."""
    row = detail.row
    if row.status is None or not row.status.runs or row.started_at is None:
        return ""
    elapsed = now - row.started_at
    limit = row.timeout if row.timeout and row.timeout > 0 else None
    left = "" if limit is None else _left(limit - elapsed)
    parts = [
        f"{STATUSES[row.status].glyph} running {formatting.age(elapsed)}" + (f" of {formatting.age(limit)}" if limit else ""),
        left,
        f"heartbeat {formatting.ago(detail.heartbeat_at, now)}" if detail.heartbeat_at else "",
        f"usually {formatting.duration(usual.median)}{' ⚠' if usual.is_far_over(elapsed) else ''}" if usual else "",
        f"on {row.worker}" if row.worker else "",
    ]
    return ", ".join(filter(None, parts))


def _usually(known: Usual) -> str:
    return f"{formatting.duration(known.median)}, p95 {formatting.duration(known.p95)}, of {formatting.count(known.runs)}"


def _left(seconds: float) -> str:
    return f"{formatting.age(seconds)} left" if seconds >= 0 else f"over its time by {formatting.age(-seconds)}"


def _hindrances(detail: JobDetail, now: float) -> tuple[str, ...]:
    """What keeps the job from being done, and what is wrong with its record."""
    row = detail.row
    held = f"{labels.held(row.held, now)} ({row.held.text}): H releases it" if row.held else ""
    return (*filter(None, (row.refused, held)), *detail.problems)


def job_facts(seen: JobSeen, now: float) -> list[tuple[str, str]]:
    """The facts beside the timeline: pairs of name and value, only those that are known."""
    detail, usual = seen.detail, seen.usual
    row = detail.row
    facts = [
        ("queue", row.queue or "–"),
        ("function", labels.function(row)),
        ("attempt", labels.attempts(row)),
        ("retries left", formatting.count(row.retries_left)),
        ("worker", row.worker),
        ("ran", formatting.duration(row.took)),
        ("timeout", formatting.duration(row.timeout)),
        ("usually", _usually(usual) if usual else None),
        ("lease left", formatting.age(row.lease_until - now) if row.lease_until and row.lease_until > now else None),
        ("can take it", questions.listening(seen.takers) if seen.takers else None),
        ("due", formatting.until(row.scheduled_for, now) if row.scheduled_for else None),
        ("payload", formatting.size(detail.payload_bytes)),
        ("kept for", formatting.age(detail.ttl)),
        *detail.facts.items(),
    ]
    return [(name, value) for name, value in facts if value not in (None, "", "–")]
