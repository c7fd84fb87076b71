"""The output of the commands: lines for people, one JSON document for programs."""

from __future__ import annotations

import errno
import os
import select
import sys
from contextlib import suppress
from typing import Any, TextIO

from qtui_workers.errors import QtuiError


class OutputLost(QtuiError):
    """Standard output is closed, or what it goes to takes no more."""


def emit(document: Any) -> None:
    """Write one JSON document to standard output, with null in place of NaN and infinite numbers, which JSON does not have.

    Raises OutputLost as `say` does.
    """
    import json  # what is printed for people needs none

    try:
        text = json.dumps(document, indent=2, default=str, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(document, default=str), parse_constant=lambda _: None)
        text = json.dumps(finite, indent=2)
    say(text)


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


def is_abandoned() -> bool:
    """Whether the reader of the pipe that standard output is has closed it, as `head` does, so that nothing need be written."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (AttributeError, OSError, ValueError):  # closed, or a test's
        return False
    return any(events & select.POLLERR for _, events in poll.poll(0))


def note(text: str) -> None:
    """Write a line to standard error: progress, warnings, reports beside the data. Where that fails it is dropped."""
    write_note(text + "\n")


def write_note(text: str) -> None:
    """The same without the end of the line."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO | None) -> None:
    """Drop what is and will be written to a stream, or Python would fail at its end, where it closes the stream."""
    with suppress(OSError, ValueError):
        if stream is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def keep_descriptors() -> None:
    """Open /dev/null in the place of closed standard streams, or the next connection to Redis would take their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def on_terminal() -> bool:
    """Whether the dashboard can be shown: all three standard streams are a terminal that can move its cursor."""
    return os.environ.get("TERM") not in ("dumb", "unknown") and all(map(is_terminal, (sys.stdin, sys.stdout, sys.stderr)))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; one that is closed is none."""
    return stream is not None and not stream.closed and stream.isatty()
