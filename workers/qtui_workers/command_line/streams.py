"""The standard streams of a command: what it prints, also where one of them is closed, or takes nothing."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from qtui_workers.errors import QtuiError


class OutputLost(QtuiError):
    """Standard output is closed, or what it goes to takes no more."""


class _Dropping(io.TextIOWrapper):
    """A stream that drops what cannot be written to it: the disk is full, or the reader of the pipe is gone."""

    def write(self, text: str, /) -> int:
        """How many characters were written, or dropped."""
        try:
            return super().write(text)
        except OSError:
            self._forget()
            return len(text)

    def flush(self) -> None:
        """Write what is buffered, or drop it."""
        try:
            super().flush()
        except OSError:
            self._forget()

    def _forget(self) -> None:
        """Drop what is buffered, but not what comes later: the disk may have room again."""
        with suppress(OSError):
            kept = os.dup(self.fileno())
            silence(self)
            super().flush()
            os.dup2(kept, self.fileno())
            os.close(kept)


def keep() -> None:
    """Have all three streams, closed ones on /dev/null: the next connection to Redis would take their number.

    `sys.stdout` stays None where it was closed, so that `say` can tell. From now on standard output takes every character, as
    "?" where its charset lacks it; and what standard error does not take is dropped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - until the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    sys.stderr = _dropping(sys.stderr, 2)


def drop_output() -> None:
    """From now on, what standard output does not take is dropped, too: a worker's own, or what its jobs print."""
    sys.stdout = _dropping(sys.stdout, 1)


def _dropping(stream: TextIO | None, number: int) -> TextIO:
    """The same stream, which writes as it did, but drops what cannot be written."""
    file = io.FileIO(number, "w", closefd=False)
    if stream is None:
        return _Dropping(io.BufferedWriter(file), "utf-8", "replace", line_buffering=True)
    if not (isinstance(stream, io.TextIOWrapper) and stream.fileno() == number):
        return stream  # it is another's, as a test's
    return _Dropping(
        file if stream.write_through else io.BufferedWriter(file),  # as Python itself does with -u
        stream.encoding,
        "replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def say(text: str = "") -> None:
    """Write a line to standard output; the command ends if the reader has closed the pipe, as `head` does.

    Raises OutputLost where standard output is closed, or the disk is full.
    """
    try:
        if sys.stdout is None:  # closed before Python started
            raise OSError(errno.EBADF, "it is closed")
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        raise SystemExit(0) from None
    except OSError as error:
        silence(sys.stdout)
        raise OutputLost(f"cannot write to standard output: {error.strerror or error}") from error


def silence(stream: TextIO | None) -> None:
    """Drop what is and will be written to a stream, or Python would fail at its end, where it closes the stream."""
    with suppress(OSError, ValueError):
        if stream is not None:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
