"""Times as people write them: lengths such as `5s`, `1.5h`, `1h30m`, and moments such as `2026-01-31T17:00:00Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from qtui_workers.errors import InvalidInput
from qtui_workers.naming import about
from qtui_workers.text import printable

LONGEST: Final = timedelta(days=3650)
"""A longer time is taken for a typing mistake."""

Duration = timedelta | float | str
"""A length of time; a number is seconds, a text as `parse_duration` reads it."""

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


def checked(value: Duration, what: str, *, least: float = 0) -> timedelta:
    """Does the same as `as_duration`, but its errors name `what`."""
    try:
        return as_duration(value, least=least)
    except InvalidInput as error:
        raise InvalidInput(about(what, str(error))) from None


def as_duration(value: Duration, *, least: float = 0) -> timedelta:
    """The length of time, if it is within the bounds.

    Raises InvalidInput, worded to follow a name, where it is shorter than `least` seconds or longer than ten years, or where
    the value is no length of time.
    """
    seconds = _seconds(value)
    if not seconds >= least:  # also true of nan
        raise InvalidInput(f"must be at least {least:g} seconds, not {seconds:g}")
    if seconds > LONGEST.total_seconds():
        raise InvalidInput("must be at most ten years")
    return timedelta(seconds=seconds)


def _seconds(value: Any) -> float:
    if isinstance(value, str):
        value = parse_duration(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"must be a length of time, such as 5 (seconds) or '1h30m', not {printable(repr(value), 40)}")
    return float(min(value, LONGEST.total_seconds() + 1))


def as_moment(value: datetime | str) -> datetime:
    """The moment in UTC and whole seconds, rounded up; one without a time zone is in local time.

    A text is ISO 8601, as `datetime.fromisoformat` reads it. Raises InvalidInput where the value is no moment.
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=moment.microsecond > 0)
    except (ValueError, OverflowError, OSError, TypeError, AttributeError):
        raise InvalidInput(f"'{printable(str(value), 40)}' is not a time: write it as 2026-01-31T17:00:00Z") from None
