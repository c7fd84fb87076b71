"""The log of a running job: the newest line at the bottom, followed until the user scrolls up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.strip import Strip

from qtui import formatting
from qtui.broker.status import Tone
from qtui.formatting import pad
from qtui.widgets.line_view import LineView
from qtui_workers.reporting.job_log import LogLine
from qtui_workers.text import printable

KEEP = 20_000
"""At most this many lines are kept; the oldest are dropped."""
LONGEST = 8_192
"""At most this many characters of a line are shown."""
PAINTS_PER_SECOND = 15
STEP = 16
"""The keys left and right scroll by this many cells."""
LEVELS: Final[dict[str, Tone]] = {
    "DEBUG": "muted",
    "WARNING": "warn",
    "ERROR": "bad",
    "CRITICAL": "bad",
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line on the screen; if a log record has several lines, only the first shows its time and level."""

    time: str
    level: str
    text: str


class LogView(LineView, inherit_bindings=False):
    """A tail that paints at most 15 times a second, however fast lines come. Long lines are cut, not wrapped."""

    DEFAULT_CSS = "LogView { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", "Up", show=False, id="log.up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="log.down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="log.page_up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="log.page_down"),
        Binding("home,g", "top", "Top", show=False, id="log.top", tooltip="To the oldest line"),
        Binding("end,G", "follow", "Follow", show=False, id="log.follow", tooltip="Follow the newest line"),
        Binding("left,h", "shift(-1)", "Left", show=False, id="log.left"),
        Binding("right,l", "shift(1)", "Right", show=False, id="log.right"),
        Binding("f", "freeze", "Freeze", id="log.freeze", tooltip="Stop or go on following the newest line"),
    ]

    following: reactive[bool] = reactive(True, repaint=False, init=False)
    """Whether the newest line is kept in view."""

    def __init__(self, *, empty: str = "No log lines.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        """The text shown when there are no lines."""
        self._lines: deque[_Line] = deque(maxlen=KEEP)
        self._shown: tuple[LogLine, ...] = ()
        self._shift = 0
        self._due = False

    def show(self, lines: Sequence[LogLine]) -> None:
        """Replace all lines by these, oldest first; a view that does not follow stays on its line."""
        if tuple(lines) == self._shown:
            return
        self._shown = tuple(lines)
        old, self._lines = self._lines, deque(_split(lines), maxlen=KEEP)
        gone = old.index(self._lines[0]) if self._lines and self._lines[0] in old else 0
        self._settle(gone)

    def extend(self, lines: Iterable[LogLine]) -> None:
        """Add new lines; they are painted within a fifteenth of a second."""
        before, added = len(self._lines), 0
        for line in _split(lines):
            self._lines.append(line)
            added += 1
        gone = before + added - len(self._lines)
        if gone and not self.following:
            self.scroll_line(self.top - gone)
        if added and not self._due:
            self._due = True
            self.set_timer(1 / PAINTS_PER_SECOND, self._settle)

    def clear(self) -> None:
        """Remove all lines, and follow new ones."""
        self._lines.clear()
        self._shown, self._shift, self.following = (), 0, True
        self._settle()

    def _settle(self, gone: int = 0) -> None:
        """Scroll to the right position after lines were added and `gone` old ones were dropped, then paint."""
        self._due = False
        self.scroll_line(self.max_scroll_y if self.following else self.top - gone)
        self.repaint()

    @property
    def line_count(self) -> int:
        return len(self._lines)

    def watch_following(self, following: bool) -> None:
        if following:
            self._settle()

    def on_resize(self) -> None:
        if self.following:
            self.scroll_line(self.max_scroll_y)

    def _look_at(self, number: int) -> None:
        """Scroll to a line as the user requested; then follow only if the last line is in view."""
        self.scroll_line(number)
        self.following = self.top >= self.max_scroll_y

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.prevent_default().stop()
        self._look_at(self.top - 3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.prevent_default().stop()
        self._look_at(self.top + 3)

    def action_scroll(self, step: int) -> None:
        self._look_at(self.top + step)

    def action_page(self, step: int) -> None:
        self._look_at(self.top + step * max(1, self.page - 1))

    def action_top(self) -> None:
        self._look_at(0)

    def action_follow(self) -> None:
        self.following = True

    def action_freeze(self) -> None:
        self.following = not self.following

    def action_shift(self, step: int) -> None:
        self._shift = max(0, min(LONGEST, self._shift + step * STEP))
        self.repaint()

    def draw(self, y: int, width: int) -> Strip:
        base, number = self.base_style, self.top + y
        if number >= len(self._lines):
            text = self.empty if not self._lines and y == 0 else ""
            return Strip([Segment(pad(text, width), base + self.tones["muted"])], width)
        line = self._lines[number]
        tone = LEVELS.get(line.level)
        style = base + self.tones[tone] if tone else base
        head = [Segment(f"{line.time:<12}  ", base + self.tones["muted"]), Segment(f"{pad(line.level, 8)}  ", style)]
        room = width - sum(len(segment.text) for segment in head)
        text = Strip([Segment(line.text)]).crop(self._shift).text
        return Strip([*head, Segment(pad(text, max(0, room)), style)]).adjust_cell_length(width, base)


def _split(lines: Iterable[LogLine]) -> Iterator[_Line]:
    for line in lines:
        first, *others = printable(line.text, LONGEST, keep_newlines=True).split("\n")
        level = printable(line.level, 16)
        yield _Line(formatting.clock(line.at, millis=True), level, first)
        for text in others:
            yield _Line("", "" if level not in LEVELS else level, text)
