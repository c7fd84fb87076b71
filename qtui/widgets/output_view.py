"""What a program prints: the newest line at the bottom, followed until the user scrolls up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from rich.segment import Segment
from textual.strip import Strip

from qtui.presentation.formatting import pad
from qtui.widgets.following_view import LONGEST, FollowingView
from qtui.widgets.log_view import KEEP
from qtui_workers.text import printable


class OutputView(FollowingView, inherit_bindings=False):
    """Lines as they come, the newest `log_view.KEEP` of them. Long ones are cut, not wrapped."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=KEEP)

    def extend(self, lines: Iterable[str]) -> None:
        """Add lines."""
        more = [printable(line, LONGEST) for line in lines]
        gone = max(0, len(self._lines) + len(more) - KEEP)
        self._lines.extend(more)
        self.added(len(more), gone)

    @property
    def line_count(self) -> int:
        return len(self._lines)

    def draw(self, y: int, width: int) -> Strip:
        number = self.top + y
        text = self._lines[number] if number < len(self._lines) else ""
        line = pad(Strip([Segment(text)]).crop(self.shift).text, width)
        return Strip([Segment(line, self.base_style)]).adjust_cell_length(width, self.base_style)
