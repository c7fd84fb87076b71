"""A table of any length: it holds one window of rows and requests others by a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from qtui.formatting import pad
from qtui.widgets.cells import GAP, Column, Row, lay_out, segments
from qtui.widgets.line_view import LineView

__all__ = ["Column", "RowTable"]

EventRow = TypeVar("EventRow")

GUTTER = 3
"""Number of cells at the left, for the bar of the cursor and the dot of a mark."""
LEAST_WINDOW = 100
"""The fewest rows that are requested: paging within them needs no other round trip."""


class RowTable(LineView, Generic[Row], inherit_bindings=False):
    """A list of up to millions of rows; the table holds only those around the view.

    Its user calls `show` with windows of rows: on a timer with the rows of `window`, and at once when the
    table posts `WindowWanted`. The cursor and the marks belong to rows by their key, not by their number. The cursor
    is always in view.
    """

    HEAD: ClassVar[int] = 1
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--cursor",
        "row-table--marked",
        "row-table--gutter",
    }
    DEFAULT_CSS = """
    RowTable {
        height: 1fr;
        & > .row-table--header { color: $text-muted; background: $surface; text-style: bold; }
        & > .row-table--marked { text-style: bold; }
        & > .row-table--cursor { background: $block-cursor-blurred-background; }
        &:focus > .row-table--cursor { background: $primary-muted; }
        & > .row-table--gutter { color: $text-accent; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up", tooltip="To the row above"),
        Binding("down,j", "move(1)", "Down", show=False, id="table.down", tooltip="To the row below"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="table.page_up", tooltip="One page up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="table.page_down", tooltip="One page down"),
        Binding("home,g", "top", "Top", show=False, id="table.top", tooltip="To the first row"),
        Binding("end,G", "bottom", "Bottom", show=False, id="table.bottom", tooltip="To the last row"),
        Binding("enter", "select", "Open", id="table.open", tooltip="Open the row under the cursor"),
        Binding("space", "mark", "Mark", id="table.mark", tooltip="Mark the row, or take its mark away"),
        Binding("v", "mark_range", "Range", show=False, id="table.range", tooltip="Mark from the last mark to here"),
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

    class WindowWanted(Message):
        """Some rows in view are not held: a request to call `show` with this window."""

        def __init__(self, table: LineView, offset: int, limit: int) -> None:
            super().__init__()
            self.table = table
            self.offset = offset
            self.limit = limit

        @property
        def control(self) -> LineView:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowTable.WindowWanted) and message.table is self.table

    class MarksChanged(Message):
        """Rows were marked or unmarked."""

        def __init__(self, table: LineView, marked: frozenset[str]) -> None:
            super().__init__()
            self.table = table
            self.marked = marked

        @property
        def control(self) -> LineView:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], str],
        empty: str = "Nothing here.",
        *,
        markable: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        """The text shown when there are no rows."""
        self.marked: set[str] = set()
        """The keys of the marked rows, held or not; changed by `mark` and `unmark`."""
        self.moves = 0  # how often the operator moved the cursor
        self._columns = tuple(columns)
        self._key = key
        self._drawn: dict[tuple[int, bool, bool], Strip] = {}
        self._shown_columns: list[tuple[Column[Row], int]] = []
        self._markable = markable
        self._anchor: str | None = None
        self._forget_rows()

    def _forget_rows(self) -> None:
        self.rows: Sequence[Row] = ()
        """The rows that are held; set by `show`."""
        self._places: dict[str | None, int] = {}
        self._offset = 0
        self._total = 0
        self._loaded = False
        self._cursor_key: str | None = None
        self._requested: tuple[int, int] | None = None
        self._highlighted: Row | None = None

    # For the user of the table

    def show(self, rows: Sequence[Row], offset: int, total: int) -> None:
        """Replace the held rows by these, which begin at number `offset` of `total`.

        The cursor follows its row if that is among them; otherwise it keeps its number.
        """
        if self._requested and self._requested[0] != offset:
            self._requested = None
        self.rows, self._offset, self._total, self._loaded = rows, offset, total, True
        self._places = {self._key(row): offset + i for i, row in enumerate(rows)}
        self._drawn.clear()
        self._follow_cursor()
        self.repaint()
        self._highlight()
        self._ask_for_rows()

    def reset(self, columns: Sequence[Column[Row]] | None = None, empty: str | None = None) -> None:
        """Remove rows, cursor and marks for another list, with these columns, and this text if it is empty."""
        self._forget_rows()
        self._columns = self._columns if columns is None else tuple(columns)
        self.empty = self.empty if empty is None else empty
        self.cursor = 0
        self.scroll_line(0)
        self.unmark(self.marked)
        self.repaint_all()

    @property
    def window(self) -> tuple[int, int]:
        """The offset and the number of the rows to load for the present view, with some above and below it."""
        limit = max(LEAST_WINDOW, 3 * self.page)
        first = self.top - (limit - self.page) // 2
        return max(0, min(first, self._total - limit)), limit

    @property
    def columns(self) -> tuple[Column[Row], ...]:
        """The columns; to change them, assign a new sequence."""
        return self._columns

    @columns.setter
    def columns(self, columns: Sequence[Column[Row]]) -> None:
        self._columns = tuple(columns)
        self.repaint_all()

    @property
    def total(self) -> int:
        """Number of rows in the whole list."""
        return self._total

    @property
    def line_count(self) -> int:
        return self._total

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor; None if it is not held yet, or there are no rows."""
        return self.row_at(self.cursor)

    def row_at(self, number: int) -> Row | None:
        """The row with this number; None if it is not held."""
        place = number - self._offset
        return self.rows[place] if 0 <= place < len(self.rows) and number < self._total else None

    # The cursor and the view

    def validate_cursor(self, number: int) -> int:
        return max(0, min(number, self._total - 1))

    def watch_cursor(self, number: int) -> None:
        row = self.row_at(number)
        self._cursor_key = None if row is None else self._key(row)
        self.moves += 1
        self._scroll_to_cursor()
        self.repaint()
        self._highlight()

    def watch_scroll_y(self, _old_value: float, _new_value: float) -> None:
        if self.page:
            self.cursor = max(self.top, min(self.cursor, self.top + self.page - 1))
        self.repaint()
        self.call_next(self._ask_for_rows)

    def on_resize(self) -> None:
        self._scroll_to_cursor()
        self.call_next(self._ask_for_rows)

    def _scroll_to_cursor(self) -> None:
        if self.page and not self.top <= self.cursor < self.top + self.page:
            self.scroll_line(self.cursor if self.cursor < self.top else self.cursor - self.page + 1)

    def _follow_cursor(self) -> None:
        """Keep the cursor on its row, and that row on its line of the screen unless the view is at the top."""
        number = self.validate_cursor(self._places.get(self._cursor_key, self.cursor))
        top = self.top + number - self.cursor if self.top else 0
        self.set_reactive(RowTable.cursor, number)
        self.scroll_line(top)
        self._scroll_to_cursor()
        if (row := self.cursor_row) is not None:
            self._cursor_key = self._key(row)

    def _highlight(self) -> None:
        row = self.cursor_row
        if row is not None and row != self._highlighted:
            self._highlighted = row
            self.post_message(self.Highlighted(self, row))

    def _ask_for_rows(self) -> None:
        """Request the window around the view, unless it was requested already or the rows up to half a page beyond are held."""
        first = max(0, self.top - self.page // 2)
        last = min(self._total, self.top + self.page + self.page // 2)
        held = self._offset <= first and last <= self._offset + len(self.rows)
        if first < last and not held and self._requested != self.window:
            self._requested = self.window
            self.post_message(self.WindowWanted(self, *self.window))

    # Keys and mouse

    def action_move(self, step: int) -> None:
        self.cursor += step

    def action_page(self, step: int) -> None:
        distance = step * max(1, self.page - 1)
        number = self.cursor + distance
        self.scroll_line(self.top + distance)
        self.cursor = number

    def action_top(self) -> None:
        self.cursor = 0

    def action_bottom(self) -> None:
        self.cursor = self._total - 1

    def action_select(self) -> None:
        if (row := self.cursor_row) is not None:
            self.post_message(self.Selected(self, row))

    def on_click(self, event: events.Click) -> None:
        if event.y < self.HEAD or (number := self.top + event.y - self.HEAD) >= self._total or event.x == self.size.width - 1:
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
        start = self._places.get(self._anchor)
        if self._anchor is not None and start is None:
            self.notify("The last mark is too far away for a range: a new one begins here.", severity="warning")
        first, last = sorted((self.cursor if start is None else start, self.cursor))
        self._anchor = self._cursor_key
        self.mark(self._key(row) for number in range(first, last + 1) if (row := self.row_at(number)) is not None)

    def action_unmark_all(self) -> None:
        self._anchor = None
        self.unmark(self.marked)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to the table only while rows are marked."""
        if action in ("mark", "mark_range", "unmark_all"):
            return self._markable and (bool(self.marked) or action != "unmark_all")
        return super().check_action(action, parameters)

    # Drawing

    def forget_drawn(self) -> None:
        self._drawn.clear()
        self._shown_columns = []

    def draw(self, y: int, width: int) -> Strip:
        if width <= GUTTER:
            return Strip.blank(width, self.base_style)
        if y < self.HEAD:
            return self._draw_header(width)
        number = self.top + y - self.HEAD
        if number >= self._total:
            return self._draw_nothing(y, width)
        row = self.row_at(number)
        marked = row is not None and self._key(row) in self.marked
        look = (number, number == self.cursor, marked)
        if look not in self._drawn:
            self._drawn[look] = self._draw_row(row, look[1], marked, width)
        return self._drawn[look]

    def _draw_header(self, width: int) -> Strip:
        style = self.style("row-table--header")
        cells = [pad(c.title, n, right=c.align == "right") for c, n in self._cells(width)]
        return Strip([Segment(pad(" " * GUTTER + (" " * GAP).join(cells), width), style)], width)

    def _draw_nothing(self, y: int, width: int) -> Strip:
        lines = (self.empty if self._loaded else "…").split("\n")
        place = y - self.HEAD - 1
        text = lines[place] if not self._total and 0 <= place < len(lines) else ""
        return Strip([Segment(pad(" " * GUTTER + text, width), self.base_style + self.tones["muted"])], width)

    def _draw_row(self, row: Row | None, on_cursor: bool, marked: bool, width: int) -> Strip:
        base = self.base_style
        if on_cursor:
            base = self.style("row-table--cursor")
        if marked:
            base += Style(bold=True)
        gutter = ("▌" if on_cursor else " ") + ("● " if marked else "  ")
        found = [Segment(gutter, base + Style(color=self.style("row-table--gutter").color))]
        if row is None:
            return Strip([*found, Segment(pad("…", width - GUTTER), base + self.tones["muted"])], width)
        room = width - GUTTER
        for column, cells in self._cells(width):
            if room < width - GUTTER:
                found.append(Segment(" " * GAP, base))
                room -= GAP
            found += segments(column.text(row), cells, column.align, base, column.tone_of(row), self.tones)
            room -= cells
        return Strip([*found, Segment(" " * room, base)], width)

    def _cells(self, width: int) -> list[tuple[Column[Row], int]]:
        """The columns that are shown, each with its width."""
        if not self._shown_columns:
            self._shown_columns = lay_out(self._columns, width - GUTTER)
        return self._shown_columns
