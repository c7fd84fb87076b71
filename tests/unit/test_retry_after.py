"""The times that a server names in Retry-After, in every form that HTTP allows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from qtui_workers.services.retry_after import retry_after

NOW = datetime(2026, 11, 6, 8, 0, 0, tzinfo=UTC)


def wait(value: str, now: datetime = NOW) -> float | None:
    return retry_after({"retry-after": value}, now)


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("120", 120), (" 3600 ", 3600), ("9" * 400, 999_999_999_999)])
def test_seconds(value: str, seconds: float) -> None:
    assert wait(value) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Fri, 06 Nov 2026 08:49:37 GMT", 49 * 60 + 37),
        ("Friday, 06-Nov-26 08:49:37 GMT", 49 * 60 + 37),
        ("Fri Nov  6 08:49:37 2026", 49 * 60 + 37),
        ("Fri Nov 13 08:00:00 2026", 7 * 86_400),
        ("Thu, 31 Dec 2026 23:59:60 GMT", 55 * 86_400 + 16 * 3_600),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
        ("Sun Nov  6 08:49:37 1994", 0),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 0000 00:00:00 GMT", 0),
    ],
)
def test_every_form_of_date(value: str, seconds: float) -> None:
    assert wait(value) == seconds


def test_the_last_year_that_http_can_write() -> None:
    assert wait("Fri, 31 Dec 9999 23:59:59 GMT") == (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds()


@pytest.mark.parametrize(("digits", "year"), [("27", 2027), ("75", 2075), ("76", 2076), ("77", 1977), ("99", 1999), ("00", 2000)])
def test_two_digits_are_a_year_of_the_next_fifty_or_of_the_past(digits: str, year: int) -> None:
    expected = max(0.0, (datetime(year, 6, 1, tzinfo=UTC) - NOW).total_seconds())
    assert wait(f"Monday, 01-Jun-{digits} 00:00:00 GMT") == expected


def test_two_digits_may_be_of_the_next_century() -> None:
    late = datetime(2099, 12, 31, tzinfo=UTC)
    assert wait("Friday, 01-Jan-00 00:00:00 GMT", late) == 86_400


def test_a_date_is_utc_wherever_the_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert wait("Fri Nov  6 08:49:37 2026") == 49 * 60 + 37
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_written_now_is_about_now() -> None:
    waited = retry_after({"retry-after": format_datetime(datetime.now(UTC), usegmt=True)})
    assert waited is not None
    assert waited < 1


@pytest.mark.parametrize(
    "value",
    [
        "", "soon", "-1", "²", "1.5", "06 Nov 2026", "Fri, 06 Nov 2026 08:49:37", "Fri, 06 Nov 2026 08:49:37 +0100",
        "Fri, 32 Nov 2026 08:49:37 GMT", "Fri, 06 Nov 2026 25:49:37 GMT", "Fri, 06 Nov 2026 08:49:61 GMT",
        "Fri, 30 Feb 2026 08:49:37 GMT", "Fri, 06 nov 2026 08:49:37 GMT", "Fri, 06 Nov 12026 08:49:37 GMT",
        "Fri, ٠٦ Nov 2026 08:49:37 GMT",
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(value: str) -> None:
    assert wait(value) is None


def test_no_header_is_none() -> None:
    assert retry_after({}) is None
