"""Programs on a pseudo-terminal of their own, and what a person sees there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyte

from tests import launcher
from tests.cli.support import Qtui
from tests.launcher import Started
from tests.support import wait_until

ROWS, COLUMNS = 30, 100
REST = 0.4
"""Seconds without output after which a person has read what is shown."""
_PRIVATE = re.compile(r"\x1b\[([<>=][\d;]*[a-z]|\?[\d;]+\$p)")
_PART = re.compile(r"(\x1b(\[[<>=?\d;$]*)?)?$")
"""The beginning of a sequence that has not been read whole."""
LEFT = "\x1b[?1049l"
"""What gives back the screen as it was before."""


@dataclass
class Terminal:
    """A pseudo-terminal, 100 cells by 30, and what was written to it so far."""

    master: int
    slave: int
    seen: str = ""

    def __post_init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self.forget()

    def wait_for(self, text: str) -> None:
        """Read until the text was written; fails where it never is. Of a text on the screen only what differs is written."""
        self._wait(lambda: text in self.read(), f"{text!r} is written to the terminal")

    def wait_to_show(self, text: str) -> None:
        """Read until the text is on the screen; fails where it never is."""
        self._wait(lambda: self.read() and text in self.text, f"{text!r} is shown")

    def _wait(self, predicate: Callable[[], object], description: str) -> None:
        try:
            wait_until(predicate, description=description)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows\n{self.text}\nand got {self.seen[-2000:]!r}") from None

    def wait_to_rest(self) -> None:
        """Read until nothing was written for a moment, as a person reads before a key is pressed."""
        while select.select([self.master], [], [], REST)[0]:
            self.read()

    def ended(self, process: subprocess.Popen[str] | Started) -> int:
        """Read until the process has ended, as it ends only when all that it writes is taken; its exit code."""
        wait_until(lambda: (self.read(), process.poll())[1] is not None, description="the process has ended")
        return process.wait()

    def read(self) -> str:
        """All that was written so far; waits a moment for more."""
        if select.select([self.master], [], [], 0.01)[0]:
            self.seen += self._decoder.decode(os.read(self.master, 65536))
        return self.seen

    def forget(self) -> None:
        """Begin anew with an empty screen."""
        self.seen = ""
        self._fed = 0
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self._screen)

    @property
    def screen(self) -> pyte.Screen:
        """What a terminal that got all this shows."""
        news = self.seen[self._fed :]
        news = news[: len(news) - len(_PART.search(news)[0])]
        self._fed += len(news)
        # Sequences with a private marker, which an emulator of a VT220 would print.
        self._stream.feed(_PRIVATE.sub("", news))
        return self._screen

    @property
    def text(self) -> str:
        """The lines of the screen."""
        return "\n".join(self.screen.display)

    def type(self, keys: str | bytes) -> None:
        """Send what a terminal sends for keys."""
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def attributes(self) -> list[Any]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self.slave)

    def close(self) -> None:
        """Close the window."""
        for end in (self.slave, self.master):
            with suppress(OSError):
                os.close(end)


@contextmanager
def on_terminal(
    qtui: Qtui,
    *arguments: str,
    command: Sequence[str] | None = None,
    ignored: Sequence[signal.Signals] = (),
    **variables: str,
) -> Iterator[tuple[subprocess.Popen[str] | Started, Terminal]]:
    """The command on a terminal of its own, where Ctrl-C works as it does for a person; `ignored` are signals that it ignores.

    `command`: another one, or the same in a new Python process, for what is decided while that starts.
    """
    terminal = Terminal(*pty.openpty())
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = qtui.environment(**{"TERM": "xterm-256color", "TMUX": "", "STY": "", **variables})
    process: subprocess.Popen[str] | Started
    if command is None:
        process = launcher.start("qtui.cli", arguments, environment, [terminal.slave] * 3, qtui.home, ignored)
    else:
        process = _started([*command, *arguments], environment, terminal.slave, qtui.home)
    try:
        yield process, terminal
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        terminal.close()


def _started(command: list[str], environment: dict[str, str], slave: int, folder: Path) -> subprocess.Popen[str]:
    ends: dict[str, Any] = {"stdin": slave, "stdout": slave, "stderr": slave}
    return subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        **ends,
    )
