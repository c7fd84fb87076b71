"""Lengths of time as people write them: `5s`, `1.5h`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from workers.errors import InvalidInput
from workers.text import printable

LONGEST: Final = timedelta(days=3650)
"""More than this is taken for a slip of the pen."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d)", re.ASCII)
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """The length of time that a text such as `5s`, `250ms`, `1.5m`, `1h30m` or `2d` names; a bare number is seconds.

    Raises InvalidInput where it is no length of time, is negative, or is longer than ten years.
    """
    bare = text.strip().lower()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", bare, re.ASCII):
        bare += "s"
    if not _WHOLE.fullmatch(bare):
        raise InvalidInput(
            f"'{printable(text, 40)}' is not a length of time: write a number and ms, s, m, h or d, such as 5s or 1h30m"
        )
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(bare))
    return checked(seconds, "the length of time")


def checked(value: timedelta | float, what: str, *, least: float = 0) -> timedelta:
    """A length of time (a plain number is seconds) that is within bounds.

    Raises InvalidInput, naming `what`, where it is less than `least` seconds, no number, or longer than ten years.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not seconds >= least:  # also true of nan
        raise InvalidInput(f"{what} must be at least {least:g} seconds, not {seconds:g}")
    if seconds > LONGEST.total_seconds():
        raise InvalidInput(f"{what} must be at most ten years")
    return timedelta(seconds=seconds)
