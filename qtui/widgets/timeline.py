"""The life of a job: what happened when, and how long it took until the next thing; from top to bottom, or in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from qtui import formatting
from qtui.broker.models import Moment
from qtui.broker.status import STATUSES, Tone
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


class TimeLine(Widget):
    """The same in one line: the newest moments that fit, the times between them, and how long ago the last one was.

    `12:00:58 · queued ─ 2.1 s ─ ▸ started ─ 30.0 s ─ ✗ failed 3m ago`
    """

    DEFAULT_CSS = "TimeLine { height: 1; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._moments: Sequence[Moment] = ()
        self._end = ""

    def show(self, moments: Sequence[Moment], now: float) -> None:
        """Show moments, oldest first; `now` is the server's clock."""
        last = moments[-1] if moments else None
        ended = last is not None and last.status is not None and last.status.ended
        end = "" if last is None else formatting.ago(last.at, now) if ended else f"{formatting.age(now - last.at)} so far"
        if last is not None and last.at > now:
            end = formatting.ago(last.at, now)
        if (moments, end) != (self._moments, self._end):
            self._moments, self._end = moments, end
            self.refresh()

    def render(self) -> Content:
        if not self._moments:
            return Content("")
        room = self.size.width - formatting.cells(self._end) - 1
        parts: list[Content] = []
        for place in range(len(self._moments) - 1, -1, -1):
            part = self._part(place)
            if parts and part.cell_length > room - (11 if place else 9):
                parts.append(plain(("… ", "muted")))
                break
            room -= part.cell_length
            parts.append(part)
        else:
            place = 0
        first = plain((f"{formatting.clock(self._moments[place].at)} ", "muted")) if parts else Content("")
        return Content("").join([first, *reversed(parts), plain((f" {self._end}", "muted"))])

    def _part(self, place: int) -> Content:
        """A moment, and the time until the next one."""
        moment = self._moments[place]
        glyph, tone = _glyph(moment)
        word = STATUSES[moment.status].title if moment.status else "ended"
        if place + 1 == len(self._moments):
            return plain((f"{glyph} {word}", tone))
        gap = formatting.duration(self._moments[place + 1].at - moment.at)
        return plain((f"{glyph} {word}", tone), (f" ─ {gap} ─ ", "muted"))


def _glyph(moment: Moment) -> tuple[str, Tone | None]:
    return (STATUSES[moment.status].glyph, STATUSES[moment.status].tone) if moment.status else ("•", None)


def _lines(moments: Sequence[Moment], now: float) -> Iterator[Content]:
    day = None
    for moment, after in zip_longest(moments, moments[1:]):
        date = formatting.date_time(moment.at)[:10]
        if date != day:
            day = date
            yield plain((date, "muted"))
        glyph, tone = _glyph(moment)
        yield plain((formatting.clock(moment.at) + "  ", "muted"), (glyph, tone), f" {moment.what}")
        if after is not None:
            if after.at - moment.at > 0:
                yield _gap(formatting.duration(after.at - moment.at))
        elif not (moment.status and moment.status.ended) and now > moment.at:
            yield _gap(f"{formatting.age(now - moment.at)} so far")


def _gap(text: str) -> Content:
    return plain((f"{' ' * 10}│ {text}", "muted"))
