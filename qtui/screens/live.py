"""What runs right now: every started job with its progress, and the log of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import redis
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from qtui import labels
from qtui.broker import jobs
from qtui.broker.models import JobDetail, JobRow, Overview, Window
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.operations.requeue import REQUEUE
from qtui.broker.operations.stop import STOP
from qtui.broker.status import Status
from qtui.screens import Place
from qtui.screens.columns import job_columns
from qtui.screens.followed import Cursor, cursor_of, job_under
from qtui.screens.job import JobScreen
from qtui.screens.resource import ResourceScreen, operation_bindings
from qtui.widgets.log_view import LogView
from qtui.widgets.row_table import RowTable
from qtui_workers.text import printable

MOST = 500
"""At most this many running jobs are shown, more than anyone reads."""
EMPTY = "Nothing runs right now.\nPress 8 to enqueue a report: it takes its time and tells how far it is."


@dataclass(frozen=True, slots=True)
class LiveSeen:
    """The running jobs and the one that is followed."""

    window: Window
    followed: JobDetail | None
    moves: int
    """How often the cursor had been moved when the followed job was requested."""


class LiveScreen(ResourceScreen[Cursor, LiveSeen]):
    """The running jobs, and below them the log of the one under the cursor."""

    PLACE = Place(4, "live", "Live", "running jobs with their progress and log")
    CSS_PATH = "live.tcss"
    HELP = "Every job that runs now, with its progress; below, what the one under the cursor logs."
    BINDINGS: ClassVar[list[BindingType]] = operation_bindings("live", [STOP, REQUEUE])
    CHANGING = frozenset({"act"})

    def __init__(self) -> None:
        super().__init__()
        self.followed: str | None = None
        """The job whose log is shown."""

    def compose_body(self) -> Iterable[Widget]:
        """The table over the log."""
        columns = job_columns(Status.STARTED, with_queue=True, now=lambda: self.session.server_now)
        yield RowTable(columns, key=lambda row: row.id, empty=EMPTY, markable=False, id="running")
        yield Static(id="followed", markup=False)
        yield LogView()

    def request(self) -> Cursor:
        """The cursor, whose job is followed; the last one, even after it has ended, while no other runs."""
        return cursor_of(self.query_one(RowTable), self.followed)

    def load(self, client: redis.Redis, request: Cursor) -> LiveSeen:
        """The running jobs, and everything about the followed one."""
        window = jobs.window(client, None, Status.STARTED, 0, MOST)
        return LiveSeen(window, job_under(client, window, request), request.moves)

    def is_wanted(self, requested: Cursor, current: Cursor) -> bool:
        """Always, because every load holds the running jobs."""
        return True

    def show(self, data: LiveSeen, overview: Overview) -> None:
        """Fill the table and the log."""
        self.query_one(RowTable).show(data.window.rows, 0, len(data.window.rows))
        self.followed = data.followed.row.id if data.followed else None
        self.query_one(LogView).show(data.followed.logs if data.followed else ())
        self.query_one("#followed", Static).update(_title(data.followed) if data.followed else "")

    def on_row_table_highlighted(self, message: RowTable.Highlighted[JobRow]) -> None:
        """Follow the job under the cursor, unless it came there with what was loaded last."""
        if not (self.data and self.data.moves == message.table.moves):
            self.reload_at_rest()

    def on_row_table_selected(self, message: RowTable.Selected[JobRow]) -> None:
        """Open a job."""
        self.app.push_screen(JobScreen(message.row.id))

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on the job under the cursor."""
        row: JobRow | None = self.query_one(RowTable).cursor_row
        if row:
            self.start_operation(OPERATIONS[name], Chosen((row.id,)))


def _title(detail: JobDetail) -> str:
    return printable(f"{labels.status(detail.row)}  {detail.row.function or '–'}  {detail.row.id}")
