"""Text in cells of a fixed width: its content, its tones and its width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Generic, Literal, TypeVar

from qtui.broker.status import Tone
from qtui.presentation.formatting import cells as cell_len
from qtui.presentation.formatting import pad
from qtui_workers.records import Record
from qtui_workers.text import printable

Row = TypeVar("Row")

Pieces = Sequence[tuple[str, Tone | None]]
"""Parts of a text, each with its tone; None is the tone of the line."""

Align = Literal["left", "right"]

GAP = 2
"""Number of cells between two columns."""
_SHORT = 100
"""Characters of a text that is kept as it was drawn."""
THUMB = "▐"
"""Drawn at the right edge; shows which part of the lines is in view."""
GUTTER = 3
"""Number of cells at the left, for the bar of the cursor and the dot of a mark."""


class Column(Record, Generic[Row]):
    """How one field of a row is titled, written and coloured."""

    title: str
    text: Callable[[Row], str | Pieces]
    width: int | None = None
    """In cells; the column is at least as wide as its title. None: a share of the space that the other columns leave."""
    align: Align = "left"
    tone: Tone | Callable[[Row], Tone | None] | None = None
    """The tone of its text; None is that of the line."""
    share: int = 1
    """How large the column's share is, compared with the other columns without a width."""
    minimum: int = 8
    """The minimum width of a column without a width; if there is less space, the column is left out."""
    priority: int = 0
    """If there is too little space, columns with the highest number are left out first; those with 0 stay longest."""

    @property
    def needs(self) -> int:
        """The minimum number of cells that the column needs."""
        return max(self.width if self.width is not None else self.minimum, cell_len(self.title))

    def tone_of(self, row: Row) -> Tone | None:
        """The tone of its text in a row."""
        return self.tone(row) if callable(self.tone) else self.tone


def lay_out(columns: Sequence[Column[Row]], width: int) -> list[tuple[Column[Row], int]]:
    """The columns that fit into a width, each with its cells, in their order.

    Those of the highest `priority` are left out first, then those at the right; the first one always
    stays. Remaining space is shared among the columns without a width.
    """
    shown = list(columns)
    while len(shown) > 1 and _needs(shown) > width:
        spared = [column for column in shown if column.priority] or shown[1:]
        least = max(column.priority for column in spared)
        shown.remove(next(column for column in reversed(spared) if column.priority == least))
    left = width - _needs(shown)
    shares = sum(column.share for column in shown if column.width is None)
    cells = []
    for column in shown:
        extra = 0
        if column.width is None and shares and left > 0:
            extra = left * column.share // shares
            left, shares = left - extra, shares - column.share
        cells.append((column, min(width, column.needs + extra)))
    return cells


def _needs(columns: Sequence[Column[Row]]) -> int:
    return sum(column.needs for column in columns) + GAP * (len(columns) - 1)


def fill(content: str | Pieces, width: int, align: Align, tone: Tone | None) -> list[tuple[str, Tone | None]]:
    """The content of a table cell in parts, exactly `width` terminal cells together; control characters become symbols."""
    if isinstance(content, str):
        return [((_filled if len(content) < _SHORT else _fill)(content, width, align), tone)]
    found: list[tuple[str, Tone | None]] = []
    left = width
    for text, own in content:
        safe = printable(text, _enough(left))
        cut = pad(safe, min(left, cell_len(safe)))
        left -= cell_len(cut)
        found.append((cut, own or tone))
        if left <= 0:
            break
    space = (" " * left, None)
    return [space, *found] if align == "right" else [*found, space]


def _fill(content: str, width: int, align: Align) -> str:
    return pad(printable(content, _enough(width)), width, right=align == "right")


_filled = lru_cache(2_000)(_fill)
"""The same for short texts: most of them stand in several rows, and are drawn again every second."""


def _enough(width: int) -> int:
    """A number of characters that surely fills the width, so that a text of megabytes is not processed whole."""
    return max(1, width) * 4


def titles(columns: Sequence[tuple[Column[Row], int]], width: int) -> str:
    """The line above a table, exactly `width` cells."""
    found = [pad(column.title, cells, right=column.align == "right") for column, cells in columns]
    return pad(" " * GUTTER + (" " * GAP).join(found), width)


def gutter(*, on_cursor: bool, marked: bool = False) -> str:
    """What stands before a row."""
    return ("▌" if on_cursor else " ") + ("● " if marked else "  ")


def line(columns: Sequence[tuple[Column[Row], int]], row: Row, width: int) -> list[tuple[str, Tone | None]]:
    """A row after its gutter in parts, exactly `width` cells together."""
    found: list[tuple[str, Tone | None]] = []
    for column, cells in columns:
        if found:
            found.append((" " * GAP, None))
            width -= GAP
        found += fill(column.text(row), cells, column.align, column.tone_of(row))
        width -= cells
    return [*found, (" " * width, None)]


def thumb(top: int, page: int, lines: int) -> range:
    """Which of the `page` lines in view the scrollbar's thumb covers, if the first one in view is number `top` of `lines`."""
    if lines <= page:
        return range(0)
    length = max(1, page * page // lines)
    first = round(top * (page - length) / (lines - page))
    return range(first, first + length)


def nothing(y: int, total: int, empty: str, foot: str = "") -> str:
    """What stands in the line with number `y` below the titles where there is no row: of so many rows the foot, else why."""
    if foot:
        return foot if y == total else ""
    lines = empty.split("\n") if not total else []
    return lines[y - 1] if 0 < y <= len(lines) else ""
