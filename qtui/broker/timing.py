"""RQ's timestamps, read without raising."""

from __future__ import annotations

from datetime import UTC, datetime

from qtui_workers.text import decode


def parse_time(raw: bytes | str | None) -> float | None:
    """Seconds since the epoch of a time as RQ writes it (`rq.utils.utcformat`); None for '' and for what is no time.

    RQ writes `%Y-%m-%dT%H:%M:%S.%fZ`, older versions left the fraction out. A time without a zone is UTC.
    """
    if not raw:
        return None
    try:
        moment = datetime.fromisoformat(decode(raw[:40]))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def parse_number(raw: bytes | str | None) -> float | None:
    """A finite number, or None."""
    try:
        number = float(raw[:40] if raw else "")
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def parse_int(raw: bytes | str | None) -> int | None:
    """A whole number, or None."""
    number = parse_number(raw)
    return int(number) if number is not None and number.is_integer() else None
