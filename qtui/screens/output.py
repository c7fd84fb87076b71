"""What a command of the user's own prints."""

from __future__ import annotations

import codecs
import os
import select
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from qtui.presentation import formatting
from qtui.screens.parts.dialog import Dialog
from qtui.shared.session import session_of
from qtui.widgets.following_view import LONGEST
from qtui.widgets.log_view import KEEP
from qtui.widgets.output_view import OutputView
from qtui_workers.errors import Refused
from qtui_workers.text import printable

READ: Final = 65_536
LOOK: Final = 0.2
"""Seconds between two looks whether it should end."""
GRACE: Final = 2.0
"""Seconds that it has to end by itself."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a command gets on its standard input, and how far it may go."""

    data: bytes
    seconds: float
    most: int
    """Bytes of its output."""


class _Bounds:
    """How far a command may go, and has gone."""

    def __init__(self, given: Given | None) -> None:
        self._given = given
        self._began = time.monotonic()
        self.read = 0
        """Bytes of its output."""
        self.lines = 0

    @property
    def exceeded(self) -> str:
        """Which of them it has gone beyond, as words; '' where it has not."""
        given = self._given
        if given and self.read > given.most:
            return f"stopped at {formatting.size(given.most)} of output"
        if given and self.lines > KEEP:
            return f"stopped at {formatting.count(KEEP)} lines of output"
        if given and time.monotonic() - self._began > given.seconds:
            return "stopped, as it did not end"
        return ""


class OutputScreen(Dialog):
    """Runs a command, and shows what it prints as it comes. Leaving ends the command, and all that it has started."""

    CSS_PATH = "output.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close", id="output.close", key_display="esc", tooltip="Also ends the command"),
    ]

    def __init__(
        self, name: str, words: Sequence[str], job_id: str | None, *, is_change: bool, given: Given | None = None
    ) -> None:
        """`job_id`: the job that it is about. `is_change`: it is recorded in the audit.

        `given`: what it gets and how far it may go; then the beginning of what it prints is shown, else the end.
        """
        super().__init__()
        self._name = name
        self._words = tuple(words)
        self._job_id = job_id
        self._is_change = is_change
        self._given = given
        self._left = threading.Event()

    def compose(self) -> ComposeResult:
        """The command, what it prints, and how it ends."""
        with Vertical(id="output"):
            yield Static(printable(f"{self._name}  {shlex.join(self._words)}", 400), id="command", markup=False)
            yield OutputView()
            yield Static("runs; esc ends it", id="ending", markup=False)

    def on_mount(self) -> None:
        """Start it."""
        view = self.query_one(OutputView)
        view.following = self._given is None
        view.focus()
        self.run_worker(self._carry_out, thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        """Nobody reads any more."""
        self._left.set()

    def _carry_out(self) -> None:
        session, began = session_of(self.app), time.monotonic()
        ids = (self._job_id,) if self._job_id else ()
        try:
            if self._is_change:
                with session.audit.change(session.client, f"command {self._name}", shlex.join(self._words), ids) as change:
                    change.outcome = ended = self._run()
            else:
                ended = self._run()
            text = f"{ended} after {formatting.duration(time.monotonic() - began)}"
        except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
            text = str(error)
        if not self._left.is_set():
            self.app.call_from_thread(self._say, f"{text}; esc closes")

    def _say(self, text: str) -> None:
        self.query_one("#ending", Static).update(printable(text, 400))
        self.query_one(OutputView).settle()

    def _run(self) -> str:
        """Run it to its end; how it ended, in words. Raises Refused where it cannot be started."""
        view, bounds = self.query_one(OutputView), _Bounds(self._given)
        with TemporaryFile() as given:  # not a pipe, which a program that reads nothing would block
            given.write(self._given.data if self._given else b"")
            given.seek(0)
            try:
                process = subprocess.Popen(
                    self._words, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
                )
            except OSError as error:
                raise Refused(f"could not be started: {error.strerror}") from error
        assert process.stdout
        with process.stdout as stream:
            try:
                for lines in _lines(stream.fileno(), self._left, bounds):
                    self.app.call_from_thread(view.extend, lines)
                while process.poll() is None and not bounds.exceeded and not self._left.wait(LOOK):
                    pass
                beyond = bounds.exceeded
            finally:
                if process.poll() is None:
                    _end(process)
        code = process.returncode
        if beyond:
            return beyond
        return f"ended with {code}" if code >= 0 else f"ended by signal {-code}"


def _lines(stream: int, left: threading.Event, bounds: _Bounds) -> Iterator[list[str]]:
    """The lines that can be read, many at a time, until there are no more, or nobody wants more; long ones come in parts."""
    decoder, rest = codecs.getincrementaldecoder("utf-8")("replace"), ""
    while not left.is_set() and not bounds.exceeded:
        if not select.select([stream], [], [], LOOK)[0]:
            continue
        read = os.read(stream, READ)
        bounds.read += len(read)
        *lines, rest = (rest + decoder.decode(read, final=not read)).split("\n")
        if not read or len(rest) > LONGEST:
            lines, rest = [*lines, *([rest] if rest else [])], ""
        if lines:
            bounds.lines += len(lines)
            yield lines
        if not read:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
            return
