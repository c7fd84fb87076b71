"""Everything about one job: timeline and facts at the left; payload, result, traceback and log at the right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane, Tabs

from qtui import formatting, labels
from qtui.broker import job as jobs_whole
from qtui.broker.models import JobDetail, Overview
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.status import Status
from qtui.messages import CopyRequested
from qtui.screens.holding import ask_to_hold
from qtui.screens.resource import ResourceScreen, operation_bindings
from qtui.widgets.facts import Facts
from qtui.widgets.log_view import LogView
from qtui.widgets.payload_view import PayloadView
from qtui.widgets.progress_line import ProgressLine
from qtui.widgets.timeline import Timeline
from qtui.widgets.traceback_view import TracebackView
from qtui_workers.text import printable

FIRST_TAB = {Status.FAILED: "traceback", Status.STOPPED: "traceback", Status.FINISHED: "result", Status.STARTED: "log"}
"""For each status, the tab that an operator most likely needs first."""


class _Pane(TabPane):
    """A tab that does not open itself when something in it gets the focus: it might have been left meanwhile."""

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        event.prevent_default()


class JobScreen(ResourceScreen[str, JobDetail]):
    """One job, reloaded while the screen is visible."""

    CSS_PATH = "job.tcss"
    HELP = "One job: when what happened to it, what went in, what came out, why it failed."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "tab(-1)", "Tab left", show=False, key_display="[", id="job.tab_left"),
        Binding("right_square_bracket", "tab(1)", "Next tab", key_display="]", id="job.tab_right"),
        Binding("y", "copy", "Copy id", id="job.copy", tooltip="Copy the job's id to the clipboard"),
        Binding("H", "hold", "Hold", id="job.hold", tooltip="No qtui-worker runs its function; or release the hold it waits in"),
        *operation_bindings("job"),
    ]
    CHANGING = frozenset({"act", "hold"})
    AUTO_FOCUS = ""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self._tab_chosen = False
        self._bindings_for: Status | None = None
        """The status whose operations the footer shows."""

    def compose_body(self) -> Iterable[Widget]:
        """The title, the progress, the two halves."""
        yield Static(printable(self.job_id), id="crumb", markup=False)
        yield ProgressLine()
        with Horizontal(id="halves"):
            with VerticalScroll(id="left", can_focus=False):
                yield Timeline()
                yield Facts()
            with TabbedContent(id="right", initial="payload"):
                with _Pane("Payload", id="payload"):
                    yield PayloadView(id="payload-view")
                with _Pane("Result", id="result"):
                    yield PayloadView(id="result-view")
                with _Pane("Traceback", id="traceback"):
                    yield TracebackView()
                with _Pane("Log", id="log"):
                    yield LogView()
                with _Pane("Meta", id="meta"), Vertical():
                    yield PayloadView(id="meta-view")

    def on_mount(self) -> None:
        """The keys of moving belong to what is in the tab, never to the bar of tabs."""
        super().on_mount()
        self.query_one(Tabs).can_focus = False

    def on_tabbed_content_tab_activated(self) -> None:
        """Focus what is in the open tab; the message may be older than what is open by now."""
        pane = self.query_one(TabbedContent).active_pane
        for body in (each for each in pane.query("*") if each.focusable) if pane else ():
            body.focus()
            break

    def request(self) -> str:
        """The job's id."""
        return self.job_id

    def load(self, client: redis.Redis, request: str) -> JobDetail:
        """Everything about the job."""
        return jobs_whole.load(client, request)

    def show(self, data: JobDetail, overview: Overview) -> None:
        """Show the job; only what changed is painted."""
        row = data.row
        crumb = f"{row.queue or '–'} › {labels.status(row)} › {row.function or '–'} › {row.id}"
        self.query_one("#crumb", Static).update(printable(crumb))
        self.query_one(ProgressLine).show(row.progress)
        self.query_one(Timeline).show(data.timeline, overview.at)
        self.query_one(Facts).show(job_facts(data, overview.at), _hindrances(data, overview.at))
        self.query_one("#payload-view", PayloadView).show(data.payload)
        self.query_one("#result-view", PayloadView).show(data.result)
        self.query_one("#meta-view", PayloadView).show(data.meta)
        self.query_one(TracebackView).show(data.traceback)
        self.query_one(LogView).show(data.logs)
        if not self._tab_chosen:
            self._tab_chosen = True
            self.query_one(TabbedContent).active = FIRST_TAB.get(row.status, "payload") if row.status else "payload"
        if row.status is not self._bindings_for:
            self._bindings_for = row.status
            self.refresh_bindings()

    def action_tab(self, step: int) -> None:
        """Open the next or the previous tab."""
        tabs = self.query_one(TabbedContent)
        names = [pane.id or "" for pane in tabs.query(TabPane)]
        tabs.active = names[(names.index(tabs.active) + step) % len(names)]

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
            ask_to_hold(self, self.data.row.function, self.data.row.held)

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Only the operations that the job's status allows."""
        return action != "act" or OPERATIONS[str(parameters[0])].applies_to(self.data.row.status if self.data else None)


def _hindrances(detail: JobDetail, now: float) -> tuple[str, ...]:
    """What keeps the job from being done, and what is wrong with its record."""
    row = detail.row
    held = f"{labels.held(row.held, now)} ({row.held.text}): H releases it" if row.held else ""
    return (*filter(None, (row.refused, held)), *detail.problems)


def job_facts(detail: JobDetail, now: float) -> list[tuple[str, str]]:
    """The facts beside the timeline: pairs of name and value, only those that are known."""
    row = detail.row
    running = row.status is Status.STARTED
    elapsed = now - row.started_at if running and row.started_at else row.took
    left = row.timeout - elapsed if running and row.timeout and row.timeout > 0 and elapsed is not None else None
    facts = [
        ("queue", row.queue or "–"),
        ("function", labels.function(row)),
        ("attempt", labels.attempts(row)),
        ("retries left", formatting.count(row.retries_left)),
        ("worker", row.worker),
        ("running", formatting.age(elapsed)) if running else ("ran", formatting.duration(elapsed)),
        ("timeout", formatting.duration(row.timeout)),
        ("time left", formatting.duration(left)),
        ("heartbeat", formatting.ago(detail.heartbeat_at, now) if running else None),
        ("due", formatting.until(row.scheduled_for, now) if row.scheduled_for else None),
        ("payload", formatting.size(detail.payload_bytes)),
        ("kept for", formatting.age(detail.ttl)),
        ("waits for", ", ".join(detail.depends_on) or None),
        ("waited for by", ", ".join(detail.dependents) or None),
        *detail.facts.items(),
    ]
    return [(name, value) for name, value in facts if value not in (None, "", "–")]
