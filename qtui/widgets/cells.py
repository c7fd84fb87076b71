"""Text in cells of a fixed width: its content, its tones and its width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.content import Content

from qtui.broker.status import Tone
from qtui.formatting import cells as cell_len
from qtui.formatting import pad
from qtui.theme import TONES
from qtui_workers.text import printable

Row = TypeVar("Row")

Pieces = Sequence[tuple[str, Tone | None]]
"""Parts of a text, each with its tone; None is the tone of the line."""

Align = Literal["left", "right"]

GAP = 2
"""Number of cells between two columns."""


@dataclass(frozen=True)  # no slots: with them Python 3.11 cannot call Column[Row](…)
class Column(Generic[Row]):
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


def segments(
    content: str | Pieces, width: int, align: Align, base: Style, tone: Tone | None, tones: Mapping[Tone, Style]
) -> list[Segment]:
    """The content of a table cell, exactly `width` terminal cells; control characters become symbols.

    `tones` gives the style that a tone lays over the `base` style of the line.
    """
    if isinstance(content, str):
        style = base + tones[tone] if tone else base
        return [Segment(pad(printable(content, _enough(width)), width, right=align == "right"), style)]
    found: list[Segment] = []
    left = width
    for text, own in content:
        safe = printable(text, _enough(left))
        cut = pad(safe, min(left, cell_len(safe)))
        left -= cell_len(cut)
        piece_tone = own or tone
        found.append(Segment(cut, base + tones[piece_tone] if piece_tone else base))
        if left <= 0:
            break
    space = Segment(" " * left, base)
    return [space, *found] if align == "right" else [*found, space]


def _enough(width: int) -> int:
    """A number of characters that surely fills the width, so that a text of megabytes is not processed whole."""
    return max(1, width) * 4


def plain(*pieces: tuple[str, Tone | None] | str, limit: int = 1_000) -> Content:
    """Text in several tones for a widget that renders content: never markup, control characters as symbols."""
    parts = [(piece, None) if isinstance(piece, str) else piece for piece in pieces]
    return Content.assemble(*((printable(text, limit), TONES[tone] if tone else "") for text, tone in parts))
