"""The jobs of one queue, or of all: a tab per status, a virtual table, and a preview if there is room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import redis
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from qtui import formatting, labels
from qtui.broker import jobs
from qtui.broker.models import JobDetail, JobRow, Overview, Window
from qtui.broker.operations import OPERATIONS, Chosen, Matching, Selection
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.find import Found
from qtui.broker.status import COUNTED, STATUSES, Status
from qtui.messages import ContentsRequested
from qtui.screens import Place
from qtui.screens.columns import job_columns
from qtui.screens.filter import FilterScreen
from qtui.screens.filtered import Filtered, window_of
from qtui.screens.followed import Cursor, cursor_of, job_under
from qtui.screens.job import JobScreen
from qtui.screens.resource import ResourceScreen, operation_bindings
from qtui.screens.searching import SearchMoved
from qtui.widgets.job_preview import JobPreview
from qtui.widgets.row_table import RowTable
from qtui.widgets.status_tabs import StatusTabs
from qtui_workers.text import printable

PREVIEW_FROM = 150
"""If the terminal is at least this many cells wide, a preview is shown beside the table."""


@dataclass(frozen=True, slots=True)
class JobsRequest:
    """What to load: the window of a list, and the job whose preview is shown."""

    queue: str | None
    status: Status
    offset: int
    limit: int
    cursor: Cursor | None
    """Where the cursor is; None if there is no preview."""
    found: Found | None
    """What a search has found, where only jobs that fit a filter are shown."""


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """A window and the job under the cursor."""

    window: Window
    preview: JobDetail | None
    moves: int
    """How often the cursor had been moved when the preview was requested."""


class JobsScreen(ResourceScreen[JobsRequest, JobsSeen]):
    """Jobs by status; marked ones, or all of a status, can be acted on."""

    PLACE = Place(2, "jobs", "Jobs", "the jobs of all queues, by status")
    CSS_PATH = "jobs.tcss"
    HELP = "Jobs, newest first, a tab per status. Mark some with space, or all of the tab with a; then an uppercase key."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "tab(-1)", "Tab left", show=False, key_display="[", id="jobs.tab_left"),
        Binding("right_square_bracket", "tab(1)", "Tab right", show=False, key_display="]", id="jobs.tab_right"),
        Binding("tab", "tab(1)", "Next tab", id="jobs.next_tab", tooltip="The next status"),
        Binding("shift+tab", "tab(-1)", "Previous tab", show=False, id="jobs.previous_tab"),
        Binding("slash", "filter", "Filter", key_display="/", id="jobs.filter", tooltip="Only jobs that fit an expression"),
        Binding(
            "b", "contents", "What is in it", show=False, id="jobs.contents", tooltip="Counts by function, worker, payload …"
        ),
        Binding("a", "all", "All", id="jobs.all", tooltip="Select all jobs of this tab, also those not loaded"),
        *operation_bindings("jobs"),
    ]
    CHANGING = frozenset({"act"})

    def __init__(self, queue: str | None = None, status: Status | None = None, expression: Expression = EVERYTHING) -> None:
        super().__init__()
        self.filtered = Filtered(self, expression)
        self.queue = queue
        """The queue shown; None is all of them."""
        self.status = status or Status.QUEUED
        """The status whose tab is open."""
        self.all_selected = False
        self._left: JobRow | None = None
        """The job that was under the cursor and has left the list, until a key is pressed."""
        self._choose_tab = status is None

    @property
    def table(self) -> RowTable[JobRow]:
        """The table of jobs."""
        return self.query_one(RowTable)

    def compose_body(self) -> Iterable[Widget]:
        """Title, tabs, table, preview, the line about what is selected."""
        yield Static(printable(self.queue or "all queues"), id="crumb", markup=False)
        yield StatusTabs(list(STATUSES), active=self.status)
        with Horizontal(id="halves"):
            yield RowTable(self._columns(), key=lambda row: row.id, empty=self._empty(), follows=True, id="jobs")
            yield JobPreview()
        yield Static(id="selection", markup=False)

    def _columns(self) -> list[Any]:
        return job_columns(self.status, with_queue=self.queue is None, now=lambda: self.session.server_now)

    def _empty(self) -> str:
        facts = STATUSES[self.status]
        if self.filtered.is_on:
            return f"No {facts.title} job fits the filter.\n/ changes it."
        return f"No {facts.title} jobs here.\n{facts.hint}"

    def request(self) -> JobsRequest:
        """The window in view, and the cursor where a preview is shown."""
        offset, limit = self.table.window
        cursor = cursor_of(self.table) if self.size.width >= PREVIEW_FROM else None
        return JobsRequest(self.queue, self.status, offset, limit, cursor, self.filtered.found)

    def is_wanted(self, requested: JobsRequest, current: JobsRequest) -> bool:
        """Any window is shown if it belongs to the current list."""
        same = (requested.queue, requested.status) == (current.queue, current.status)
        return same and (requested.found is None) == (current.found is None)

    def load(self, client: redis.Redis, request: JobsRequest) -> JobsSeen:
        """One window, and everything about one job for the preview."""
        if request.found is None:
            window = jobs.window(client, request.queue, request.status, request.offset, request.limit)
        else:
            window = window_of(client, request.found, request.queue, request.status, request.offset, request.limit)
        if request.cursor is None:
            return JobsSeen(window, None, 0)
        return JobsSeen(window, job_under(client, window, request.cursor), request.cursor.moves)

    def show(self, data: JobsSeen, overview: Overview) -> None:
        """Fill the tabs, the table and the preview."""
        counts = self._counts(overview)
        if self._choose_tab:
            self._choose_tab = False
            best = next((s for s in (Status.QUEUED, Status.STARTED, Status.FAILED, Status.FINISHED) if counts.get(s)), None)
            if best and not counts.get(self.status):
                self._open(best)
                return
        self._search(counts.get(self.status, 0), overview.at)
        if not self.filtered.is_on:
            counts[self.status] = data.window.total
        self.query_one(StatusTabs).show(counts)
        self.table.show(data.window.rows, data.window.offset, data.window.total)
        self.query_one(JobPreview).show(data.preview, overview.at)
        self._say_selection()

    def _search(self, total: int, now: float, *, again: bool = False) -> None:
        self.filtered.search(self.session.client, self.queue, self.status, total, now, again=again)
        place = printable(self.queue or "all queues")
        self.query_one("#crumb", Static).update("   ".join(filter(None, (place, printable(self.filtered.line())))))

    def on_search_moved(self, message: SearchMoved) -> None:
        """The search has found more, or has ended."""
        message.stop()
        if error := self.filtered.searching.error:
            self.notify(labels.trouble(error, self.session.name), severity="error", markup=False)
        self.reload()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.filtered.searching.stop()

    def action_filter(self) -> None:
        """Ask for a filter."""
        session = self.session
        queues = [row.name for row in session.overview.queues] if session.overview else []
        self.app.push_screen(FilterScreen(self.filtered.expression.text, queues, session.filters, self._filter))

    def action_contents(self) -> None:
        """Count the jobs of this list by what is in them."""
        self.app.post_message(ContentsRequested(self.queue, self.status, self.filtered.expression))

    def _filter(self, expression: Expression) -> None:
        self.filtered.expression = expression
        self._open(self.status)

    def action_reload(self) -> None:
        """Load now; with a filter, search again."""
        if self.filtered.is_on and self.session.overview:
            self._search(self._counts(self.session.overview).get(self.status, 0), self.session.server_now, again=True)
        super().action_reload()

    def _counts(self, overview: Overview) -> dict[Status, int]:
        of = [q for q in overview.queues if self.queue in (None, q.name)]
        return {status: sum(q.count(status) for q in of) for status in COUNTED}

    def on_row_table_window_wanted(self, message: RowTable.WindowWanted) -> None:
        """Load the rows that are in view but not held."""
        message.stop()
        self.reload()

    def on_row_table_highlighted(self) -> None:
        """Another job is under the cursor; load its preview, unless it came there with what was loaded last."""
        self._say_selection()
        if self.size.width >= PREVIEW_FROM and not (self.data and self.data.moves == self.table.moves):
            self.reload_at_rest()

    def on_row_table_left(self, message: RowTable.Left[JobRow]) -> None:
        """The job under the cursor is no longer in this list: say so until a key is pressed."""
        self._left = message.row
        self._say_selection()

    def heard(self, event: events.Key) -> None:
        """The person has read what the line at the bottom says."""
        self._left = None
        super().heard(event)

    def on_status_tabs_changed(self, message: StatusTabs.Changed) -> None:
        """Another tab was chosen; the message may be older than what the tabs show by now."""
        if message.tabs.active is not self.status:
            self._open(message.tabs.active)

    def action_tab(self, step: int) -> None:
        """Open the next or previous tab that may have jobs; a click opens any tab."""
        tabs = self.query_one(StatusTabs)
        tabs.move(step)

    def _open(self, status: Status) -> None:
        self.status = status
        self.all_selected = False
        self.query_one(StatusTabs).active = status
        self.table.reset(self._columns(), empty=self._empty())
        self.refresh_bindings()
        self.reload()

    def selection(self) -> Selection | None:
        """The jobs that an operation would change: all of the tab, else the marked ones, else the one under the cursor."""
        if self.all_selected:
            return Matching(self.queue, self.status, self.filtered.expression)
        if self.table.marked:
            return Chosen(tuple(sorted(self.table.marked)))
        row = self.table.cursor_row
        return Chosen((row.id,)) if row else None

    def on_row_table_marks_changed(self) -> None:
        """More or fewer jobs are marked."""
        self.all_selected = False
        self._say_selection()

    def _say_selection(self) -> None:
        total = self.table.total
        if self.all_selected:
            text = f"● {formatting.count(total)} selected (all {STATUSES[self.status].title})"
        elif marked := len(self.table.marked):
            text = f"● {formatting.count(marked)} selected"
        elif self._left:
            gone = f"{labels.function(self._left)} {formatting.short_id(self._left.id)}"
            text = f"{gone} has left this list: it is no longer {STATUSES[self.status].title}"
        else:
            row = self.table.cursor_row
            text = labels.summary(row) if row else ""
        self.query_one("#selection", Static).update(printable(text))

    def action_all(self) -> None:
        """Select all jobs of this tab, or none of them."""
        self.all_selected = not self.all_selected and self.table.total > 0
        self._say_selection()

    def action_act(self, name: str) -> None:
        """Ask, then do an operation."""
        if selection := self.selection():
            self.start_operation(OPERATIONS[name], selection, self.forget_selection)

    def forget_selection(self) -> None:
        """An operation was carried out: nothing is selected any more."""
        self.all_selected = False
        self.table.unmark(self.table.marked)
        self._say_selection()

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Only the operations that this status allows."""
        return action != "act" or OPERATIONS[str(parameters[0])].applies_to(self.status)

    def action_back(self) -> None:
        """Clear the selection; else go back; where there is nowhere to go back to, clear the filter."""
        if self.all_selected:
            self.action_all()
        elif self.filtered.is_on and len(self.app.screen_stack) == 1:
            self._filter(EVERYTHING)
        else:
            super().action_back()

    def on_row_table_selected(self, message: RowTable.Selected[JobRow]) -> None:
        """Open a job."""
        self.app.push_screen(JobScreen(message.row.id))
