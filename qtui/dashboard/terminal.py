"""The terminal is borrowed: it is left when it is gone, given back while the dashboard is suspended, and may send any bytes."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TextIO

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from qtui.dashboard.bursts import Bursts
from qtui.screens.parts.repaint import Repainting
from qtui.start.borrowed import ENTER, Borrowed
from qtui_workers.command_line.streams import silence

_POLL: Final = 0.1
"""Seconds between two looks at whether the dashboard ends; an Escape that nothing follows within it was pressed alone."""


class Terminal(LinuxDriver):
    """Textual's driver for Linux and macOS, which ends the dashboard with its terminal and outlives every byte and signal."""

    class Gone(Message):
        """The terminal is gone: its window was closed, its connection has ended."""

    @dataclass
    class Failed(Message):
        """Reading from the terminal has failed for a reason of ours."""

        error: Exception

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert sys.__stdin__ is not None
        assert sys.__stderr__ is not None
        self._entered = self.borrowed is not None
        """Whether the first frame is shown, on the screen that is about to be entered."""
        self._encoding = sys.__stdin__.encoding
        self._file: Any = _Output(sys.__stderr__, self._lost)
        # Textual's own handlers run in the middle of any code, and start a second reader where nothing was suspended.
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        self._loop.add_signal_handler(signal.SIGTSTP, self.suspend)

    borrowed: ClassVar[Borrowed | None] = None
    """The terminal where it is borrowed already, and shows the first frame."""

    def start_application_mode(self) -> None:
        """Borrow the terminal; another program may have left it so that it does not wait for us."""
        for descriptor in (self.fileno, self._file.fileno()):
            with suppress(OSError):
                os.set_blocking(descriptor, True)
        if not os.isatty(self.fileno):
            self._lost()  # meanwhile; nothing can be set there, nor written
            return
        taking = self.borrowed if self._entered else None
        if taking:
            taking.hand_over()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's has no annotations
        if isinstance(self._app, Repainting):
            self._app.painted.forget()
        if taking:
            self.attrs_before = taking.settings
            taking.taken()
        self._entered = False

    def write(self, data: str) -> None:
        """Write to the terminal; its other screen is not entered twice, as some terminals would clear it."""
        if self._writer_thread is not None and not (self._entered and data == ENTER):
            super().write(data)

    def run_input_thread(self) -> None:
        """Read until the dashboard ends or the terminal is gone; a byte that is no character becomes U+FFFD."""
        try:
            self._read()
        except OSError:
            self._lost()
        except Exception as error:  # noqa: BLE001 - raised again in the App, which reports it
            self._tell(self.Failed(error))

    def _read(self) -> None:
        parser, bursts = XTermParser(self._debug), Bursts()
        decode = getincrementaldecoder(self._encoding)("replace").decode
        while not self.exit_event.is_set():
            if select.select([self.fileno], [], [], _POLL)[0]:
                if not (received := os.read(self.fileno, 4096)):
                    return self._lost()
                text = decode(received)
                if pasted := bursts.pasted(text, time.monotonic()):
                    self.process_message(events.Paste(pasted))
                elif text:
                    for message in parser.feed(text):
                        self.process_message(message)
            for message in parser.tick():
                self.process_message(message)
        return None

    def _lost(self) -> None:
        self._tell(self.Gone())

    def _tell(self, message: Message) -> None:
        with suppress(RuntimeError):  # the event loop has ended already
            self.send_message(message)

    def suspend(self) -> None:
        """Give the terminal back and stop, with all of the process group, until the shell continues us."""
        self.suspend_application_mode()
        self._loop.remove_signal_handler(signal.SIGTSTP)
        _stop_group()
        self._wait_for_foreground()
        self._loop.add_signal_handler(signal.SIGTSTP, self.suspend)
        self.resume_application_mode()
        self._app.screen.refresh(layout=True)

    def _wait_for_foreground(self) -> None:
        """Stop again where we were continued in the background; the kernel decides it, so that no `fg` comes between."""
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        with suppress(termios.error):  # the terminal is gone, which the reader will notice
            termios.tcdrain(self.fileno)


def _stop_group() -> None:
    """Stop this process and the others of its group, such as a `make` that started it; returns when they are continued.

    The others first; then this thread, as it must not run on until another one has taken the signal.
    """
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    os.kill(0, signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)


def taking_over(borrowed: Borrowed | None) -> type[Terminal]:
    """The driver that takes over a terminal that is borrowed already."""
    return type("Terminal", (Terminal,), {"borrowed": borrowed})


class _Output:
    """A stream to the terminal; once the terminal is gone, what is written is dropped."""

    def __init__(self, stream: TextIO, lost: Callable[[], None]) -> None:
        self._stream = stream
        self._lost = lost

    def write(self, text: str) -> None:
        self._try(lambda: self._stream.write(text))

    def flush(self) -> None:
        self._try(self._stream.flush)

    def fileno(self) -> int:
        return self._stream.fileno()

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError:
            for stream in (sys.__stdout__, self._stream):
                silence(stream)
            self._lost()
