"""Lengths of time and moments as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from qtui_workers.define.backoff import Backoff
from qtui_workers.define.durations import as_moment, checked, parse_duration
from qtui_workers.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("5", 5),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        (" 2H ", 7200),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "x", "-5s", "5 apples", "nan", "inf", "1e9s", "99999d", "5ss", "٥s", "\x1b[31m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_duration(text)
    assert "\x1b" not in str(refusal.value)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), timedelta(seconds=-1)])
def test_a_number_out_of_bounds_is_refused(value: float | timedelta) -> None:
    with pytest.raises(InvalidInput, match="delay must be at"):
        checked(value, "delay")


@pytest.mark.parametrize("value", ["5m", 300, 300.0, timedelta(minutes=5)])
def test_a_length_of_time_is_a_number_a_text_or_a_timedelta(value: Any) -> None:
    assert checked(value, "delay") == timedelta(minutes=5)


@pytest.mark.parametrize("value", [None, True, [5], 1j])
def test_what_is_no_length_of_time_at_all_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="delay must be a length of time, such as 5"):
        checked(value, "delay")


@pytest.mark.parametrize("value", ["2026-01-31T17:00:00Z", "2026-01-31T18:00:00+01:00", datetime(2026, 1, 31, 17, tzinfo=UTC)])
def test_a_moment_is_read_with_its_zone(value: Any) -> None:
    assert as_moment(value) == datetime(2026, 1, 31, 17, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, 5, "", "soon", date(2026, 1, 31), "0001-01-01T00:00:00+14:00", datetime.max])
def test_what_is_no_moment_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="is not a time: write it as 2026-01-31T17:00:00Z"):
        as_moment(value)


def test_a_fixed_backoff_waits_the_same_each_time() -> None:
    assert Backoff.parse("fixed:2s").intervals(3) == [2, 2, 2]


def test_an_exponential_backoff_doubles_up_to_its_cap() -> None:
    assert Backoff("exponential", timedelta(seconds=2), cap=timedelta(seconds=10)).intervals(5) == [2, 4, 8, 10, 10]
    assert Backoff.parse("exponential:1s,jitter=0").intervals(1_000)[-1] == 3_600


def test_waits_are_rounded_up_to_whole_seconds() -> None:
    assert Backoff.parse("fixed:1.2s").intervals(1) == [2]


@pytest.mark.parametrize("text", ["", "fixed", "fixed:", "linear:2s", "exponential:-1s", "2s"])
def test_what_is_no_backoff_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Backoff.parse(text)
