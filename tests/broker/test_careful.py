"""Retrying with care: what stops it, what is spread and when, and how that is taken back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry, ScheduledJobRegistry

from qtui.broker import careful_retry, holds
from qtui.broker.careful_retry import TAKE_BACK, Care, batch_of
from qtui.broker.operations import Matching, Plan, Report, plan, run
from qtui.broker.operations.retry import RETRY
from qtui.broker.status import Status
from qtui_workers.enqueue.holds import parse
from qtui_workers.errors import InvalidInput, Refused
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.watching import digest
from tests.support import wait_until

FAILED = Matching("mail", Status.FAILED)


@pytest.fixture
def failed(client: redis.Redis) -> list[str]:
    """Forty failed jobs."""
    (first,) = seed.failed(client)
    seed.copies(client, first, 39)
    return [entry.decode() for entry in client.zrange(keys.registry("failed", "mail"), 0, -1)]


@contextmanager
def worker_that(client: redis.Redis, ends: str, queue: str = "mail") -> Iterator[None]:
    """Ends every queued job at once, in the registry of that name."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            popped = client.lpop(keys.queue(queue))
            if popped is None:
                done.wait(0.01)
                continue
            job_id = popped.decode()
            client.hset(keys.job(job_id), "status", ends)
            client.zadd(keys.registry(ends, queue), {job_id: 2e9})

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def retry(client: redis.Redis, care: Care, planned: Plan | None = None) -> tuple[Report, list[str]]:
    """The report, and what was said meanwhile."""
    steps: list[str] = []
    found = planned or plan(client, RETRY, FAILED)
    return careful_retry.run(client, found, care, on_step=steps.append), steps


def count(client: redis.Redis, status: str) -> int:
    return int(client.zcard(keys.registry(status, "mail")))


def test_the_others_follow_when_the_canary_has_finished(client: redis.Redis, failed: list[str]) -> None:
    with worker_that(client, "finished"):
        report, steps = retry(client, Care(canary=5))
        wait_until(lambda: count(client, "finished") == 40, description="all have run")
    assert (report.matched, report.done, report.skipped) == (40, 40, 0)
    assert steps[-1] == ""
    assert all(step.startswith("canary: ") and "of 5 finished" in step for step in steps[:-1])
    assert client.hget(keys.job(failed[0]), "status") == b"finished"


def test_nothing_follows_a_canary_that_fails_again(client: redis.Redis, failed: list[str]) -> None:
    with worker_that(client, "failed"):
        report, _ = retry(client, Care(canary=5))
        wait_until(lambda: count(client, "failed") == 40, description="the whole canary has failed again")
    assert (report.done, report.skipped, report.failed) == (5, 35, 0)
    (why,) = report.reasons
    assert why.startswith("not tried: ")
    assert why.endswith("of 5 retried jobs failed again, more than 10 %") or "retried jobs failed again, more than 10 %" in why
    assert len(report.ids[why]) == 20


def test_a_canary_that_does_not_end_stops_it(client: redis.Redis, failed: list[str]) -> None:
    report, _ = retry(client, Care(canary=2, patience=0.1))
    assert report.reasons == {"not tried: 2 of the first 2 have not ended within 0.1 s": 38}


def test_a_canary_that_is_put_into_hold_stops_it(client: redis.Redis, failed: list[str]) -> None:
    wanted = parse(["fail"])
    holds.place(client, wanted)
    planned = plan(client, RETRY, FAILED)
    report = careful_retry.run(client, planned, Care(canary=2, patience=20), on_step=lambda _text: holds.sweep(client, wanted))
    assert report.reasons == {"not tried: retried jobs are in hold, where nobody runs them": 38}


def test_at_a_rate_it_takes_its_time_and_stops_where_too_many_fail_again(client: redis.Redis, failed: list[str]) -> None:
    began = time.monotonic()
    with worker_that(client, "finished"):
        report, _ = retry(client, Care(rate=60))
    assert report.done == 40
    assert time.monotonic() - began > 0.6

    seed.copies(client, failed[0], 300)
    client.hset(keys.job(failed[0]), "status", "finished")
    for number in range(300):
        client.hset(keys.job(f"copy-{number}"), "status", "failed")
    with worker_that(client, "failed"):
        report, _ = retry(client, Care(rate=100, most_failing=0.5))
    assert 10 <= report.done < 200
    assert report.done + report.skipped == report.matched
    assert "retried jobs failed again, more than 50 %" in next(iter(report.reasons))


def test_it_is_stopped_between_two_jobs(client: redis.Redis, failed: list[str]) -> None:
    calls = iter([False] * 4 + [True] * 1_000)
    report = careful_retry.run(client, plan(client, RETRY, FAILED), Care(rate=1), stop=lambda: next(calls))
    assert report.done < 5
    assert report.done + report.skipped == 40


def spread(client: redis.Redis, seconds: float) -> Report:
    client.set(keys.scheduler_lock("mail"), "scheduler")
    return retry(client, Care(over=seconds))[0]


def test_jobs_are_spread_evenly_and_in_their_order(client: redis.Redis, failed: list[str]) -> None:
    report = spread(client, 400.0)
    assert report.done == 40
    assert list(report.reasons) == [
        f"scheduled over 6.66667 min; qtui cancel --batch {report.batch} takes back those that are not due yet"
    ]
    due = client.zrange(keys.registry("scheduled", "mail"), 0, -1, withscores=True)
    assert [job_id.decode() for job_id, _ in due] == failed
    assert {later - earlier for (_, earlier), (_, later) in pairwise(due)} == {10.0}
    now = client.time()[0]
    assert abs(due[0][1] - now) < 5
    assert Job.fetch(failed[0], connection=client).get_status() == "scheduled"
    assert ScheduledJobRegistry("mail", connection=client).get_scheduled_time(failed[0])


def test_they_are_spread_evenly_also_where_a_chunk_comes_seconds_after_the_one_before(
    client: redis.Redis, failed: list[str]
) -> None:
    client.set(keys.scheduler_lock("mail"), "scheduler")

    def until_the_next_second(*_: int) -> None:
        second = client.time()[0]
        wait_until(lambda: client.time()[0] > second, description="the next second")

    careful_retry.run(client, plan(client, RETRY, FAILED), Care(over=400.0), on_progress=until_the_next_second)
    due = client.zrange(keys.registry("scheduled", "mail"), 0, -1, withscores=True)
    assert {later - earlier for (_, earlier), (_, later) in pairwise(due)} == {10.0}


def test_what_is_not_due_yet_is_taken_back_as_it_was(client: redis.Redis, failed: list[str]) -> None:
    before = digest(client)
    batch = spread(client, 3_600.0).batch
    client.delete(keys.scheduler_lock("mail"))
    report = run(client, TAKE_BACK, batch_of(batch), batch)
    assert (report.done, report.skipped) == (40, 0)
    assert digest(client) == before
    assert FailedJobRegistry("mail", connection=client).get_job_count(cleanup=False) == 40


def test_what_has_run_meanwhile_is_not_taken_back(client: redis.Redis, failed: list[str]) -> None:
    batch = spread(client, 3_600.0).batch
    ScheduledJobRegistry("mail", connection=client).remove(failed[0])
    Queue("mail", connection=client).enqueue_job(Job.fetch(failed[0], connection=client))
    report = run(client, TAKE_BACK, batch_of(batch), batch)
    assert report.done == 39
    assert run(client, TAKE_BACK, batch_of("other"), "other").matched == 0


def test_nothing_is_spread_where_no_scheduler_lives(client: redis.Redis, failed: list[str]) -> None:
    before = digest(client)
    with pytest.raises(Refused, match="no scheduler is alive for mail"):
        retry(client, Care(canary=5, over=60.0))
    assert digest(client) == before


def test_a_job_that_is_spread_runs_when_it_is_due(client: redis.Redis, failed: list[str]) -> None:
    spread(client, 1.0)
    seed.work(client, "mail")
    assert count(client, "scheduled") + count(client, "failed") == 40


@pytest.mark.parametrize("text", ["", "0", "-3/s", "5/week", "x/s", "1e9"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        careful_retry.read_rate(text)


def test_care_in_words_and_as_options() -> None:
    assert [str(care) for care in careful_retry.CHOICES] == [
        "at once", "canary 5, then at once", "canary 5, then over 30 min", "over 30 min", "50 a second",
    ]  # fmt: skip
    assert [care.short for care in careful_retry.CHOICES] == ["now", "canary 5", "canary 5, over 30 min", "over 30 min", "50/s"]
    assert Care(canary=5, over=1_800).options == ["--canary", "5", "--over", "1800s"]
    assert (careful_retry.read_rate("300/m"), careful_retry.read_share("25%"), careful_retry.read_seconds("30m")) == (
        5.0,
        0.25,
        1_800.0,
    )
    with pytest.raises(InvalidInput):
        Care(rate=1, over=1)
