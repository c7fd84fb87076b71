"""What a worker says on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Final

from rq.logutils import colorizer

from workers.text import printable

_LIMIT: Final = 20_000


class SafeFormatter(logging.Formatter):
    """A line with its time; what a job wrote can neither steer the terminal nor pass for a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text: control characters as symbols, further lines indented."""
        text = super().format(record).rstrip("\n")
        return printable(text, _LIMIT, keep_newlines=True).replace("\n", "\n    ")


def log_to_stderr() -> None:
    """Sends every record of level INFO and above there, RQ's own too, in one format."""
    colorizer.notty = True  # RQ's colours are escape codes, which would be shown as symbols
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
