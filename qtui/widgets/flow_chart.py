"""Bars over time, one band for each series, all in the same scale."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from qtui.presentation import chart
from qtui.presentation.chart import Series
from qtui.widgets.cells import plain


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
            before = self._lines
            self.border_title = chart.title(self._series, self._span)
            self._lines = self._drawn()
            for y, (line, old) in enumerate(zip_longest(self._lines, before)):
                if line != old:
                    self.refresh(Region(0, y, self.size.width, 1))

    def render(self) -> Content:
        self._lines = self._drawn()
        return Content("\n").join(self._lines)

    def _drawn(self) -> list[Content]:
        return [plain(*line) for line in chart.drawn(self._series, self._span, *self.size)]
