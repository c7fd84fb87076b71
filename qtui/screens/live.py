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
from qtui.broker import job as jobs_whole
from qtui.broker import jobs
from qtui.broker.models import JobDetail, JobRow, Overview, Window
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.operations.stop import STOP
from qtui.broker.status import Status
from qtui.screens import Place
from qtui.screens.columns import job_columns
from qtui.screens.job import JobScreen
from qtui.screens.resource import ResourceScreen, operation_bindings
from qtui.widgets.log_view import LogView
from qtui.widgets.row_table import RowTable
from qtui_workers.errors import NotFound
from qtui_workers.text import printable

MOST = 500
"""At most this many running jobs are shown, more than anyone reads."""
EMPTY = "Nothing runs right now.\nPress 8 to enqueue a report: it takes its time and tells how far it is."


@dataclass(frozen=True, slots=True)
class LiveSeen:
    """The running jobs and the one that is followed."""

    window: Window
    followed: JobDetail | None


class LiveScreen(ResourceScreen[str | None, LiveSeen]):
    """The running jobs, and below them the log of the one under the cursor."""

    PLACE = Place(4, "live", "Live", "running jobs with their progress and log")
    CSS_PATH = "live.tcss"
    HELP = "Every job that runs now, with its progress; below, what the one under the cursor logs."
    BINDINGS: ClassVar[list[BindingType]] = operation_bindings("live", [STOP])
    CHANGING = frozenset({"act"})

    def __init__(self) -> None:
        super().__init__()
        self.followed: str | None = None

    def compose_body(self) -> Iterable[Widget]:
        """The table over the log."""
        columns = job_columns(Status.STARTED, with_queue=True, now=lambda: self.session.server_now)
        yield RowTable(columns, key=lambda row: row.id, empty=EMPTY, markable=False, id="running")
        yield Static(id="followed", markup=False)
        yield LogView()

    def request(self) -> str | None:
        """The job to follow: the last one under the cursor, even after it has ended."""
        return self.followed

    def load(self, client: redis.Redis, request: str | None) -> LiveSeen:
        """The running jobs, and everything about the followed one."""
        window = jobs.window(client, None, Status.STARTED, 0, MOST)
        followed = None
        if request:
            try:
                followed = jobs_whole.load(client, request)
            except NotFound:
                followed = None
        return LiveSeen(window, followed)

    def is_wanted(self, requested: str | None, current: str | None) -> bool:
        """Always, because every load holds the running jobs."""
        return True

    def show(self, data: LiveSeen, overview: Overview) -> None:
        """Fill the table and the log."""
        self.query_one(RowTable).show(data.window.rows, 0, len(data.window.rows))
        detail = data.followed if data.followed and data.followed.row.id == self.followed else None
        self.query_one(LogView).show(detail.logs if detail else ())
        self.query_one("#followed", Static).update(_title(detail) if detail else "")

    def on_row_table_highlighted(self, message: RowTable.Highlighted[JobRow]) -> None:
        """Follow the job under the cursor."""
        if message.row and message.row.id != self.followed:
            self.followed = message.row.id
            self.reload()

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
