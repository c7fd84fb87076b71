"""The limiter beside the plainest one that can be thought of, and its promise under any delays: time is an argument here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from tests.support import Server
from tests.workers.limited import busiest

WITHIN = 5_000_000
BEGIN = 1_700_000_000_000_000

ASK = Script(
    """
-- requires: limit
-- arguments: name, token, now
local limit, now = limits(), tonumber(args.now)
local limiter = limit.named(args.name)
local wait = limit.wait_us(limiter, now)
if wait == 0 then limit.admit(limiter, args.token, now) end
return wait
"""
)
STARTED = Script(
    """
-- requires: limit
-- arguments: name, token, now
started(args.name, args.token, tonumber(args.now))
return 1
"""
)
SERVER = Script("return redis.call('INFO', 'server'):match('run_id:(%w+)')")

MICROS = st.one_of(st.integers(0, 100), st.integers(0, 300_000), st.integers(0, 3_000_000))


@dataclass
class Plain:
    """Keeps every admission for ever, and counts."""

    most: int
    per: int
    log: dict[str, int] = field(default_factory=dict)

    def taken(self, now: int) -> int:
        return sum(score > now - self.per for score in self.log.values())

    def wait(self, now: int) -> int:
        ends = sorted({0} | {score + self.per - now for score in self.log.values() if score + self.per > now})
        return next(wait for wait in ends if self.taken(now + wait) < self.most)


@pytest.fixture(scope="module")
def asked(shared_server: Server) -> Iterator[redis.Redis]:
    with shared_server.client() as client:
        yield client


def enter(client: redis.Redis, most: int, per: int) -> None:
    """A fresh limiter, already known to this server process."""
    client.delete(keys.limit_log("m"), keys.limit("m"))
    client.hset(keys.limit("m"), mapping={"max": most, "per_us": per, "server": SERVER.run(client)})


SETTINGS = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SETTINGS
@given(
    most=st.integers(1, 4),
    per=st.integers(10_000, 1_000_000),
    steps=st.lists(
        st.tuples(MICROS, st.sampled_from(["ask", "ask", "ask", "report", "change"]), st.integers(1, 12)), max_size=30
    ),
)
@example(  # the report of a start that is no longer in the log
    most=1,
    per=1_000_000,
    steps=[(0, "ask", 1), (6_000_000, "ask", 1), (0, "report", 1), (500_000, "report", 2), (500_000, "ask", 1)],
)
@example(  # a report that is later than the latest start
    most=1, per=1_000_000, steps=[(0, "ask", 1), (5_500_000, "report", 1), (500_000, "ask", 1)]
)
def test_it_answers_as_the_plainest_limiter_does(asked: redis.Redis, most: int, per: int, steps) -> None:
    enter(asked, most, per)
    plain, now = Plain(most, per), BEGIN
    for number, (gap, step, choice) in enumerate(steps):
        now += gap
        if step == "change":
            plain.most = min(choice, 6)
            asked.hset(keys.limit("m"), "max", plain.most)
        elif step == "report" and len(plain.log) >= choice:
            token = sorted(plain.log)[-choice]
            plain.log[token] = min(plain.log[token], now)
            STARTED.run(asked, name="m", token=token, now=now)
        elif step == "ask":
            wait = plain.wait(now)
            assert ASK.run(asked, name="m", token=f"{number:03}", now=now) == wait
            if wait == 0:
                plain.log[f"{number:03}"] = now + WITHIN
    assert asked.zcard(keys.limit_log("m")) <= 6


@SETTINGS
@given(
    most=st.integers(1, 4),
    per=st.integers(10_000, 1_000_000),
    claims=st.lists(
        st.tuples(
            MICROS,
            st.integers(0, WITHIN),  # until it starts
            st.one_of(st.none(), st.integers(0, 20_000), st.integers(0, 4 * WITHIN)),  # from then to its report
            st.one_of(st.just(0), st.just(0), st.integers(0, 2_000), st.integers(0, 10**10)),  # how far the clock is set back
        ),
        max_size=30,
    ),
)
@example(most=1, per=1_000_000, claims=[(0, 0, None, 0), (1_000, 0, None, 10**10)])  # hours back between two claims
@example(most=1, per=1_000_000, claims=[(0, 1_500_000, None, 0), (1_000_000, 0, None, 0)])  # a start that is late
@example(most=1, per=1_000_000, claims=[(0, 10_000, 0, 0), (1_009_999, 0, None, 0)])  # a window that is a µs too short
def test_starts_never_exceed_the_limit_whatever_is_late_lost_or_set_back(asked: redis.Redis, most: int, per: int, claims) -> None:
    """Claims, starts and reports in order of true time, of which the server's clock falls behind again and again."""
    enter(asked, most, per)
    true = behind = 0
    reports: list[tuple[int, str]] = []
    starts: list[int] = []

    def catch_up(until: float) -> None:
        while reports and reports[0][0] <= until:
            at, token = heappop(reports)
            STARTED.run(asked, name="m", token=token, now=BEGIN + at - behind)

    for number, (gap, start_in, report_in, back) in enumerate(claims):
        true += gap
        catch_up(true)
        behind += back
        wait = ASK.run(asked, name="m", token=str(number), now=BEGIN + true - behind)
        if wait > 0:
            assert wait <= per + WITHIN + 1_000_000 + WITHIN  # never closed until a clock has caught up
            true += wait
            catch_up(true)
            ASK.run(asked, name="m", token=f"{number}x", now=BEGIN + true - behind)  # unused if admitted: nothing starts
            continue
        starts.append(true + start_in)
        if report_in is not None:
            heappush(reports, (starts[-1] + report_in, str(number)))
    assert busiest([at * 1_000 for at in sorted(starts)], per / 1e6) <= most
