"""A table of any length: it holds one window of rows and requests others by a message."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from qtui.presentation.bars import OPEN
from qtui.presentation.cells import GUTTER, Column, Row
from qtui.widgets.line_view import LineView
from qtui.widgets.row_cursor import HeldRows, SeenRows, follow
from qtui.widgets.row_view import RowView
from qtui_workers.records import as_dict

__all__ = ["Column", "RowTable"]

EventRow = TypeVar("EventRow")

HELD = 0.06
"""Seconds within which a key comes again while it is held down."""


class RowTable(RowView[Row], Generic[Row], inherit_bindings=False):
    """A list of up to millions of rows; the table holds only those around the view.

    Its user calls `show` with windows of rows: on a timer with the rows of `window`, and at once when the
    table posts `WindowWanted`. The cursor and the marks belong to rows by their key, not by their number; the cursor is
    always in view. With `follows`, the cursor on the first row stays on the first row, whichever comes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up", tooltip="To the row above"),
        Binding("down,j", "move(1)", "Down", show=False, id="table.down", tooltip="To the row below"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="table.page_up", tooltip="One page up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="table.page_down", tooltip="One page down"),
        Binding("home,g", "top", "Top", show=False, id="table.top", tooltip="To the first row"),
        Binding("end,G", "bottom", "Bottom", show=False, id="table.bottom", tooltip="To the last row"),
        Binding(**as_dict(OPEN)),
        Binding("space", "mark", "Mark", id="table.mark", tooltip="Mark the row, or take its mark away"),
        Binding("v", "mark_range", "Range", show=False, id="table.range", tooltip="Mark from the last mark to here"),
        Binding("y", "copy", "Copy", show=False, id="table.copy", tooltip="Copy the id or name of the row, or of those marked"),
        Binding("escape", "unmark_all", "Clear marks", id="table.unmark", tooltip="Take all marks away"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False, init=False)
    """The number of the row under the cursor, from 0."""

    class RowMessage(Message, Generic[EventRow]):
        """The base of messages about a row of a table."""

        def __init__(self, table: RowTable[EventRow], row: EventRow) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> RowTable[EventRow]:
            return self.table

    class Selected(RowMessage[EventRow]):
        """The row was chosen: by enter, or by a click on the row under the cursor."""

    class Highlighted(RowMessage[EventRow]):
        """The cursor moved to another row, or its row changed."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowTable.Highlighted) and message.table is self.table

    class TableMessage(Message):
        """The base of messages about a table as a whole."""

        def __init__(self, table: LineView) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> LineView:
            return self.table

    class WindowWanted(TableMessage):
        """Some rows in view are not held: a request to call `show` with this window."""

        def __init__(self, table: LineView, offset: int, limit: int) -> None:
            super().__init__(table)
            self.offset = offset
            self.limit = limit

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowTable.WindowWanted) and message.table is self.table

    class ViewMoved(TableMessage):
        """Other rows are in view, or the list has become longer or shorter."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowTable.ViewMoved) and message.table is self.table

    class MarksChanged(TableMessage):
        """Rows were marked or unmarked."""

        def __init__(self, table: LineView, marked: frozenset[str]) -> None:
            super().__init__(table)
            self.marked = marked

    class CopyWanted(TableMessage):
        """A request to put these texts on the clipboard: of the marked rows, else of the one under the cursor."""

        def __init__(self, table: LineView, texts: Sequence[str]) -> None:
            super().__init__(table)
            self.texts = texts

    class Left(RowMessage[EventRow]):
        """The row under the cursor is no longer in the list; the cursor is on the next one."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], str],
        empty: str = "Nothing here.",
        *,
        markable: bool = True,
        follows: bool = False,
        copies: Callable[[Row], str] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`copies`: what is copied of a row; without it the key, which is also what is copied of rows that are marked."""
        self._seen = SeenRows()
        super().__init__(columns, key, empty, id=id, classes=classes)
        self._markable = markable
        self.follows = follows
        """Whether the cursor on the first row stays there, whichever row that is."""
        self._copies = copies or key
        self._anchor: str | None = None
        self._is_held = False
        self._moved_at = 0.0
        self.moves = 0
        """How often the operator moved the cursor."""

    def _forget_rows(self) -> None:
        super()._forget_rows()
        self._cursor_key: str | None = None
        self._lost = False
        """Whether a key was pressed for a row that is no longer in the list: it is acted on as if there was no row."""
        self._seen.forget()
        self._requested: tuple[int, int] | None = None
        self._highlighted: Row | None = None
        self.newer = 0
        """How many rows have come above the view since the cursor is no longer on the first one."""
        self._viewed = (0, 0, 0)

    # For the user of the table

    def show(self, rows: Sequence[Row], offset: int, total: int) -> None:
        """Replace the held rows by these, which begin at number `offset` of `total`."""
        if self._requested and self._requested[0] != offset:
            self._requested = None
        seen = self._cursor_key
        self._follow_cursor(self._hold(rows, offset, total))
        if seen is not None and seen != self._cursor_key:
            self._seen.replaced(seen)
            self.call_after_refresh(lambda: self._seen.painted(time.monotonic()))
        self._lost = False
        self.repaint()
        self._highlight()
        self._look_around()
        self._ask_for_rows()

    def reset(self, columns: Sequence[Column[Row]] | None = None, empty: str | None = None, *, keep_marks: bool = False) -> None:
        """Remove rows, cursor and marks for another list, with these columns, and this text if it is empty.

        `keep_marks`: it is the same list in another order.
        """
        self._forget_rows()
        self._columns = self._columns if columns is None else tuple(columns)
        self.empty = self.empty if empty is None else empty
        self.cursor = 0
        self.scroll_line(0)
        if not keep_marks:
            self.unmark(self.marked)
        self.repaint_all()

    def pressed(self, at: float) -> bool:
        """A key was pressed at that time (`Message.time`): put the cursor back on the row that was seen under it then.

        False if that row has left the list: then there is no `cursor_row` until the next key.
        """
        seen = self._seen.at(at)
        self._lost = seen is not None and seen not in self._held.places
        if seen is not None and not self._lost:
            self._seen.forget()
            self.cursor = self._held.places[seen]
        return not self._lost

    @property
    def cursor_number(self) -> int:
        return self.cursor

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor; None if it is not held yet, or there are no rows."""
        return None if self._lost else self.row_at(self.cursor)

    @property
    def in_view(self) -> range:
        """The numbers of the rows in view, from 0."""
        return range(self.top, min(self.total, self.top + self.page))

    @property
    def is_following(self) -> bool:
        """Whether the cursor stays on the first row, whichever comes."""
        return self.follows and self.cursor == 0

    # The cursor and the view

    def validate_cursor(self, number: int) -> int:
        return max(0, min(number, self.total - 1))

    def watch_cursor(self, before: int, number: int) -> None:
        self._seen.forget()
        row = self.row_at(number)
        self._cursor_key = None if row is None else self._key(row)
        self.moves += 1
        self._scroll_to_cursor()
        self.repaint(at - self.top + self.HEAD for at in (before, number) if at >= self.top)
        self._highlight()

    def watch_scroll_y(self, _old_value: float, _new_value: float) -> None:
        if self.page:
            self.cursor = max(self.top, min(self.cursor, self.top + self.page - 1))
        self.repaint()
        self._look_around()
        self.call_next(self._ask_for_rows)

    def on_resize(self) -> None:
        self._scroll_to_cursor()
        self._look_around()
        self.call_next(self._ask_for_rows)

    def _look_around(self) -> None:
        """Count the rows in view as seen, and report the view to the screen where it has changed."""
        self.newer = min(self.newer, self.top)
        viewed = (self.in_view.start, self.in_view.stop, self.total)
        if viewed != self._viewed:
            self._viewed = viewed
            self.post_message(self.ViewMoved(self))

    def _scroll_to_cursor(self) -> None:
        """Bring the cursor into view; by more than a line while a key is held, as each scroll repaints the whole page."""
        last = self.cursor if self.cursor + 1 < self.total else self.line_count - 1  # what stands below the last row, too
        if self.page and not self.top <= self.cursor <= last < self.top + self.page:
            ahead = self.page // 4 if self._is_held else 0
            self.scroll_line(self.cursor - ahead if self.cursor < self.top else last - self.page + 1 + ahead)

    def _follow_cursor(self, before: HeldRows) -> None:
        """Keep the cursor on its row, and that row on its line of the terminal; or keep it on the first row, in view."""
        number, key = self.validate_cursor(self.cursor), self._cursor_key
        if key is not None and not self.is_following:
            place = follow(key, self.cursor, before, self._held)
            number = place.number
            if place.left:
                self._cursor_key = None
                if self._highlighted is not None:
                    self.post_message(self.Left(self, self._highlighted))
            self.newer = max(0, self.newer + number - self.cursor)
        top = self.top + number - self.cursor if self.top or self.follows else 0
        self.set_reactive(RowTable.cursor, number)
        self.scroll_line(top)
        self._scroll_to_cursor()
        if (row := self.row_at(number)) is not None:
            self._cursor_key = self._key(row)

    def _highlight(self) -> None:
        row = self.row_at(self.cursor)
        if row is not None and row != self._highlighted:
            self._highlighted = row
            self.post_message(self.Highlighted(self, row))

    def _ask_for_rows(self) -> None:
        """Request the window around the view, unless it was requested already or the rows up to half a page beyond are held."""
        first = max(0, self.top - self.page // 2)
        last = min(self.total, self.top + self.page + self.page // 2)
        if first < last and not (first in self._held and last - 1 in self._held) and self._requested != self.window:
            self._requested = self.window
            self.post_message(self.WindowWanted(self, *self.window))

    # Keys and mouse

    def action_move(self, step: int) -> None:
        now = time.monotonic()
        self._is_held, self._moved_at = now - self._moved_at < HELD, now
        self.cursor += step
        self._is_held = False

    def action_page(self, step: int) -> None:
        distance = step * max(1, self.page - 1)
        number = self.cursor + distance
        self.scroll_line(self.top + distance)
        self.cursor = number

    def action_top(self) -> None:
        self.cursor = 0

    def action_bottom(self) -> None:
        self.cursor = self.total - 1

    def action_select(self) -> None:
        if (row := self.cursor_row) is not None:
            self.post_message(self.Selected(self, row))

    def action_copy(self) -> None:
        if self.marked:
            self.post_message(self.CopyWanted(self, sorted(self.marked)))
        elif (row := self.cursor_row) is not None:
            self.post_message(self.CopyWanted(self, [self._copies(row)]))

    def on_click(self, event: events.Click) -> None:
        number = self.top + event.y - self.HEAD
        if event.y < self.HEAD or number >= self.total or event.x == self.size.width - 1:
            return
        if number == self.cursor and (event.x >= GUTTER or not self._markable):
            self.action_select()
        self.cursor = number
        if event.x < GUTTER and self._markable:
            self._toggle_mark()

    # Marks

    def mark(self, keys: Iterable[str]) -> None:
        """Mark rows by their keys."""
        self._change_marks(self.marked.union(keys))

    def unmark(self, keys: Iterable[str]) -> None:
        """Remove the marks of these rows."""
        self._change_marks(self.marked.difference(keys))

    def _change_marks(self, marked: set[str]) -> None:
        if marked != self.marked:
            self.marked = marked
            self.repaint()
            self.refresh_bindings()
            self.post_message(self.MarksChanged(self, frozenset(marked)))

    def _toggle_mark(self) -> None:
        if self._cursor_key is not None and self.cursor_row is not None:
            self._anchor = self._cursor_key
            self._change_marks(self.marked ^ {self._cursor_key})

    def action_mark(self) -> None:
        self._toggle_mark()
        self.cursor += 1

    def action_mark_range(self) -> None:
        """Mark all rows from the last marked one to the cursor; if that row is not held, mark only the row under the cursor."""
        start = self._held.places.get(self._anchor or "")
        if self._anchor is not None and start is None:
            self.notify("The last mark is too far away for a range: a new one begins here.", severity="warning")
        numbers = sorted((self.cursor if start is None else start, self.cursor))
        rows = [self.row_at(number) for number in range(numbers[0], numbers[1] + 1)]
        self._anchor = self._cursor_key
        self.mark(self._key(row) for row in rows if row is not None)

    def action_unmark_all(self) -> None:
        self._anchor = None
        self.unmark(self.marked)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to the table only while rows are marked."""
        if action in ("mark", "mark_range", "unmark_all"):
            return self._markable and (bool(self.marked) or action != "unmark_all")
        return super().check_action(action, parameters)
