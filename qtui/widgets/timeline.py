"""The life of a job: what happened when, and how long it took until the next thing; from top to bottom, or on one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from qtui.broker.models import TimelineStep
from qtui.broker.one_job.attempts import Span
from qtui.broker.status import STATUSES, Tone
from qtui.presentation import axis, formatting
from qtui.widgets.cells import plain

WIDE: Final = 50
"""Cells from which there is room for when the axis begins and ends."""


class Timeline(Static):
    """Time, glyph and text of each moment, and the time between two; for a job that has not ended, also the time until now."""

    DEFAULT_CSS = "Timeline { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._lines: list[Content] = []

    def show(self, moments: Sequence[TimelineStep], now: float) -> None:
        """Show moments, oldest first; `now` is the server's clock."""
        lines = list(_lines(moments, now))
        if lines != self._lines:
            same_height = len(lines) == len(self._lines)
            self._lines = lines
            self.update(Content("\n").join(lines), layout=not same_height)


class LifeLine(Widget):
    """The same on one axis: a bar of waits and attempts in proportion, and below it what they are and how long they took.

    `12:00:58 ──✗╌╌╌╌╌╌╌╌╌╌───███████████████✗ 3m ago`
    """

    DEFAULT_CSS = "LifeLine { height: 2; padding: 0 1; display: none; } LifeLine.-any { display: block; }"

    def __init__(self) -> None:
        super().__init__()
        self._spans: Sequence[Span] = ()
        self._now = 0.0
        self._shown: tuple[Content, Content] | None = None

    def show(self, spans: Sequence[Span], now: float) -> None:
        """Show parts of a life, oldest first; `now` is the server's clock. Only what looks different is painted."""
        self._spans, self._now = spans, now
        self.set_class(bool(spans), "-any")
        if self._lines() != self._shown:
            self.refresh()

    def render(self) -> Content:
        self._shown = self._lines()
        return Content("\n").join(self._shown)

    def _lines(self) -> tuple[Content, Content]:
        width = self.content_size.width
        began, ended = axis.edges(self._spans, self._now) if width >= WIDE else ("", "")
        before, after = f"{began} " if began else "", f" {ended}" if ended else ""
        room = width - formatting.cells(before) - formatting.cells(after)
        bar, words = axis.draw(self._spans, self._now, room)
        return plain((before, "muted"), *bar, (after, "muted")), plain(" " * formatting.cells(before), *words)


def _glyph(moment: TimelineStep) -> tuple[str, Tone | None]:
    return (STATUSES[moment.status].glyph, STATUSES[moment.status].tone) if moment.status else ("•", None)


def _lines(moments: Sequence[TimelineStep], now: float) -> Iterator[Content]:
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
