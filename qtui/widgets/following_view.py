"""A view of lines to which new ones are added at the end: it follows the newest, until the user scrolls back."""

from __future__ import annotations

import time
from typing import ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from qtui.widgets.line_view import LineView

SOON: Final = 1 / 15
"""Seconds from a new line until it is painted …"""
STEADY: Final = 1 / 5
"""… and between two paintings while lines keep coming: faster than that nobody reads …"""
FLOOD: Final = 1 / 2
"""… or where so many come that each painting shows others from top to bottom, as such a painting takes long."""
STEP: Final = 16
"""The keys left and right scroll by this many cells."""
LONGEST: Final = 8_192
"""At most this many characters of a line are shown."""


class FollowingView(LineView, inherit_bindings=False):
    """What logs share: the keys that scroll, and following; painted at most five times a second, however fast lines come.

    A subclass calls `added` after it has added lines.
    """

    DEFAULT_CSS = "FollowingView { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", "Up", show=False, id="log.up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="log.down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="log.page_up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="log.page_down"),
        Binding("home,g", "top", "Top", show=False, id="log.top", tooltip="To the oldest line"),
        Binding("end,G", "follow", "Follow", show=False, id="log.follow", tooltip="Follow the newest line"),
        Binding("left,h", "shift(-1)", "Left", show=False, id="log.left"),
        Binding("right,l", "shift(1)", "Right", show=False, id="log.right"),
    ]

    following: reactive[bool] = reactive(True, repaint=False, init=False)
    """Whether the newest line is kept in view."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.shift = 0
        """By how many cells the texts are scrolled to the left."""
        self._due = False
        self._settled = 0.0
        """When added lines were last painted, in seconds of the clock that only goes forward."""
        self._came = 0
        """Lines that were added since then."""
        self._pause = STEADY
        """For how long nothing is painted after that."""

    def added(self, count: int, gone: int = 0) -> None:
        """So many lines were added, and `gone` old ones dropped: the view stays on its lines, and is painted in a moment."""
        self._came += count
        if gone and not self.following:
            self.scroll_line(self.top - gone)
        if not self._due:
            self._due = True
            self.set_timer(max(SOON, self._settled + self._pause - time.monotonic()), self.settle)

    def settle(self, gone: int = 0) -> None:
        """Scroll to the right position after lines were added and `gone` old ones were dropped, then paint."""
        self._due, self._settled = False, time.monotonic()
        before = self.top
        self._pause = FLOOD if self.following and self._came >= self.page else STEADY
        self._came = 0
        self.scroll_line(self.max_scroll_y if self.following else before - gone)
        if self.top == before:  # else it was painted by that
            self.repaint()

    def watch_following(self, following: bool) -> None:
        if following:
            self.settle()

    def on_resize(self) -> None:
        if self.following:
            self.scroll_line(self.max_scroll_y)

    def look_at(self, number: int) -> None:
        """Scroll to a line as the user requested; then follow only if the last line is in view."""
        self.scroll_line(number)
        self.following = self.top >= self.max_scroll_y

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.prevent_default().stop()
        self.look_at(self.top - 3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.prevent_default().stop()
        self.look_at(self.top + 3)

    def action_scroll(self, step: int) -> None:
        self.look_at(self.top + step)

    def action_page(self, step: int) -> None:
        self.look_at(self.top + step * max(1, self.page - 1))

    def action_top(self) -> None:
        self.look_at(0)

    def action_follow(self) -> None:
        self.following = True

    def action_shift(self, step: int) -> None:
        self.shift = max(0, min(LONGEST, self.shift + step * STEP))
        self.repaint()
