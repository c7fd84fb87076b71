"""What is on the terminal how soon after Enter: the queues as text, then Textual's; beside `rq info` and a bare Textual App.

`python -m benchmarks.first_frame` starts each of them `--rounds` times in turn, in a pseudo-terminal of 120 x 40.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rq import Queue

from benchmarks import AS_USERS
from benchmarks.core import benchmarked
from benchmarks.rows import Row, shown
from qtui.broker.queues import overview
from tests.support import clean_environment

BIN = Path(sys.executable).parent
BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("ready-now")

Bare().run()
"""
LIMIT = 20.0
"""Seconds after which what does not come is given up."""


def until(command: Sequence[str], marks: Sequence[bytes], home: Path) -> list[float]:
    """Milliseconds from the start of a command until it has written each of the marks, one after the other."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environment = clean_environment(home, TERM="xterm-256color", COLORTERM="truecolor", **AS_USERS)
        environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        os.execve(command[0], list(command), environment)
    written, place, found = b"", 0, list[float]()
    try:
        while len(found) < len(marks) and select.select([terminal], [], [], LIMIT)[0]:
            written += os.read(terminal, 1 << 16)
            while len(found) < len(marks) and (at := written.find(marks[len(found)], place)) >= 0:
                place = at + len(marks[len(found)])
                found.append((time.perf_counter() - began) * 1e3)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert len(found) == len(marks), written[-300:]
    return found


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """The plain frame, and Textual's first one."""
    with benchmarked() as (server, client), tempfile.TemporaryDirectory(prefix="qt") as home:
        for name in ("payments", "mail", "reports"):
            Queue(name, connection=client).enqueue("benchmarks.core.work", 1)
        overview.load(client)  # the server knows its script, as it does after the first look
        plain, textual, info, bare = list[float](), list[float](), list[float](), list[float]()
        for _ in range(3 if arguments.short else arguments.rounds):
            # The mouse is what Textual asks for first.
            marks = (b"payments", b"\x1b[?1000h", b"payments")
            first, _, second = until([str(BIN / "qtui"), "--url", server.url], marks, Path(home))
            plain.append(first)
            textual.append(second)
            info += until([str(BIN / "rq"), "info", "-u", server.url], [b"payments"], Path(home))
            bare += until([sys.executable, "-c", BARE], [b"ready-now"], Path(home))
    yield _row("the queues after Enter", plain, info, 0.15, "rq info")
    yield _row("Textual's queues after Enter", textual, bare, 1.8, "a bare App")


def _row(title: str, ours: list[float], peer: list[float], most: float, name: str) -> Row:
    mine, theirs = statistics.median(ours), statistics.median(peer)
    return Row(title, f"{mine:.0f} ms", f"{theirs:.0f} ms", mine / theirs, f"≤ {most:g} × {name}", mine <= most * theirs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    shown(parser, rows)
