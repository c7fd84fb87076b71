"""A list of any length in columns: it holds one window of rows, and draws those in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from qtui.presentation.cells import GUTTER, Column, Row, gutter, lay_out, line, nothing, titles
from qtui.presentation.formatting import pad
from qtui.widgets.line_view import LineView
from qtui.widgets.row_cursor import HeldRows

LEAST_WINDOW = 100
"""The fewest rows that are requested: paging within them needs no other round trip."""


class RowView(LineView, Generic[Row], inherit_bindings=False):
    """The rows that are held and how they look; a subclass says which one is under the cursor and which are marked."""

    HEAD: ClassVar[int] = 1
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--cursor",
        "row-table--marked",
        "row-table--gutter",
    }
    DEFAULT_CSS = """
    RowView {
        height: 1fr;
        & > .row-table--header { color: $text-muted; background: $surface; text-style: bold; }
        & > .row-table--marked { text-style: bold; }
        & > .row-table--cursor { background: $block-cursor-blurred-background; }
        &:focus > .row-table--cursor { background: $primary-muted; }
        & > .row-table--gutter { color: $text-accent; text-style: bold; }
    }
    """

    def __init__(
        self, columns: Sequence[Column[Row]], key: Callable[[Row], str], empty: str, *, id: str | None, classes: str | None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        """The text shown when there are no rows."""
        self.marked: set[str] = set()
        """The keys of the marked rows, held or not."""
        self.foot = ""
        """A line below the last row, which is no row; '' for none."""
        self._columns = tuple(columns)
        self._key = key
        self._drawn: dict[tuple[int, bool, bool], Strip] = {}
        self._shown_columns: list[tuple[Column[Row], int]] = []
        self._laid_out_for = -1
        self._forget_rows()

    def _forget_rows(self) -> None:
        self.rows: Sequence[Row] = ()
        """The rows that are held."""
        self._held = HeldRows()
        self._loaded = False

    def _hold(self, rows: Sequence[Row], offset: int, total: int) -> HeldRows:
        """Replace the held rows; returns those that were held before."""
        before = self._held
        self.rows, self._held, self._loaded = rows, HeldRows([self._key(row) for row in rows], offset, total), True
        self._drawn.clear()
        return before

    @property
    def cursor_number(self) -> int:
        """The number of the row under the cursor."""
        raise NotImplementedError

    @property
    def window(self) -> tuple[int, int]:
        """The offset and the number of the rows to load for the present view, with some above and below it."""
        limit = max(LEAST_WINDOW, 3 * self.page)
        first = self.top - (limit - self.page) // 2
        return max(0, min(first, self.total - limit)), limit

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
        return self._held.total

    @property
    def line_count(self) -> int:
        return self.total + bool(self.foot)

    def row_at(self, number: int) -> Row | None:
        """The row with this number; None if it is not held."""
        return self.rows[number - self._held.offset] if number in self._held and number < self.total else None

    # Drawing

    def forget_drawn(self) -> None:
        self._drawn.clear()
        self._laid_out_for = -1

    def draw(self, y: int, width: int) -> Strip:
        if width <= GUTTER:
            return Strip.blank(width, self.base_style)
        if y < self.HEAD:
            return self._draw_header(width)
        number = self.top + y - self.HEAD
        if number >= self.total:
            return self._draw_nothing(y, width)
        row = self.row_at(number)
        marked = row is not None and self._key(row) in self.marked
        look = (number, number == self.cursor_number, marked)
        if look not in self._drawn:
            self._drawn[look] = self._draw_row(row, look[1], marked, width)
        return self._drawn[look]

    def _draw_header(self, width: int) -> Strip:
        return Strip([Segment(titles(self._cells(width), width), self.style("row-table--header"))], width)

    def _draw_nothing(self, y: int, width: int) -> Strip:
        number = self.top + y - self.HEAD if self.foot else y - self.HEAD
        text = nothing(number, self.total, self.empty if self._loaded else "…", self.foot)
        return Strip([Segment(pad(" " * GUTTER + text, width), self.base_style + self.tones["muted"])], width)

    def _draw_row(self, row: Row | None, on_cursor: bool, marked: bool, width: int) -> Strip:
        base = self.base_style
        if on_cursor:
            base = self.style("row-table--cursor")
        if marked:
            base += Style(bold=True)
        before = gutter(on_cursor=on_cursor, marked=marked)
        found = [Segment(before, base + Style(color=self.style("row-table--gutter").color))]
        if row is None:
            return Strip([*found, Segment(pad("…", width - GUTTER), base + self.tones["muted"])], width)
        parts = line(self._cells(width), row, width - GUTTER)
        return Strip([*found, *(Segment(text, base + self.tones[tone] if tone else base) for text, tone in parts)], width)

    def _cells(self, width: int) -> list[tuple[Column[Row], int]]:
        """The columns that are shown, each with its width."""
        if self._laid_out_for != width:
            self._laid_out_for, self._shown_columns = width, lay_out(self._columns, width - GUTTER)
        return self._shown_columns
