"""A limiter that is closed for a while, for all workers and callers, and opened again."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from qtui_workers.define.limit import Limit
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.rate.limiter import LimitClosed, Limits
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import limited
from tests.workers.support import field, log_lines, run_burst, working
from tests.workers.test_limiter import enter

DAY = 86_400


def closed_for(client: redis.Redis, name: str) -> float:
    until = Limits(client).state(name).closed_until
    return 0.0 if until is None else (until - datetime.now(UTC)).total_seconds()


def test_nothing_is_let_through_until_it_opens(client: redis.Redis) -> None:
    limit = Limit(100, 1, "api")
    till = Limits(client).close(limit, 3_600, "asked to wait")
    with pytest.raises(LimitClosed, match="'api' is closed for another 3600 s") as refused, Limits(client).acquire(limit):
        pytest.fail("it was let through")
    assert 3_590 < refused.value.seconds <= 3_600
    state = Limits(client).state("api")
    assert (state.used, state.waiting, state.closed_because) == (0, 0, "asked to wait")
    assert state.closed_until == till == state.next_free_at
    assert 3_590 < state.next_free_in <= 3_600


@pytest.mark.parametrize(("seconds", "timeout", "kind"), [(50, 0.0, LimitClosed), (50, 20, LimitClosed), (0.2, 0.1, LimitClosed)])
def test_who_would_not_wait_so_long_is_reported_at_once(client: redis.Redis, seconds: float, timeout: float, kind: type) -> None:
    Limits(client).close(Limit(1, 0.01, "api"), seconds)
    begun = time.monotonic()
    with pytest.raises(kind), Limits(client).acquire("api", timeout=timeout):
        pytest.fail("it was let through")
    assert time.monotonic() - begun < 10


def test_a_short_while_is_waited_for(client: redis.Redis) -> None:
    Limits(client).close(Limit(5, 0.1, "api"), 0.5)
    begun = time.monotonic()
    with Limits(client).acquire("api"):
        assert time.monotonic() - begun >= 0.49


def test_the_longer_of_two_closings_holds_and_a_changed_limit_stays_closed(client: redis.Redis) -> None:
    limits = Limits(client)
    limits.close(Limit(1, 1, "api"), 1_000, "first")
    limits.close(Limit(2, 2, "api"), 10, "second")
    assert 990 < closed_for(client, "api") <= 1_000
    assert limits.state("api").closed_because == "first"
    limits.close("api", 2_000, "third \x1b[31m")
    assert 1_990 < closed_for(client, "api") <= 2_000
    assert limits.state("api").closed_because == "third ␛[31m"
    assert limits.state("api").max == 2


def test_who_waits_goes_on_when_it_is_opened(client: redis.Redis) -> None:
    limits = Limits(client)
    limits.close(Limit(5, 1, "api"), 50)
    through = threading.Event()

    def wait() -> None:
        with limits.acquire("api"):
            through.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert limits.reopen("api")
    wait_until(through.is_set, description="the caller goes on")
    thread.join()
    assert not limits.reopen("api")
    assert limits.state("api").closed_until is None


def test_jobs_of_its_queue_wait_and_go_on_when_it_is_opened(server: Server, client: redis.Redis, home: Path) -> None:
    enter(client, Limit(100, 1, "q"))
    Limits(client).close("q", DAY)
    job = Queue("q", connection=client, serializer=JSONSerializer).enqueue("tests.workers.support.add", 1, 2)
    with working(server, home, "q", "--allow", "tests.workers.support"):
        wait_until(lambda: b"over a rate limit" in (home / "worker.log").read_bytes(), description="it is held back")
        assert field(client, job.id, "status") == b"queued"
        assert client.zcard(keys.limit_workers("q")) == 0  # nobody keeps a place in line for a day
        Limits(client).reopen("q")
        wait_until(lambda: field(client, job.id, "status") == b"finished", description="it has run")


def test_a_job_that_meets_a_closed_limiter_is_rescheduled_for_when_it_opens(
    server: Server, client: redis.Redis, home: Path
) -> None:
    Limits(client).close(Limit(1, 60, "far"), 3_000)
    job = Queue("q", connection=client, serializer=JSONSerializer).enqueue("tests.workers.limited.polite_for_long", "far")
    run_burst(server, home, "q", "--allow", "tests.workers.limited")
    assert field(client, job.id, "status") == b"scheduled"
    due = client.zscore(keys.registry("scheduled", "q"), job.id)
    assert due is not None
    assert abs(due - time.time() - 3_000) < 30
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"0"
    assert log_lines(client, job.id) == []


def test_the_limit_is_kept_over_a_closing(client: redis.Redis) -> None:
    enter(client, Limit(2, 60, "q"))
    limited.fill(client, "q", 5)
    assert [bool(limited.claim(client, "q")[1]) for _ in range(3)] == [True, True, False]
    Limits(client).close("q", 30)
    assert 29 < limited.claim(client, "q")[0] <= 30
    Limits(client).reopen("q")
    assert limited.claim(client, "q")[0] > 50


def test_what_makes_no_sense_is_refused(client: redis.Redis) -> None:
    with pytest.raises(NotFound, match="no limiter 'none'"):
        Limits(client).close("none", 1)
    with pytest.raises(NotFound, match="no limiter 'none'"):
        Limits(client).reopen("none")
    for seconds in (-1, float("nan"), float("inf"), 31 * DAY):
        with pytest.raises(InvalidInput, match="closed for 0 to"):
            Limits(client).close(Limit(1, 1, "api"), seconds)


@pytest.mark.parametrize("odd", ["soon", "nan", "inf", "-1", "1e300"])
def test_a_time_that_a_person_spoiled_counts_as_none(client: redis.Redis, odd: str) -> None:
    enter(client, Limit(1, 1, "q"))
    client.hset(keys.limit("q"), "closed_until", odd)
    assert closed_for(client, "q") == 0
    with Limits(client).acquire("q", timeout=0):
        pass
    Limits(client).close("q", 100)
    assert 90 < closed_for(client, "q") <= 100
