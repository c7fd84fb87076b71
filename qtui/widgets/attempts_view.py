"""The attempts of a job beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip

from qtui.broker.one_job.attempts import KnownAttempt
from qtui.presentation import comparison
from qtui.widgets.line_view import LineView


class AttemptsView(LineView, inherit_bindings=False):
    """Facts and the ends of the tracebacks, a column for each attempt that fits; it opens at the newest."""

    DEFAULT_CSS = "AttemptsView { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", "Up", show=False, id="attempts.up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="attempts.down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="attempts.page_up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="attempts.page_down"),
        Binding("home,g", "edge(-1)", "Top", show=False, id="attempts.top"),
        Binding("end,G", "edge(1)", "Bottom", show=False, id="attempts.bottom"),
        Binding("left,h", "go(-1)", "Earlier", id="attempts.earlier", key_display="h", tooltip="To the attempt before"),
        Binding("right,l", "go(1)", "Later", id="attempts.later", key_display="l", tooltip="To the attempt after"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._tried: Sequence[KnownAttempt] = ()
        self._is_known = False
        """Whether `show` has been called: before that, no attempts does not mean that there were none."""
        self._now = 0.0
        self._first: int | None = None
        """The number of the first attempt in view; None: the newest ones are."""
        self._lines: list[comparison.Line] = []
        self._made_for = -1

    def show(self, tried: Sequence[KnownAttempt], now: float) -> None:
        """Show attempts, oldest first; `now` is the server's clock."""
        could = self.can_go
        self._tried, self._now, self._is_known = tried, now, True
        self.forget_drawn()
        self.repaint()
        if self.can_go != could:
            self.refresh_bindings()

    @property
    def _width(self) -> int:
        """Cells of a line, without the last two: the thumb, and a blank before it."""
        return max(1, self.size.width - 2)

    @property
    def _beside(self) -> int:
        return comparison.beside(len(self._tried), self._width)

    @property
    def can_go(self) -> bool:
        """Whether there are more attempts than are seen."""
        return len(self._tried) > self._beside

    @property
    def first(self) -> int:
        """The number of the first one in view, from 0."""
        newest = max(0, len(self._tried) - self._beside)
        return newest if self._first is None else min(self._first, newest)

    def forget_drawn(self) -> None:
        self._made_for = -1

    @property
    def _made(self) -> list[comparison.Line]:
        width = self._width
        if self._made_for != width:
            self._made_for = width
            self._lines = comparison.lines(self._tried, self.first, self._now, width) if self._tried else []
        return self._lines

    @property
    def line_count(self) -> int:
        return len(self._made)

    def draw(self, y: int, width: int) -> Strip:
        made, number, base = self._made, self.top + y, self.base_style
        if number >= len(made):
            text = ("No attempts." if self._is_known else "…") if not made and y == 0 else ""
            return Strip([Segment(text.ljust(width), base + self.tones["muted"])]).adjust_cell_length(width, base)
        parts = [Segment(text, base + self.tones[tone] if tone else base) for text, tone in made[number]]
        return Strip(parts).adjust_cell_length(width, base)

    def on_resize(self) -> None:
        """There may be room for more attempts, or for fewer."""
        self.refresh_bindings()

    def action_go(self, step: int) -> None:
        """To another attempt."""
        newest = max(0, len(self._tried) - self._beside)
        wanted = max(0, min(newest, self.first + step))
        self._first = None if wanted == newest else wanted
        self.forget_drawn()
        self.repaint()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nowhere to go where all attempts are seen."""
        return self.can_go if action == "go" else True

    def action_scroll(self, step: int) -> None:
        self.scroll_line(max(0, self.top + step))

    def action_page(self, step: int) -> None:
        self.scroll_line(max(0, self.top + step * max(1, self.page - 1)))

    def action_edge(self, side: int) -> None:
        self.scroll_line(self.max_scroll_y if side > 0 else 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.prevent_default().stop()
        self.action_scroll(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.prevent_default().stop()
        self.action_scroll(3)
