"""The output of the commands: lines for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def emit(document: Any) -> None:
    """Write one JSON document to standard output."""
    say(json.dumps(document, ensure_ascii=True, indent=2, default=str))


def say(text: str = "") -> None:
    """Write a line to standard output; the command ends if the reader has closed the pipe, as `head` does."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python prints an error when it closes standard output
        raise SystemExit(0) from None


def note(text: str) -> None:
    """Write a line to standard error: progress, warnings, reports beside the data."""
    sys.stderr.write(text + "\n")
