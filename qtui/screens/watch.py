"""The jobs of an operation and how they get on: exactly those, until one goes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from qtui.broker.bulk.watch import Course, Watch
from qtui.broker.models import JobRow, Overview
from qtui.broker.operations import OPERATIONS
from qtui.broker.status import STATUSES, Status
from qtui.presentation import formatting
from qtui.presentation.colours import TONES
from qtui.screens.job_list import HOLD, JobListScreen
from qtui.screens.parts.columns import watched_columns
from qtui.screens.parts.operation_keys import operation_bindings
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import RowTable

BAR = 24


class WatchScreen(JobListScreen[tuple[int, int], Course]):
    """Every job of an operation, as far as it is, with its status now, and how many have ended and how."""

    CSS_PATH = "watch.tcss"
    HELP = (
        "The jobs of the operation that runs, as far as it is, else of the last one, in its order. n and N go to those "
        "that failed; an uppercase key is about the marked jobs, else the one under the cursor."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "failed(1)", "Next failed", id="watch.next_failed", tooltip="To the next job that failed"),
        Binding("N", "failed(-1)", "Previous failed", show=False, id="watch.previous_failed"),
        *operation_bindings("watch"),
        HOLD,
    ]

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch_list = watch
        self._on: Status | None = None
        """The status of the job under the cursor when the footer was last updated."""

    def compose_body(self) -> Iterable[Widget]:
        """The totals, the table, the lines about the job under the cursor."""
        columns = watched_columns(lambda: self.session.server_now)
        yield Caption(id="crumb")
        yield Caption(id="totals")
        yield RowTable(columns, key=lambda row: row.id, empty="No jobs.", id="watched")
        yield Caption(id="about")

    def request(self) -> tuple[int, int]:
        """The window in view."""
        return self.table.window

    def is_wanted(self, requested: tuple[int, int], current: tuple[int, int]) -> bool:
        """Any window is of this list."""
        return True

    def load(self, client: redis.Redis, request: tuple[int, int]) -> Course:
        """Some of the statuses, and the window."""
        return self.watch_list.look(client, *request)

    def show(self, data: Course, overview: Overview) -> None:
        """Fill the totals and the table."""
        self.query_one("#totals", Caption).say(totals(data))
        self.table.show(data.rows, data.offset, data.total)
        self._say_title()
        self.say()

    def _say_title(self) -> None:
        view = self.table.in_view
        shown = f"{formatting.count(view.start + 1)}–{formatting.count(view.stop)}" if view else ""
        jobs, planned = len(self.watch_list), self.watch_list.planned
        of_all = f" of {formatting.count(planned)}" if jobs < planned else ""
        title = f"{formatting.count(jobs)}{of_all} {'job' if planned == 1 else 'jobs'} {self.watch_list.what}"
        self.query_one("#crumb", Caption).say(Content.assemble((title, "bold $accent"), f"   {shown}"))

    def on_row_table_view_moved(self) -> None:
        """Other rows are in view."""
        self._say_title()

    def say(self) -> None:
        """What there is to say about the job under the cursor, and the keys that its status has."""
        super().say()
        row = self.table.cursor_row
        if self._on != (row.status if row else None):
            self._on = row.status if row else None
            self.refresh_bindings()

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """The operations that the job under the cursor allows."""
        return action != "act" or OPERATIONS[str(parameters[0])].applies_to(self._on)

    def left(self, row: JobRow) -> str:
        """Jobs do not leave this list."""
        return ""

    def action_failed(self, step: int) -> None:
        """Go to the next or previous job that failed."""
        place = self.watch_list.next_failed(self.table.cursor, step)
        if place is None:
            self.notify(f"No failed job {'below' if step > 0 else 'above'}.", timeout=2)
        else:
            self.table.cursor = place


def totals(course: Course) -> Content:
    """How many have ended, of which many failed: "████░░  77 %  150 ✓ finished  3 ✗ failed  47 · queued"."""
    share = course.ended / course.total if course.total else None
    parts = [Content(f"{formatting.bar(share, BAR)}  {formatting.percent(share):>5}")]
    for status, look in STATUSES.items():
        if number := course.counts.get(status):
            parts.append(Content.styled(f"{look.glyph} {look.title} {formatting.count(number)}", TONES[look.tone]))
    if course.gone:
        parts.append(Content.styled(f"gone {formatting.count(course.gone)}", TONES["muted"]))
    if course.unread:
        parts.append(Content.styled(f"not read yet {formatting.count(course.unread)}", TONES["muted"]))
    return Content("  ").join(parts)
