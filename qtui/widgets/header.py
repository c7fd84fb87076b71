"""The top line: the connection, the state of the server, the time."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from qtui.broker.models import Overview
from qtui.presentation.bars import Fact, HeaderState, header
from qtui.widgets.cells import plain


class Header(Widget):
    """One line, looked at once a second while it is seen; facts are left out if there is too little space."""

    DEFAULT_CSS = "Header { height: 1; padding: 0 1; background: $surface; color: $foreground; }"

    def __init__(
        self, label: str, *, clock: Callable[[], float], waiting: Callable[[], float] = lambda: 0.0, read_only: bool = False
    ) -> None:
        """`label`: the name of the connection. `clock`: seconds since the epoch. `waiting`: for how long an answer is awaited."""
        super().__init__()
        self._label = label
        self._clock = clock
        self._waiting = waiting
        self._read_only = read_only
        self._overview: Overview | None = None
        self._every = 0.0
        self._is_away = False
        self._painted: list[Fact] = []
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        self._timer = self.set_interval(1, self._tick)

    def go_on(self) -> None:
        """It is seen again."""
        if self._timer:
            self._timer.resume()

    def _tick(self) -> None:
        if self._timer and not self.screen.is_current:
            self._timer.pause()
        else:
            self._repaint()

    def _repaint(self) -> None:
        if self._facts() != self._painted:
            self.refresh()

    def show(self, overview: Overview, every: float = 0.0) -> None:
        """What the server answered; `every`: the screen is loaded so many seconds apart, where that is longer than usual."""
        self._overview, self._every = overview, every
        self._repaint()

    def away(self, away: bool = True) -> None:
        """Whether the server does not answer; the last known facts stay."""
        if away != self._is_away:
            self._is_away = away
            self._repaint()

    def render(self) -> Content:
        self._painted = self._facts()
        return plain(*self._painted)

    def _facts(self) -> list[Fact]:
        known = self._label, self._clock(), self._overview, self._read_only, self._every, self._is_away
        state = HeaderState(*known, waiting=self._waiting())
        return header(state, self.size.width)
