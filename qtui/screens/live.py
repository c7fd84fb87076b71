"""What runs right now: every started job with its progress, how jobs just ended, and the log of the one under the cursor."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from qtui import formatting, labels
from qtui.broker import running
from qtui.broker.models import JobDetail, Overview
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.operations.fail import FAIL
from qtui.broker.operations.requeue import REQUEUE
from qtui.broker.operations.stop import STOP
from qtui.broker.running import Run, Running
from qtui.broker.search.sorting import SORTS, Sort, following
from qtui.broker.status import Status
from qtui.colours import TONES
from qtui.screens.columns import run_columns, sorted_by
from qtui.screens.followed import Cursor, Followed, cursor_of, job_under
from qtui.screens.job import JobScreen
from qtui.screens.operating import operation_bindings
from qtui.screens.resource import ResourceScreen
from qtui.widgets.log_view import LogView
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.text import printable

EMPTY = "Nothing runs right now.\nPress 8 to enqueue a report: it takes its time and tells how far it is."


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """Where the cursor is, and what was seen before."""

    cursor: Cursor | None
    """None while it is on its way."""
    before: tuple[Run, ...]
    followed: Followed | None


@dataclass(frozen=True, slots=True)
class LiveSeen:
    """The running jobs and the one that is followed."""

    running: Running
    followed: Followed | None


class LiveScreen(ResourceScreen[LiveRequest, LiveSeen]):
    """The running jobs, the longest first, and the log of the one under the cursor."""

    CSS_PATH = "live.tcss"
    HELP = (
        "Every job that runs now, with its progress, and for half a minute how it ended; beside or below, what the one under the "
        "cursor logs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort", show=False, id="live.sort", tooltip="In the next order: attempts, function, queue …"),
        Binding("o", "reverse", "Reverse", show=False, id="live.reverse", tooltip="The other way round: the newest first"),
        *operation_bindings("live", [STOP, REQUEUE, FAIL]),
    ]
    CHANGING = frozenset({"act", "hold"})

    def __init__(self) -> None:
        super().__init__()
        self.followed: str | None = None
        """The job whose log is shown."""
        self.sort: Sort = SORTS["oldest"]
        """What began first runs longest; and what begins comes at the end, where it moves no other row."""

    def compose_body(self) -> Iterable[Widget]:
        """How many run, the table, and the log."""
        columns = self._columns()
        yield Static(id="crumb", markup=False)
        with Container(id="halves"):
            yield RowTable(columns, key=lambda run: run.id, empty=EMPTY, markable=False, id="running")
            with Vertical(id="log"):
                yield Static(id="followed", markup=False)
                yield LogView()

    def _columns(self) -> list[Column[Run]]:
        return sorted_by(self.sort, run_columns(lambda: self.session.server_now))

    def request(self) -> LiveRequest:
        """The cursor, whose job is followed; the last one, even after it has ended, while no other runs."""
        cursor = None if self.awaits_rest else cursor_of(self.query_one(RowTable), self.followed)
        if self.data is None:
            return LiveRequest(cursor, (), None)
        return LiveRequest(cursor, self.data.running.runs, self.data.followed)

    def load(self, client: redis.Redis, request: LiveRequest) -> LiveSeen:
        """The running jobs, and everything about the followed one."""
        seen = running.look(client, request.before, time.monotonic())
        if request.cursor is None:
            return LiveSeen(seen, request.followed)
        rows = [run.now for run in self._arranged(seen)]
        return LiveSeen(seen, job_under(client, rows, 0, request.cursor, request.followed))

    def is_wanted(self, requested: LiveRequest, current: LiveRequest) -> bool:
        """Always, because every load holds the running jobs."""
        return True

    def _arranged(self, seen: Running) -> list[Run]:
        """In the order of the screen; a job keeps its place when it ends."""
        return self.sort.arrange(seen.runs, lambda run: self.sort.key(run.row))

    def show(self, data: LiveSeen, overview: Overview) -> None:
        """Fill the table and the log."""
        runs = self._arranged(data.running)
        self.query_one("#crumb", Static).update(self._title(data.running, overview.at))
        self.query_one(RowTable).show(runs, 0, len(runs))
        detail = data.followed.detail if data.followed else None
        self.followed = detail.row.id if detail else None
        self.query_one(LogView).show(detail.logs if detail else ())
        self.query_one("#followed", Static).update(_title(detail) if detail else "")

    def _title(self, seen: Running, now: float) -> Content:
        """How many run, how many have ended or are lost, and the order: "3 running, 1 without a sign of life · 2 just ended"."""
        ended = sum(run.after is not None for run in seen.runs)
        lost = sum(run.row.silence(now) is not None for run in seen.runs if run.after is None)
        listed = len(seen.runs) - ended
        parts = [Content.styled(f"{formatting.count(seen.total)} running", "bold $accent")]
        if listed < seen.total:
            parts.append(Content.styled(f", of which {formatting.count(listed)} are listed", TONES["warn"]))
        if lost:
            parts.append(Content.styled(f", {formatting.count(lost)} without a sign of life", TONES["bad"]))
        if ended:
            parts.append(Content(f" · {formatting.count(ended)} just ended"))
        order = "longest first" if self.sort == SORTS["oldest"] else self.sort.label
        return Content("").join([*parts, Content.styled(f" · {order}", TONES["muted"])])

    def on_row_table_highlighted(self, message: RowTable.Highlighted[Run]) -> None:
        """Follow the job under the cursor when it rests, unless it came there with what was loaded last."""
        followed = self.data.followed if self.data else None
        if not (followed and followed.moves == message.table.moves):
            self.reload_at_rest()

    def on_row_table_selected(self, message: RowTable.Selected[Run]) -> None:
        """Open a job."""
        self.app.push_screen(JobScreen(message.row.id))

    def action_sort(self) -> None:
        """Sort by the next value in which running jobs can differ."""
        self._sort_by(following(self.sort, Status.STARTED))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._sort_by(self.sort.reversed)

    def _sort_by(self, sort: Sort) -> None:
        self.sort = sort
        self.query_one(RowTable).columns = self._columns()
        if self.data and self.session.overview:
            self.show(self.data, self.session.overview)

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on the job under the cursor."""
        run: Run | None = self.query_one(RowTable).cursor_row
        if run:
            self.start_operation(OPERATIONS[name], Chosen((run.id,)))


def _title(detail: JobDetail) -> str:
    return printable(f"{labels.status(detail.row)}  {detail.row.function or '–'}  {detail.row.id}")
