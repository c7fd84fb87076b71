"""The output of the commands: lines for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def emit(document: Any) -> None:
    """Write one JSON document to standard output, with null in place of NaN and infinite numbers, which JSON does not have."""
    try:
        text = json.dumps(document, indent=2, default=str, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(document, default=str), parse_constant=lambda _: None)
        text = json.dumps(finite, indent=2)
    say(text)


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
