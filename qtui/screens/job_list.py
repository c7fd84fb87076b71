"""What the screens share that list jobs: marks, operations on the marked ones, and two lines about the one under the cursor."""

from __future__ import annotations

import textwrap
from typing import ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content

from qtui.broker.models import JobRow
from qtui.broker.operations import OPERATIONS, Chosen, Selection
from qtui.broker.status import Status
from qtui.presentation import formatting, labels
from qtui.screens.edit import EditScreen
from qtui.screens.holding import ask_to_hold
from qtui.screens.job import JobScreen
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import Data, Request, TailRequested
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import RowTable
from qtui_workers.text import printable

ABOUT_LINES: Final = 2


HOLD: Final = Binding(
    "H", "hold", "Hold", id="jobs.hold", tooltip="No qtui-worker runs its function; or release the hold it waits in"
)
"""The last of a list's own keys: a narrow bottom line has room for the others only."""


class JobListScreen(ResourceScreen[Request, Data]):
    """A list of jobs; enter opens one, and a key of an operation is about the marked ones, else the one under the cursor.

    A subclass yields a `RowTable` of jobs and below it a `Caption` named `about`, and has the key `HOLD`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "tail", "Tail", show=False, id="jobs.tail", tooltip="What happens to the marked jobs, or this one, live"),
        Binding("e", "edit", "Edit", show=False, id="jobs.edit", tooltip="Edit its arguments, and enqueue them as a new job"),
    ]
    CHANGING: ClassVar[frozenset[str]] = frozenset({"act", "edit", "hold"})

    def __init__(self) -> None:
        super().__init__()
        self._left: JobRow | None = None
        """The job that was under the cursor and has left the list, until a key is pressed."""

    @property
    def table(self) -> RowTable[JobRow]:
        """The table of jobs."""
        return self.query_one(RowTable)

    @property
    def job(self) -> JobRow | None:
        """The one under the cursor."""
        return self.table.cursor_row

    @property
    def acts_on(self) -> Status | None:
        """That of the one under the cursor."""
        row = self.row_under_cursor
        return row.status if row else None

    def selection(self) -> Selection | None:
        """The jobs that an operation would change: the marked ones, else the one under the cursor."""
        if self.table.marked:
            return Chosen(tuple(sorted(self.table.marked)))
        row = self.table.cursor_row
        return Chosen((row.id,)) if row else None

    def selected(self) -> str:
        """How many jobs are selected, in words; '' where it is only the one under the cursor."""
        marked = len(self.table.marked)
        return f"● {formatting.count(marked)} selected" if marked else ""

    def left(self, row: JobRow) -> str:
        """That a job is no longer in the list, in words."""
        return f"{labels.function(row)} {formatting.short_id(row.id)} has left this list"

    def say(self) -> None:
        """What is selected, or what has left the list; and what there is to say about the job under the cursor."""
        first = self.selected() or (self.left(self._left) if self._left else "")
        row = self.table.cursor_row
        text = printable(labels.note(row, self.session.server_now) or labels.summary(row), 2_000) if row else ""
        room = ABOUT_LINES - bool(first)
        wrapped = textwrap.wrap(text, max(20, self.size.width - 2), max_lines=room, placeholder=" …")
        head = [Content.styled(printable(first), "$accent")] if first else []
        self.query_one("#about", Caption).say(Content("\n").join([*head, *map(Content, wrapped)]))

    def on_row_table_highlighted(self, message: RowTable.Highlighted[JobRow]) -> None:
        """Another job is under the cursor."""
        self.say()

    def on_row_table_left(self, message: RowTable.Left[JobRow]) -> None:
        """The job under the cursor is no longer in this list: say so until a key is pressed."""
        self._left = message.row
        self.say()

    def on_row_table_marks_changed(self) -> None:
        """More or fewer jobs are marked."""
        self.say()

    def on_row_table_selected(self, message: RowTable.Selected[JobRow]) -> None:
        """Open a job."""
        self.app.push_screen(JobScreen(message.row.id))

    def on_row_table_window_wanted(self, message: RowTable.WindowWanted) -> None:
        """Load the rows that are in view but not held."""
        message.stop()
        self.reload(fresh=False)

    def heard(self, event: events.Key) -> None:
        """The person has read that a job has left the list."""
        self._left = None
        super().heard(event)

    def action_act(self, name: str) -> None:
        """Ask, then do an operation."""
        if selection := self.selection():
            self.start_operation(OPERATIONS[name], selection, self.forget_selection)
        elif not self.table.total:
            why = "this list is not read yet" if self.loaded_at is None else "there is no job in this list"
            self.notify(f"{OPERATIONS[name].title}: {why}.", severity="warning")

    def action_tail(self) -> None:
        """Show what happens to the marked jobs, else to the one under the cursor, as it happens."""
        row = self.table.cursor_row
        if ids := tuple(sorted(self.table.marked)) or ((row.id,) if row else ()):
            self.app.post_message(TailRequested(ids))

    def action_edit(self) -> None:
        """Open the form with the arguments of the job under the cursor; the new job is opened from this list."""
        app = self.app
        if row := self.table.cursor_row:
            app.push_screen(EditScreen(row.id, lambda new_id: app.push_screen(JobScreen(new_id))))

    def action_hold(self) -> None:
        """Ask, then hold the function of the job under the cursor, or release the hold in which it waits."""
        if row := self.table.cursor_row:
            ask_to_hold(self, row.function, row.held)

    def forget_selection(self) -> None:
        """An operation was carried out: nothing is selected any more."""
        self.table.unmark(self.table.marked)
        self.say()
