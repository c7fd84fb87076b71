"""The log of a running job: the newest line at the bottom, followed until the user scrolls up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.strip import Strip

from qtui.presentation import formatting
from qtui.presentation.formatting import pad
from qtui.presentation.tail_text import LEVEL_TONES
from qtui.widgets.following_view import LONGEST, FollowingView
from qtui_workers.reporting.job_log import LogLine
from qtui_workers.text import printable

KEEP = 20_000
"""At most this many lines are kept; the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line on the screen; if a log record has several lines, only the first shows its time and level."""

    time: str
    level: str
    text: str


class LogView(FollowingView, inherit_bindings=False):
    """The log of one job. Long lines are cut, not wrapped."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *FollowingView.BINDINGS,
        Binding("f", "freeze", "Freeze", id="log.freeze", tooltip="Stop or go on following the newest line"),
    ]

    def __init__(self, *, empty: str = "No log lines.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        """The text shown when there are no lines."""
        self._lines: deque[_Line] = deque(maxlen=KEEP)
        self._shown: tuple[LogLine, ...] | None = None
        """None until it is known which lines there are."""

    def show(self, lines: Sequence[LogLine]) -> None:
        """Replace all lines by these, oldest first; a view that does not follow stays on its line."""
        if tuple(lines) == self._shown:
            return
        self._shown = tuple(lines)
        old, self._lines = self._lines, deque(_split(lines), maxlen=KEEP)
        gone = old.index(self._lines[0]) if self._lines and self._lines[0] in old else 0
        self.settle(gone)

    @property
    def line_count(self) -> int:
        return len(self._lines)

    def action_freeze(self) -> None:
        self.following = not self.following

    def draw(self, y: int, width: int) -> Strip:
        base, number = self.base_style, self.top + y
        if number >= len(self._lines):
            text = ("…" if self._shown is None else self.empty) if not self._lines and y == 0 else ""
            return Strip([Segment(pad(text, width), base + self.tones["muted"])], width)
        line = self._lines[number]
        tone = LEVEL_TONES.get(line.level)
        style = base + self.tones[tone] if tone else base
        head = [Segment(f"{line.time:<12}  ", base + self.tones["muted"]), Segment(f"{pad(line.level, 8)}  ", style)]
        room = width - sum(len(segment.text) for segment in head)
        text = Strip([Segment(line.text)]).crop(self.shift).text
        return Strip([*head, Segment(pad(text, max(0, room)), style)]).adjust_cell_length(width, base)


def _split(lines: Iterable[LogLine]) -> Iterator[_Line]:
    for line in lines:
        first, *others = printable(line.text, LONGEST, keep_newlines=True).split("\n")
        level = printable(line.level, 16)
        yield _Line(formatting.clock(line.at, millis=True), level, first)
        for text in others:
            yield _Line("", "" if level not in LEVEL_TONES else level, text)
