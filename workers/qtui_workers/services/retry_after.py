"""When a server wants to receive the next request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_CLOCK: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DATES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{1,2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_CLOCK} (?:GMT|UTC)",  # IMF-fixdate
        rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_CLOCK} (?:GMT|UTC)",  # RFC 850
        rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[0-9 ][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})",  # asctime
    )
)
_AHEAD: Final = 50
"""A year of two digits that would be more than so many years ahead is one of the past (RFC 9110, 5.6.7)."""


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds to wait that `Retry-After` names (RFC 9110, 10.2.3): 0 for a past date, None where it names no time.

    `headers` have names in lower case; `now` has a zone, and is the current time where it is None.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:12])
    now = now or datetime.now(UTC)
    date = _date(value, now)
    return None if date is None else max(0.0, (date - now).total_seconds())


def _date(text: str, now: datetime) -> datetime | None:
    """A date in any of the three forms of HTTP (RFC 9110, 5.6.7), in UTC; None where the text is none."""
    found = next((found for pattern in _DATES if (found := pattern.fullmatch(text))), None)
    if found is None:
        return None
    year, (day, hour, minute, second) = found["year"], map(int, found.group("day", "hour", "minute", "second"))
    if second > 60:  # 60: a leap second
        return None
    try:
        # The year 0000, which Python does not have, is as far in the past as the year after it.
        date = datetime(max(1, _year(year, now)), _MONTHS.index(found["month"]) + 1, day, hour, minute, tzinfo=UTC)
        return date + timedelta(seconds=second)
    except (ValueError, OverflowError):
        return None


def _year(digits: str, now: datetime) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    year += now.year // 100 * 100
    if year > now.year + _AHEAD:
        return year - 100
    return year + 100 if year <= now.year - _AHEAD else year
