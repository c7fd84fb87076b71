"""What a worker says on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Final, TextIO

from rq.exceptions import StopRequested
from rq.logutils import colorizer

from workers.text import printable

_LIMIT: Final = 20_000


class SafeFormatter(logging.Formatter):
    """A line with its time; what a job wrote can neither steer the terminal nor pass for a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text: control characters as symbols, further lines indented."""
        text = super().format(record).rstrip("\n")
        return printable(text, _LIMIT, keep_newlines=True).replace("\n", "\n    ")


class _Handler(logging.StreamHandler[TextIO]):
    """Standard error; a signal that ends the worker is not taken for a failure to write."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Passes on RQ's StopRequested, which a signal may raise in the middle of writing."""
        if isinstance(sys.exc_info()[1], StopRequested):
            raise
        super().handleError(record)


def log_to_stderr() -> None:
    """Sends every record of level INFO and above there, RQ's own too, in one format."""
    colorizer.notty = True  # RQ's colours are escape codes, which would be shown as symbols
    handler = _Handler(sys.stderr)
    handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
