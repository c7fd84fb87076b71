"""Numbers and times in human words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from qtui.broker.models import Progress
from qtui.presentation import formatting

NOW = 1_763_800_000.25
floats = st.floats(allow_nan=True, allow_infinity=True) | st.none()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (-5, "0s"),
        (41, "41s"),
        (59.999, "59s"),
        (60, "1m"),
        (723, "12m 3s"),
        (7_800, "2h 10m"),
        (7_205, "2h"),
        (273_600, "3d 4h"),
        (None, "–"),
        (math.inf, "–"),
        (math.nan, "–"),
    ],
)
def test_an_age_has_at_most_two_units(seconds: float | None, text: str) -> None:
    assert formatting.age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0004, "<1 ms"),
        (0.004, "4 ms"),
        (0.0999, "0.1 s"),
        (0.2, "0.2 s"),
        (30, "30.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1m"),
        (723.4, "12m 3s"),
        (None, "–"),
    ],
)
def test_a_duration_is_precise_where_it_is_short(seconds: float | None, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("at", "text", "due"),
    [
        (NOW - 190, "3m ago", "3m late"),
        (NOW - 0.5, "now", "now"),
        (NOW + 0.5, "now", "now"),
        (NOW + 190, "in 3m", "in 3m"),
        (NOW - 90_000, "1d ago", "1d late"),
        (None, "–", "–"),
    ],
)
def test_a_moment_is_reported_by_its_distance(at: float | None, text: str, due: str) -> None:
    assert formatting.ago(at, NOW) == text
    assert formatting.until(at, NOW) == due


def test_clocks_are_utc_and_a_year_without_calendar_is_unknown() -> None:
    assert formatting.clock(NOW) == "08:26:40"
    assert formatting.clock(NOW, millis=True) == "08:26:40.250"
    assert formatting.date_time(NOW) == "2025-11-22 08:26:40"
    assert [formatting.clock(at) for at in (None, 1e18, -1e18, math.nan)] == ["–"] * 4


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1_023, "1,023 B"), (1_024, "1.0 KiB"), (1_048_575, "1.0 MiB"), (3_328_599_654, "3.1 GiB"), (None, "–")],
)
def test_sizes_are_in_powers_of_1024(number: int | None, text: str) -> None:
    assert formatting.size(number) == text


@pytest.mark.parametrize(
    ("per_second", "text"), [(0, "0.0"), (0.01, "<0.1"), (40.12, "40.1"), (99.96, "100"), (1_204, "1,204"), (None, "–")]
)
def test_rates_have_a_decimal_where_it_matters(per_second: float | None, text: str) -> None:
    assert formatting.rate(per_second) == text


def test_what_is_not_known_is_a_dash() -> None:
    assert formatting.count(None) == formatting.percent(None) == formatting.progress(None) == "–"
    assert formatting.attempts(None, 3) == formatting.short_function(None) == formatting.short_function("") == "–"
    assert formatting.bar(None, 5) == "–    "


def test_a_bar_fills_by_eighths_and_is_full_only_when_all_is_done() -> None:
    assert formatting.bar(0, 4) == "░░░░"
    assert formatting.bar(0.5, 4) == "██░░"
    assert formatting.bar(0.40625, 4) == "█▋░░"
    assert formatting.bar(0.999, 4) == "███▉"
    assert formatting.bar(1, 4) == "████"
    assert formatting.percent(0.999) == "99 %"
    assert formatting.percent(0.29) == "29 %"


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([1, 1, 1], ["34 %", "33 %", "33 %"]),
        ([5, 1], ["83 %", "17 %"]),
        ([995, 5], [">99 %", "<1 %"]),
        ([1] * 200, ["<1 %"] * 200),
        ([7], ["100 %"]),
        ([], []),
    ],
)
def test_the_shares_of_all_parts_add_up(numbers: list[int], said: list[str]) -> None:
    assert formatting.shares(numbers, sum(numbers)) == said


def test_shares_of_some_parts_are_not_made_to_add_up() -> None:
    assert formatting.shares([1, 1], 3) == ["33 %", "33 %"]


@given(fraction=floats, width=st.integers(0, 40))
def test_a_bar_always_has_its_width(fraction: float | None, width: int) -> None:
    assert cell_len(formatting.bar(fraction, width)) == width


@given(values=st.lists(floats, max_size=30), width=st.integers(0, 20))
def test_a_sparkline_always_has_its_width(values: list[float | None], width: int) -> None:
    assert len(formatting.spark(values, width)) == width


def test_a_sparkline_shows_the_newest_values_and_little_is_more_than_nothing() -> None:
    assert formatting.spark([9, 0, 1, 1_000, None, 500], 5) == "▁▂█ ▅"
    assert formatting.spark([0, 0], 4) == "  ▁▁"


@given(seconds=floats)
def test_every_number_can_be_shown(seconds: float | None) -> None:
    for tell in (
        formatting.age,
        formatting.duration,
        formatting.clock,
        formatting.date_time,
        formatting.rate,
        formatting.percent,
    ):
        assert tell(seconds)
    assert formatting.ago(seconds, NOW)


def test_progress_has_bar_percent_and_message() -> None:
    assert formatting.progress(Progress(31, 50, "page 31"), 10) == "██████▏░░░   62 %  page 31"
    assert formatting.progress(Progress(1_200, 0, "\x1b[31mred")) == "1,200 done  ␛[31mred"


def test_ids_and_functions_are_shortened_only_where_the_rest_says_nothing() -> None:
    assert formatting.short_id("7f3a91c2-1111-4abc-8def-0123456789ab") == "7f3a91c2"
    assert formatting.short_id("nightly-report-2025-11-22") == "nightly-report-2025-11-22"
    assert formatting.short_function("shop.tasks.charge.refund") == "charge.refund"
    assert formatting.short_function("charge") == "charge"
    assert (formatting.attempts(2, 3), formatting.attempts(2, None)) == ("2/3", "2")


@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30), width=st.integers(0, 20))
def test_padded_text_takes_exactly_its_cells(text: str, width: int) -> None:
    assert cell_len(formatting.pad(text, width)) == cell_len(formatting.pad(text, width, right=True)) == width


def test_cut_text_ends_with_an_ellipsis() -> None:
    assert formatting.pad("abcdef", 4) == "abc…"
    assert formatting.pad("表示文字", 4) == "表 …"
    assert formatting.pad("ab", 4, right=True) == "  ab"
