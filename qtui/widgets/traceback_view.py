"""A Python traceback: frames of the user's own code are bright, those of libraries dim, the error is at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from qtui.presentation.colours import TONES
from qtui_workers.reporting.error_lines import frames
from qtui_workers.text import printable

FIRST_LINES: Final = 200
LAST_LINES: Final = 1_800
"""The numbers of lines shown from the beginning and from the end of a longer traceback."""
LONGEST: Final = 2_000
"""At most this many characters of a line are shown."""
_FRAME: Final = re.compile(r'^([\s|+-]*)File "(.*?)", line (\d+)(?:, in (.*))?$')
_LIBRARY: Final = re.compile(r"(site|dist)-packages[/\\]|[/\\]lib(64)?[/\\]python3|^<frozen |^<string>")
_CARETS: Final = re.compile(r"^[\s|]*[~^]+\s*$")


class TracebackView(ScrollableContainer):
    """A traceback as Python writes it, coloured; it opens at its end, where the error is.

    Lines of code are not wrapped, but scrolled sideways; the error itself is wrapped.
    """

    DEFAULT_CSS = """
    TracebackView {
        height: 1fr; scrollbar-size-vertical: 1;
        & > Static { height: auto; }
        & > #frames { width: auto; text-wrap: nowrap; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "Up", show=False, id="traceback.up"),
        Binding("j", "scroll_down", "Down", show=False, id="traceback.down"),
        Binding("ctrl+u", "page_up", "Page up", show=False, id="traceback.page_up"),
        Binding("ctrl+d", "page_down", "Page down", show=False, id="traceback.page_down"),
        Binding("g", "scroll_home", "Top", show=False, id="traceback.top"),
        Binding("G", "scroll_end", "Bottom", show=False, id="traceback.bottom", tooltip="To the error"),
        Binding("h", "scroll_left", "Left", show=False, id="traceback.left"),
        Binding("l", "scroll_right", "Right", show=False, id="traceback.right"),
    ]

    def __init__(self, *, empty: str = "No traceback.", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._empty = empty
        self._text: str | None = None
        self._is_known = False
        """Whether anything was shown, be it that there is none."""
        self._stays_at_end = False

    def compose(self) -> ComposeResult:
        yield Static(Content.styled("…" if self._empty else "", TONES["muted"]), id="frames", markup=False)
        yield Static(id="error", markup=False)

    def show(self, text: str | None) -> None:
        """Show a traceback; for None or an empty text, say that there is none."""
        if self._is_known and text == self._text:
            return
        self._is_known, self._text = True, text
        frames, error = colour(text) if text else (Content.styled(self._empty, TONES["muted"]), Content(""))
        self.query_one("#frames", Static).update(frames)
        self.query_one("#error", Static).update(error)
        self._stays_at_end = True
        self._to_the_end()

    def _to_the_end(self) -> None:
        if self._stays_at_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    def watch_virtual_size(self) -> None:
        """What is shown has been laid out, which may be after it was scrolled."""
        self._to_the_end()

    def on_resize(self) -> None:
        """There is more or less room."""
        self._to_the_end()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Somebody who scrolls up stays there."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < min(old_value, self.max_scroll_y):
            self._stays_at_end = False


def colour(text: str) -> tuple[Content, Content]:
    """The traceback in colours: its frames, and the error behind them; of each at most `FIRST_LINES` and `LAST_LINES`."""
    whole = text.strip("\n").splitlines() or [""]
    end = frames(whole)
    before, error = _bounded(whole[:end]), _bounded(whole[end:])
    lines = list(_coloured([*before, *error]))
    return Content("\n").join(lines[: len(before)]), Content("\n").join(lines[len(before) :])


def _bounded(lines: list[str]) -> list[str]:
    left_out = len(lines) - FIRST_LINES - LAST_LINES
    if left_out <= 0:
        return lines
    return [*lines[:FIRST_LINES], f"… {left_out:,} lines left out …", *lines[-LAST_LINES:]]


def _coloured(lines: list[str]) -> Iterator[Content]:
    in_frame = library = False
    for raw in lines:
        line = printable(raw.replace("\t", "    "), LONGEST)
        if frame := _FRAME.match(line):
            in_frame, library = True, bool(_LIBRARY.search(frame[2]))
            yield _frame(frame, library)
        elif in_frame and line.startswith((" ", "|")):
            yield _code(line, library)
        else:
            in_frame = False
            quiet = not line.strip(" |+-") or line.lstrip(" |+-").startswith(("Traceback (", "During handling", "The above", "…"))
            yield Content.styled(line, TONES["muted"] if quiet else f"bold {TONES['bad']}")


def _frame(frame: re.Match[str], library: bool) -> Content:
    indent, path, number, name = frame.groups()
    if library:
        return Content.styled(frame[0], TONES["muted"])
    where = [(f", line {number}, in ", TONES["muted"]), (name, f"bold {TONES['busy']}")] if name else [(f", line {number}", "")]
    return Content.assemble((f"{indent}File ", TONES["muted"]), (f'"{path}"', "bold"), *where)


def _code(line: str, library: bool) -> Content:
    if library:
        return Content.styled(line, TONES["muted"])
    if _CARETS.match(line):
        return Content.styled(line, TONES["bad"])
    code = line.lstrip()
    return Content(line[: len(line) - len(code)]).append(highlight(code, language="python"))
