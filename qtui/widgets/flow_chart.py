"""Bars over time, one band for each series, all in the same scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from qtui import formatting
from qtui.broker.status import Tone
from qtui.widgets.cells import plain

LEFT: Final = 10
"""Cells at the left for the names."""
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Series:
    """Rates in spans of equal length, the newest last; None where not known."""

    name: str
    tone: Tone
    rates: Sequence[float | None]
    """How many a second."""
    note: str = ""
    """What is said below the name: the present rate."""


class FlowChart(Widget):
    """The bands, and below them the time."""

    def __init__(self, span: float, *, id: str | None = None) -> None:
        """`span`: seconds that a bar stands for."""
        super().__init__(id=id)
        self._span = span
        self._series: tuple[Series, ...] = ()
        self._lines: list[Content] = []
        """As they were drawn last: only those that look different are painted again."""

    def show(self, series: Sequence[Series]) -> None:
        """Replace what is shown."""
        if tuple(series) != self._series:
            self._series = tuple(series)
            top = _top(self._series)
            scale = f" · full height {formatting.rate(top)}/s" if top else ""
            before = self._lines
            self.border_title = f"last {self._span * self._bars / 60:.0f} minutes{scale}" if self._bars else ""
            self._lines = self._drawn()
            for y, (line, old) in enumerate(zip_longest(self._lines, before)):
                if line != old:
                    self.refresh(Region(0, y, self.size.width, 1))

    @property
    def _bars(self) -> int:
        return max((len(each.rates) for each in self._series), default=0)

    def render(self) -> Content:
        self._lines = self._drawn()
        return Content("\n").join(self._lines)

    def _drawn(self) -> list[Content]:
        width, height = self.size
        room = width - LEFT
        if not self._bars or room < self._bars:
            return []
        rows, top = max(1, (height - 1) // len(self._series)), _top(self._series)
        lines = [line for each in self._series for line in _band(each, rows, room, top)]
        lines.append(plain((" " * LEFT + _axis(room, self._span * self._bars), "muted")))
        return lines[:height]


def _top(series: Sequence[Series]) -> float:
    return max((rate for each in series for rate in each.rates if rate), default=0.0)


def _band(series: Series, rows: int, room: int, top: float) -> list[Content]:
    number = len(series.rates)
    heights = [_height(series.rates[cell * number // room], top, rows) for cell in range(room)]
    lines = []
    for row in range(rows):
        base = (rows - 1 - row) * 8
        bars = "".join(_EIGHTHS[min(8, max(0, height - base))] for height in heights)
        name = series.name if row == 0 else series.note if row == 1 else ""
        lines.append(plain((formatting.pad(f" {name}", LEFT), "muted" if row else None), (bars, series.tone)))
    return lines


def _height(rate: float | None, top: float, rows: int) -> int:
    """In eighths of a row: 0 where not known, 1 where nothing moved, more where something did."""
    if rate is None:
        return 0
    return max(2, round(rate / top * rows * 8)) if rate and top else 1


def _axis(width: int, seconds: float) -> str:
    """The time below the bars: "10m ago … 5m ago … now"."""
    first, middle, last = f"{formatting.age(seconds)} ago", f"{formatting.age(seconds / 2)} ago", "now"
    left = formatting.pad(first, width // 2 - len(middle) // 2)
    return left + middle + formatting.pad(last, width - len(left) - len(middle), right=True)
