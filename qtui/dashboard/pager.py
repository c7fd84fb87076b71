"""Runs the operator's pager on the terminal that the dashboard has given back meanwhile."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import IO, Final

from qtui_workers.errors import InvalidInput

GLANCE: Final = 0.3
"""Seconds: nobody has read what a program showed that ended by itself sooner, as `less -F` and `cat` do."""
_LOOK: Final = 0.2
"""Seconds between two looks whether a signal was received."""
_TERMINAL: Final = Path("/dev/tty")
_TO_US: Final = (signal.SIGTERM, signal.SIGHUP)
"""The signals that end the dashboard: they end the pager first."""
_FROM_KEYS: Final = (signal.SIGINT, signal.SIGQUIT)
"""Those that keys send to all who are on the terminal: meant for the pager, as it is the one that is seen."""


def command(environment: Mapping[str, str]) -> list[str]:
    """The words of $PAGER, else less or more. Raises InvalidInput where they cannot be read."""
    try:
        words = shlex.split(environment.get("PAGER", ""))
    except ValueError as error:
        raise InvalidInput(f"$PAGER cannot be read: {str(error).lower()}") from None
    return words or (["less", "-R"] if shutil.which("less") else ["more"])


def page(words: list[str], text: str) -> str:
    """Show a text, and return when the pager has ended; what went wrong as a sentence, '' if nothing did.

    To be called in the main thread, while the dashboard is suspended. A signal that would end the dashboard ends the pager, and
    is sent again after it. The pager stays in our process group: where keys stop it, they stop us too, until the shell goes on.
    """
    try:
        terminal = _TERMINAL.open("r+b", buffering=0)
    except OSError as error:
        return f"There is no terminal for a pager: {error.strerror}."
    with terminal, TemporaryFile() as given:
        given.write(text.encode("utf-8", "replace"))
        given.seek(0)
        began = time.monotonic()
        processes: list[subprocess.Popen[bytes]] = []
        with _signals_for(processes) as received:
            try:
                process = subprocess.Popen(words, stdin=given, stdout=terminal, stderr=terminal)
            except OSError as error:
                return f"The pager {words[0]} could not be started: {error.strerror}."
            processes.append(process)
            if received:  # while it was started
                process.terminate()
            code = process.wait()
            if code == 0 and time.monotonic() - began < GLANCE:
                _wait_for_enter(terminal, received)
    return "" if code == 0 else f"The pager {words[0]} ended with {code}."


def _wait_for_enter(terminal: IO[bytes], received: list[int]) -> None:
    with suppress(OSError):  # it is gone
        terminal.write(b"\nEnter goes back ")
        while not received:
            if select.select([terminal], [], [], _LOOK)[0] and terminal.read(1) in (b"", b"\n"):
                return


@contextmanager
def _signals_for(processes: list[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Signals mean what they mean to a program that waits for another one, and not what they mean to the dashboard.

    Yields those that will end the dashboard, as they come.
    """
    received: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        received.append(number)
        for process in processes:
            process.send_signal(signal.SIGTERM)

    handlers: dict[signal.Signals, Callable[[int, FrameType | None], object] | signal.Handlers] = {
        **dict.fromkeys(_TO_US, end),
        **dict.fromkeys(_FROM_KEYS, _leave_it),
        signal.SIGTSTP: signal.SIG_DFL,
    }
    before = {number: signal.getsignal(number) for number in handlers}
    loop = signal.set_wakeup_fd(-1)  # or the event loop would act on all of them afterwards
    try:
        for number, handler in handlers.items():
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, handler)
        yield received
    finally:
        for number, known in before.items():
            signal.signal(number, known)
            signal.siginterrupt(number, False)
        signal.set_wakeup_fd(loop, warn_on_full_buffer=False)
        for again in received:
            os.kill(os.getpid(), again)


def _leave_it(_: int, __: FrameType | None) -> None:
    """A handler of ours, unlike a signal that is ignored, is not inherited by the pager."""
