"""The waits between attempts, as a person writes them and as RQ waits them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rq import Retry
from rq.job import Job

from qtui_workers.define.backoff import Backoff, Kind, as_backoff
from qtui_workers.errors import InvalidInput

kinds = st.sampled_from(["none", "fixed", "exponential"])
waits = st.timedeltas(timedelta(), timedelta(days=1))
jitters = st.none() | st.floats(0, 1)
rules = st.builds(Backoff, kinds, waits, waits, jitters)


def without_jitter(kind: Kind, base: float, cap: float, retry: int) -> float:
    """The wait in seconds as the rule's words say it."""
    if kind == "exponential":
        return min(base * 2**retry, max(base, cap))
    return base if kind == "fixed" else 0


@given(rules, st.integers(0, 100))
def test_there_is_a_wait_for_each_retry_within_what_the_rule_and_its_jitter_allow(rule: Backoff, retries: int) -> None:
    intervals = rule.intervals(retries)
    assert len(intervals) == retries
    for retry, wait in enumerate(intervals):
        longest = without_jitter(rule.kind, rule.base.total_seconds(), rule.cap.total_seconds(), retry)
        assert longest * (1 - rule.spread) - 1e-6 <= wait <= math.ceil(longest)


@given(st.builds(Backoff, kinds, waits, waits, st.just(0.0)), st.integers(0, 50))
def test_without_jitter_no_wait_is_shorter_than_the_one_before(rule: Backoff, retries: int) -> None:
    intervals = rule.intervals(retries)
    assert intervals == sorted(intervals) == rule.intervals(retries)


@given(rules, st.integers(1, 30))
def test_rq_waits_as_the_list_says(rule: Backoff, retries: int) -> None:
    intervals = rule.intervals(retries)
    nobody: Any = object()  # no server is asked
    job = Job("j", connection=nobody)
    job.retry_intervals = Retry(max=retries, interval=intervals).intervals
    waited = []
    for left in range(retries, 0, -1):
        job.retries_left = left
        waited.append(job.get_retry_interval())
    assert waited == intervals


def test_full_jitter_spreads_over_the_whole_wait() -> None:
    drawn = Backoff("fixed", timedelta(seconds=1_000), jitter=1).intervals(300)
    assert min(drawn) < 300
    assert max(drawn) > 700


def test_an_exponential_rule_spreads_a_tenth_and_a_fixed_one_nothing_where_nothing_is_said() -> None:
    assert (Backoff.parse("exponential:1m").spread, Backoff.parse("fixed:1m").spread) == (0.1, 0)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("none", Backoff("none")),
        (" FIXED:1.5s ", Backoff("fixed", timedelta(seconds=1.5))),
        ("exponential:2s", Backoff("exponential", timedelta(seconds=2))),
        ("exponential:2s,cap=10m", Backoff("exponential", timedelta(seconds=2), timedelta(minutes=10))),
        ("fixed:5, jitter=0.5", Backoff("fixed", timedelta(seconds=5), jitter=0.5)),
    ],
)
def test_a_text_names_a_rule(text: str, rule: Backoff) -> None:
    assert as_backoff(text) == rule == as_backoff(rule)


def test_none_retries_at_once() -> None:
    assert Backoff.parse("none").intervals(3) == [0, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none:2s",
        "fixed",
        "fixed:",
        "linear:2s",
        "fixed:2s,",
        "fixed:2s,cap",
        "fixed:2s,jitter=2",
        "fixed:2s,jitter=x",
        "none,a=1",
    ],
)
def test_a_text_that_names_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Backoff.parse(text)


@pytest.mark.parametrize("jitter", [-0.1, 1.1, math.nan, math.inf])
def test_a_jitter_beyond_the_whole_wait_is_refused(jitter: float) -> None:
    with pytest.raises(InvalidInput, match="jitter"):
        Backoff("fixed", timedelta(seconds=1), jitter=jitter)
