"""The life of a job from top to bottom: what happened when, and how long it took until the next thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content
from textual.widgets import Static

from qtui import formatting
from qtui.broker.models import Moment
from qtui.broker.status import STATUSES
from qtui.widgets.cells import plain


class Timeline(Static):
    """Time, glyph and text of each moment, and the time between two; for a job that has not ended, also the time until now."""

    DEFAULT_CSS = "Timeline { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._lines: list[Content] = []

    def show(self, moments: Sequence[Moment], now: float) -> None:
        """Show moments, oldest first; `now` is the server's clock."""
        lines = list(_lines(moments, now))
        if lines != self._lines:
            same_height = len(lines) == len(self._lines)
            self._lines = lines
            self.update(Content("\n").join(lines), layout=not same_height)


def _lines(moments: Sequence[Moment], now: float) -> Iterator[Content]:
    day = None
    for moment, after in zip(moments, [*moments[1:], None], strict=True):
        date = formatting.date_time(moment.at)[:10]
        if date != day:
            day = date
            yield plain((date, "muted"))
        glyph, tone = (STATUSES[moment.status].glyph, STATUSES[moment.status].tone) if moment.status else ("•", None)
        yield plain((formatting.clock(moment.at) + "  ", "muted"), (glyph, tone), f" {moment.what}")
        if after is not None:
            if after.at - moment.at > 0:
                yield _gap(formatting.duration(after.at - moment.at))
        elif not (moment.status and moment.status.ended) and now > moment.at:
            yield _gap(f"{formatting.age(now - moment.at)} so far")


def _gap(text: str) -> Content:
    return plain((f"{' ' * 10}│ {text}", "muted"))
