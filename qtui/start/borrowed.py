"""The terminal in the time before Textual has it: the first frame is painted, keys are kept, and all of it can be taken back."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from contextlib import suppress
from typing import Any, Final

from qtui import connection_options
from qtui.broker.models import Overview
from qtui.places import PLACES
from qtui.preferences.memory import Memory
from qtui.preferences.settings import Preferences
from qtui.presentation.bars import HeaderState
from qtui.presentation.colours import DARK, PALETTES
from qtui.screens.parts import queue_list
from qtui.start.first_frame import FirstFrame, encoded
from qtui_workers.server.contexts import Context

ENTER: Final = "\x1b[?1049h"
"""The alternate screen, as Textual enters it."""
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_ODD: Final = ("NO_COLOR", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_FILTERS", "TEXTUAL_DRIVER", "TEXTUAL_DIM_FACTOR")
"""With one of these Textual would paint otherwise."""


class Borrowed:
    """A terminal that shows the first frame."""

    def __init__(self, keyboard: int, output: int) -> None:
        """The descriptors that it is read and written by."""
        self._keyboard, self._output = keyboard, output
        self.settings: list[Any] = termios.tcgetattr(keyboard)
        """Those that it had before."""
        self._handlers: dict[int, Any] = {}
        self._is_ours = False

    def begin(self, frame: str) -> None:
        """Paint; what is typed from now on is kept for the dashboard, and not shown."""
        self._is_ours = True
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._end)
        ours = [*self.settings[:6], list(self.settings[6])]
        ours[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
        ours[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)  # not ISIG: Ctrl-C ends what takes too long
        ours[6][termios.VSUSP] = b"\0"  # Ctrl-Z is for the dashboard, which can give the terminal back
        termios.tcsetattr(self._keyboard, termios.TCSANOW, ours)  # not TCSAFLUSH, which would drop what was typed ahead
        _write(self._output, f"{ENTER}\x1b[?25l{frame}")

    def leave_signals(self) -> None:
        """Signals are handled as before again."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def hand_over(self) -> None:
        """Textual sets the terminal now: it begins with the keys as they were."""
        ours = termios.tcgetattr(self._keyboard)
        ours[6] = self.settings[6]
        termios.tcsetattr(self._keyboard, termios.TCSANOW, ours)

    def taken(self) -> None:
        """Textual has the terminal, and will give it back."""
        self._is_ours = False

    def give_back(self) -> None:
        """Leave the terminal as it was, unless Textual has it: an error has to be seen, or a signal ends us."""
        if self._is_ours:
            self._is_ours = False
            with suppress(OSError, termios.error):  # it may be gone
                _write(self._output, _LEAVE)
                termios.tcsetattr(self._keyboard, termios.TCSANOW, self.settings)
        self.leave_signals()

    def _end(self, number: int, _frame: object) -> None:
        self.give_back()
        os._exit(128 + number)  # an exception might be raised where it is only printed, such as in the middle of an import


def borrow(context: Context, seen: Overview, preferences: Preferences, memory: Memory) -> Borrowed | None:
    """Show the first frame; None where the terminal or what is to be shown is out of the ordinary, and nothing was done."""
    try:
        return _borrow(context, seen, preferences, memory)
    except Exception:  # noqa: BLE001 - whatever it is, Textual shows it a moment later, or says what is wrong
        return None


def _borrow(context: Context, seen: Overview, preferences: Preferences, memory: Memory) -> Borrowed | None:
    assert sys.__stdin__ is not None
    assert sys.__stderr__ is not None
    keyboard, output = sys.__stdin__.fileno(), sys.__stderr__.fileno()  # as Textual does
    palette = {each["name"]: each for each in PALETTES}.get(preferences.theme or DARK["name"])
    true_colours = _has_true_colours()
    in_front = os.tcgetpgrp(output) == os.getpgrp()  # who was started in the background may not paint
    size = os.get_terminal_size(output)
    variables = (os.environ.get("COLUMNS") or str(size.columns), os.environ.get("LINES") or str(size.lines))
    sized = variables != (str(size.columns), str(size.lines))  # Textual takes them as they are
    odd = sized or sys.__stderr__.encoding.lower() != "utf-8" or any(name in os.environ for name in _ODD)
    other = preferences.first_place(memory.now.place) != PLACES[0].name
    if palette is None or true_colours is None or not in_front or odd or preferences.keymap or other:
        return None
    header = HeaderState(context.name, time.time(), seen, context.read_only)
    order = queue_list.order_of(memory)
    lines = FirstFrame(header, palette, *size, order, context.colour, connection_options.suffix(context)).lines()
    frame = encoded(lines, true_colours=true_colours)
    found = Borrowed(keyboard, output)
    try:
        found.begin(frame)
    except BaseException:
        found.give_back()
        raise
    return found


def _has_true_colours() -> bool | None:
    """Whether the terminal shows all colours, by the rule of Rich; None where it has fewer than 256."""
    if os.environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return True
    term = os.environ.get("TERM", "").strip().lower()
    return False if term.rpartition("-")[2] in ("256color", "kitty") else None


def _write(output: int, text: str) -> None:
    data = text.encode()
    while data:
        data = data[os.write(output, data) :]
