"""The jobs of one queue, or of all: a tab per status, a virtual table, and a preview if there is room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget

from qtui.broker.lists import jobs
from qtui.broker.models import JobRow, Lifetimes, Overview, Window
from qtui.broker.operations import OPERATIONS, Matching, Selection
from qtui.broker.search.expression import EVERYTHING, Expression
from qtui.broker.search.find import Found
from qtui.broker.search.sorting import NEWEST, Sort, following
from qtui.broker.status import COUNTED, STATUSES, Status
from qtui.presentation import formatting, labels
from qtui.presentation.colours import TONES
from qtui.screens.filter import FilterScreen
from qtui.screens.job_list import HOLD, JobListScreen
from qtui.screens.parts.columns import job_columns
from qtui.screens.parts.filtered import Filtered, window_of
from qtui.screens.parts.job_under_cursor import Cursor, Followed, cursor_of, job_under
from qtui.screens.parts.operation_keys import operation_bindings
from qtui.screens.parts.remembered_sort import remember_sort, sort_of
from qtui.screens.parts.searching import SearchMoved
from qtui.shared.messages import ContentsRequested
from qtui.widgets.caption import Caption
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
    expression: Expression
    sort: Sort
    holding: tuple[str, ...]
    """Of all queues, those that hold such jobs, as far as they are known."""
    found: Found | None
    """What a search has found, where only jobs that fit a filter are shown, or in an order of their own."""
    known: Lifetimes
    """For how long the jobs of the list were seen to be kept."""
    cursor: Cursor | None
    """Where the cursor is; None if no preview is wanted now."""
    preview: Followed | None
    """The preview that is shown."""


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """A window and the job under the cursor."""

    window: Window
    preview: Followed | None


class JobsScreen(JobListScreen[JobsRequest, JobsSeen]):
    """Jobs by status; marked ones, or all of a status, can be acted on."""

    CSS_PATH = "jobs.tcss"
    HELP = (
        "Jobs, newest first, a tab per status that has any. On the first row the cursor follows the newest job, anywhere else it "
        "stays on its job. Mark some with space, or all of the tab with a; then an uppercase key."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "tab(-1)", "Tab left", show=False, key_display="[", id="jobs.tab_left"),
        Binding("right_square_bracket", "tab(1)", "Tab right", show=False, key_display="]", id="jobs.tab_right"),
        Binding("tab", "tab(1)", "Next tab", id="jobs.next_tab", tooltip="The next status"),
        Binding("shift+tab", "tab(-1)", "Previous tab", show=False, id="jobs.previous_tab"),
        Binding("i", "empty_tabs", "Empty tabs", show=False, id="jobs.empty_tabs", tooltip="Also the statuses without jobs"),
        Binding("slash", "filter", "Filter", key_display="/", id="jobs.filter", tooltip="Only jobs that fit an expression"),
        Binding("s", "sort", "Sort", show=False, id="jobs.sort", tooltip="In the next order: took, attempts, function …"),
        Binding("o", "reverse", "Reverse", show=False, id="jobs.reverse", tooltip="The other way round: the oldest first"),
        Binding(
            "b", "contents", "What is in it", show=False, id="jobs.contents", tooltip="Counts by function, worker, payload …"
        ),
        Binding("a", "all", "All", id="jobs.all", tooltip="Select all jobs of this tab, also those not loaded"),
        *operation_bindings("jobs"),
        HOLD,
    ]

    def __init__(self, queue: str | None = None, status: Status | None = None, expression: Expression = EVERYTHING) -> None:
        super().__init__()
        self.queue = queue
        """The queue shown; None is all of them."""
        self.status = status or Status.QUEUED
        """The status whose tab is open."""
        self.filtered = Filtered(self, self.status, expression)
        self.all_selected = False
        self._choose_tab = status is None
        self._is_all = status is None and queue is None
        """Whether it is the top-level screen, whose order is remembered."""
        self._only: str | None = queue
        """The queue of all the jobs in the list; None where they may be of several, and so have a column for it."""
        self._is_new = True
        """Whether the list was not shown yet."""

    def compose_body(self) -> Iterable[Widget]:
        """Title, tabs, table, preview, the lines about the job under the cursor."""
        if self._is_all:
            self.filtered.sort = sort_of(self.session.memory, "jobs", NEWEST)
        yield Caption(printable(self.queue or "all queues"), id="crumb")
        yield StatusTabs(list(STATUSES), active=self.status)
        with Horizontal(id="halves"):
            yield RowTable(self._columns(), key=lambda row: row.id, empty=self._empty(), follows=True, id="jobs")
            yield JobPreview()
        yield Caption(id="about")

    def _columns(self) -> list[Any]:
        sort = self.filtered.sort
        return job_columns(self.status, sort, with_queue=self._only is None, now=lambda: self.session.server_now)

    def _empty(self) -> str:
        facts = STATUSES[self.status]
        if self.filtered.is_reading:
            return "Reading …"
        if self.filtered.has_filter:
            return f"No {facts.title} job fits the filter.\n{self._elsewhere()}/ changes it."
        return f"No {facts.title} jobs here.\n{facts.title.capitalize()}: {facts.hint[:1].lower()}{facts.hint[1:]}"

    def _elsewhere(self) -> str:
        """The way to a tab whose status the filter asks for, where it does not ask for this one; '' else."""
        statuses = self.filtered.expression.statuses()
        if self.status in statuses or not (way := self.query_one(StatusTabs).way_to(statuses)):
            return ""
        status, steps = way
        times = f" {abs(steps)} times" if abs(steps) > 1 else ""
        return f"It asks for {STATUSES[status].title} jobs: press {']' if steps > 0 else '['}{times}.\n"

    def request(self) -> JobsRequest:
        """The window in view, and the cursor where a preview is shown, unless it is just on its way."""
        offset, limit = self.table.window
        wanted = self.size.width >= PREVIEW_FROM and not self.awaits_rest
        return JobsRequest(
            self.queue,
            self.status,
            offset,
            limit,
            self.filtered.expression,
            self.filtered.sort,
            holding=self._holding(self.session.overview) if self.session.overview else (),
            found=self.filtered.found,
            known=self._known(),
            cursor=cursor_of(self.table) if wanted else None,
            preview=self.data.preview if self.data else None,
        )

    def _known(self) -> Lifetimes:
        window = self.data.window if self.data else None
        return window.lifetimes if window and (window.queue, window.status) == (self.queue, self.status) else ()

    def is_wanted(self, requested: JobsRequest, current: JobsRequest) -> bool:
        """Any window is shown if it belongs to the current list."""
        ours = (current.queue, current.status, current.expression, current.sort)
        return (requested.queue, requested.status, requested.expression, requested.sort) == ours

    def load(self, client: redis.Redis, request: JobsRequest) -> JobsSeen:
        """One window, and everything about one job for the preview."""
        place = request.queue, request.status, request.offset, request.limit
        if request.found is None:
            first = request.sort.is_by_time and not request.sort.descending
            holding, known = request.holding, request.known
            window = jobs.window(client, *place, oldest_first=first, holding=holding, known=known)
        else:
            window = window_of(client, request.found, *place)
        if request.cursor is None:
            return JobsSeen(window, request.preview)
        return JobsSeen(window, job_under(client, window.rows, window.offset, request.cursor, request.preview))

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
        if not self.filtered.is_on or (self.filtered.is_hidden and not self.filtered.has_filter):
            counts[self.status] = data.window.total
        self.query_one(StatusTabs).show(counts)
        self._show_queues(overview)
        self.table.empty = self._empty()
        self.table.show(data.window.rows, data.window.offset, data.window.total)
        self.query_one(JobPreview).show(data.preview.detail if data.preview else None, overview.at)
        self._say_title()
        self.say()

    def _holding(self, overview: Overview) -> tuple[str, ...]:
        return tuple(row.name for row in overview.queues if row.count(self.status)) if self.queue is None else ()

    def _show_queues(self, overview: Overview) -> None:
        """Give the table a column for the queue where its jobs are of several; it stays until another list is shown."""
        found = self.filtered.found
        known = self._holding(overview) if found is None else found.queues
        if self.queue is not None or not known:
            return
        only = (next(iter(known)) or None) if len(known) == 1 else None
        if only != self._only and (self._is_new or self._only):
            self._only = only
            self.table.columns = self._columns()
        self._is_new = False

    def _search(self, total: int, now: float, *, again: bool = False) -> None:
        self.filtered.search(self.session.client, self.queue, total, now, again=again)

    def _say_title(self) -> None:
        """Where one is, which rows are in view, what is new above them, the order and the filter."""
        table, window = self.table, self.data.window if self.data else None
        only = self._only if table.total and not self._is_new else None
        place = self.queue or (f"all queues, all in {only}" if only else "all queues")
        parts = [Content.styled(printable(place), "bold $accent")]
        if view := table.in_view:
            shown = f"{formatting.count(view.start + 1)}–{formatting.count(view.stop)} of {formatting.count(table.total)}"
            read = window.scanned if window and self.filtered.is_hidden and not window.complete else None
            parts.append(Content(f"{shown}{f', of {formatting.count(read)} jobs read' if read else ''}"))
        if window and (order := labels.order(window)):
            parts.append(Content.styled(order, TONES["muted" if window.is_in_order else "warn"]))
        if table.newer and self.filtered.sort == NEWEST:
            parts.append(Content.styled(f"▲ {formatting.count(table.newer)} newer (g)", TONES["busy"]))
        if line := self.filtered.line():
            parts.append(Content.styled(printable(line), TONES["warn"]))
        self.query_one("#crumb", Caption).say(Content("   ").join(parts))

    def on_row_table_view_moved(self) -> None:
        """Other rows are in view."""
        self._say_title()

    def on_search_moved(self, message: SearchMoved) -> None:
        """The search has found more, or has ended."""
        message.stop()
        self.filtered.searching.say_error(self.session.name)
        self.reload(fresh=False)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.filtered.searching.stop()

    def action_filter(self) -> None:
        """Ask for a filter."""
        session = self.session
        rows = self.data.window.rows if self.data else ()
        values = {
            "queue": [row.name for row in session.overview.queues] if session.overview else [],
            "func": dict.fromkeys(row.function for row in rows if row.function),
            "worker": dict.fromkeys(row.worker for row in rows if row.worker),
            "held": dict.fromkeys(row.held.text for row in rows if row.held),
        }
        self.app.push_screen(FilterScreen(self.filtered.expression.text, values, session.memory, self._filter))

    def _filter(self, expression: Expression) -> None:
        self.filtered.expression = expression
        self._open(self.status)

    def action_sort(self) -> None:
        """Sort by the next value in which these jobs can differ."""
        self._sort_by(following(self.filtered.sort, self.status))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._sort_by(self.filtered.sort.reversed)

    def _sort_by(self, sort: Sort) -> None:
        self.filtered.sort = sort
        if self._is_all:
            remember_sort(self.session.memory, "jobs", sort)
        self._open(self.status, keep_marks=True)

    def action_contents(self) -> None:
        """Count the jobs of this list by what is in them."""
        self.app.post_message(ContentsRequested(self.queue, self.status, self.filtered.expression))

    def action_reload(self) -> None:
        """Load now; where the list is what a search finds, search again."""
        if self.filtered.is_on and self.session.overview:
            self._search(self._counts(self.session.overview).get(self.status, 0), self.session.server_now, again=True)
        super().action_reload()

    def _counts(self, overview: Overview) -> dict[Status, int]:
        of = [q for q in overview.queues if self.queue in (None, q.name)]
        return {status: sum(q.count(status) for q in of) for status in COUNTED}

    def on_row_table_highlighted(self, message: RowTable.Highlighted[JobRow]) -> None:
        """Another job is under the cursor: load its preview once the cursor rests, unless the last load brought both."""
        preview = self.data.preview if self.data else None
        if self.size.width >= PREVIEW_FROM and not (preview and preview.moves == self.table.moves):
            self.reload_at_rest()

    def on_status_tabs_changed(self, message: StatusTabs.Changed) -> None:
        """Another tab was chosen; the message may be older than what the tabs show by now."""
        if message.tabs.active is not self.status:
            self._open(message.tabs.active)

    def action_tab(self, step: int) -> None:
        """Open the next or previous tab."""
        self.query_one(StatusTabs).move(step)

    def action_empty_tabs(self) -> None:
        """Show the tabs of the statuses without jobs too, or no longer."""
        tabs = self.query_one(StatusTabs)
        tabs.all_shown = not tabs.all_shown

    def _open(self, status: Status, *, keep_marks: bool = False) -> None:
        """Show the list of a status anew, from its first row on."""
        self.status = self.filtered.status = status
        if not self.filtered.sort.applies_to(status):
            self.filtered.sort = NEWEST
        self.all_selected = self.all_selected and keep_marks
        self._is_new, self.loaded_at = True, None
        self.query_one(StatusTabs).active = status
        self.table.reset(self._columns(), empty=self._empty(), keep_marks=keep_marks)
        self.refresh_bindings()
        self._say_title()
        self.reload(fresh=False)

    def selection(self) -> Selection | None:
        """The jobs that an operation would change: all of the tab, else the marked ones, else the one under the cursor."""
        if self.all_selected:
            return Matching(self.queue, self.status, self.filtered.expression)
        return super().selection()

    def selected(self) -> str:
        """How many jobs are selected, in words."""
        if self.all_selected:
            return f"● {formatting.count(self._all)} selected (all {STATUSES[self.status].title})"
        return super().selected()

    @property
    def _all(self) -> int:
        """How many jobs of this tab there are; where they are only sorted, also those that were not read for that."""
        found = self.filtered.found
        if found and not self.filtered.has_filter and not self.filtered.is_hidden:
            return found.total
        return self.table.total

    def left(self, row: JobRow) -> str:
        """That a job is no longer in the list, in words."""
        return f"{super().left(row)}: it is no longer {STATUSES[self.status].title}"

    def on_row_table_marks_changed(self) -> None:
        """All are no longer selected."""
        self.all_selected = False

    def on_row_table_copy_wanted(self, message: RowTable.CopyWanted) -> None:
        """Where all are selected, say how to get their ids: they are not here."""
        if self.all_selected:
            message.stop()
            message.prevent_default()
            where = f" {self.queue}" if self.queue else ""
            self.notify(
                f"All {formatting.count(self._all)} are selected: qtui jobs{where} --status {self.status.value} "
                f"--json{self.session.here} prints their ids; y copies those of marked jobs.",
                severity="warning",
                markup=False,
            )

    def action_all(self) -> None:
        """Select all jobs of this tab, or none of them."""
        self.all_selected = not self.all_selected and self.table.total > 0
        self.say()

    def forget_selection(self) -> None:
        """An operation was carried out: nothing is selected any more."""
        self.all_selected = False
        super().forget_selection()

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Only the operations that this status allows."""
        return action != "act" or OPERATIONS[str(parameters[0])].applies_to(self.status)

    def unmark(self) -> bool:
        """Select no longer all, or those that are marked."""
        if not self.all_selected:
            return super().unmark()
        self.action_all()
        return True

    def end_filter(self) -> bool:
        """Show again what was shown when it was opened."""
        if self.filtered.expression == self.filtered.first:
            return False
        self._filter(self.filtered.first)
        return True
