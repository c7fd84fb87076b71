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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pyte

from tests.cli.support import COMMAND, Qtui
from tests.support import wait_until

ROWS, COLUMNS = 30, 100
_PRIVATE = re.compile(r"\x1b\[([<>=][\d;]*[a-z]|\?[\d;]+\$p)")
LEFT = "\x1b[?1049l"
"""What gives back the screen as it was before."""


@dataclass
class Terminal:
    """A pseudo-terminal, 100 cells by 30, and what was written to it so far."""

    master: int
    slave: int
    seen: str = ""

    def wait_for(self, text: str) -> None:
        """Read until the text was written; fails where it never is."""
        wait_until(
            lambda: text in self.read(), description=f"{text!r} is written to the terminal, which got {self.seen[-2000:]!r}"
        )

    def wait_to_show(self, text: str) -> None:
        """Read until the text is on the screen; fails where it never is."""
        wait_until(lambda: self.read() and text in self.text, description=f"{text!r} is shown in\n{self.text}")

    def read(self) -> str:
        """All that was written so far; waits a moment for more."""
        if select.select([self.master], [], [], 0.01)[0]:
            self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
        return self.seen

    @property
    def screen(self) -> pyte.Screen:
        """What a terminal that got all this shows."""
        screen = pyte.Screen(COLUMNS, ROWS)
        # Sequences with a private marker, which an emulator of a VT220 would print.
        pyte.Stream(screen).feed(_PRIVATE.sub("", self.seen))
        return screen

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
    command: Sequence[str] = COMMAND,
    ignored: Sequence[signal.Signals] = (),
    **variables: str,
) -> Iterator[tuple[subprocess.Popen[str], Terminal]]:
    """The command on a terminal of its own, where Ctrl-C works as it does for a person; `ignored` are signals that it ignores."""
    terminal = Terminal(*pty.openpty())
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    ends: dict[str, Any] = {"stdin": terminal.slave, "stdout": terminal.slave, "stderr": terminal.slave}

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    process = subprocess.Popen(
        [*command, *arguments],
        env=qtui.environment(**{"TERM": "xterm-256color", "TMUX": "", "STY": "", **variables}),
        cwd=qtui.home,
        text=True,
        start_new_session=True,
        preexec_fn=own_terminal,
        **ends,
    )
    try:
        yield process, terminal
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        terminal.close()
