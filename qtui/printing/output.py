"""The output of the commands: lines for people, one JSON document for programs."""

from __future__ import annotations

import os
import select
import sys
from typing import Any, TextIO

from qtui_workers.command_line.streams import OutputLost, say

__all__ = ["OutputLost", "emit", "is_abandoned", "is_terminal", "note", "on_terminal", "report", "say", "write_note"]


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


def report(document: Any, sentence: str, *, json: bool) -> None:
    """Write what a command has done: the document with `json`, else the sentence.

    Raises OutputLost as `say` does; its text has the sentence, as what is done cannot be asked for again.
    """
    try:
        if json:
            emit(document)
        else:
            say(sentence)
    except OutputLost as error:
        lines = sentence.replace("\n", "; ")
        raise OutputLost(f"{lines}, but {error}") from error


def is_abandoned() -> bool:
    """Whether the reader of the pipe that standard output is has closed it, as `head` does, so that nothing need be written."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (AttributeError, OSError, ValueError):  # closed, or a test's
        return False
    return any(events & select.POLLERR for _, events in poll.poll(0))


def note(text: str) -> None:
    """Write a line to standard error: progress, warnings, reports beside the data. Where it cannot be written it is dropped."""
    write_note(text + "\n")


def write_note(text: str) -> None:
    """The same without the end of the line."""
    sys.stderr.write(text)
    sys.stderr.flush()


def on_terminal() -> bool:
    """Whether the dashboard can be shown: all three standard streams are a terminal that can move its cursor."""
    return os.environ.get("TERM") not in ("dumb", "unknown") and all(map(is_terminal, (sys.stdin, sys.stdout, sys.stderr)))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; one that is closed is none."""
    return stream is not None and not stream.closed and stream.isatty()
