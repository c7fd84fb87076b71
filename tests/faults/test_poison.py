"""A job's record, whatever it holds, never stops a worker, nor the scheduler, nor touches another job."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, ends, status
from tests.support import Server, wait_until
from tests.workers.support import field, run, working


@pytest.mark.parametrize(
    ("name", "value"), [("retry_intervals", "[Infinity]"), ("timeout", "1" + "0" * 400)], ids=["intervals", "timeout"]
)
def test_a_number_out_of_bounds_fails_its_job_and_not_the_worker(
    server: Server, client: redis.Redis, queue: Queue, home: Path, name: str, value: str
) -> None:
    bad = queue.enqueue(jobs.fail, retry=Retry(max=1))
    client.hset(keys.job(bad.id), name, value)
    good = queue.enqueue(jobs.give, 1)
    done = run(home, "--burst", "--url", server.url, *ALLOW)
    assert (done.returncode, status(client, good)) == (0, "finished"), done.stderr[-700:]


def test_such_a_job_of_a_lost_worker_does_not_stop_who_takes_it_up(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    bad = queue.enqueue(jobs.sleep, 600, retry=Retry(max=1))
    client.hset(keys.job(bad.id), "retry_intervals", "[1e999]")
    with working(server, home, *ALLOW, "--lease", "3") as first:
        ends(client, bad, "started")
        first.kill()
        first.wait()
    with working(server, home, *ALLOW, "--lease", "3", "--shutdown-timeout", "0") as second:
        wait_until(
            lambda: second.poll() is not None or field(client, bad.id, keys.FIELD_ATTEMPT) == b"2", description="it is taken up"
        )
        assert second.poll() is None


@pytest.mark.parametrize("mode", [[], ["--in-process"]])
def test_an_unreadable_job_that_others_wait_for_harms_neither_the_job_before_it_nor_the_worker(
    server: Server, client: redis.Redis, queue: Queue, home: Path, mode: list[str]
) -> None:
    before = queue.enqueue(jobs.fail, retry=Retry(max=1, interval=600))
    bad = queue.enqueue(jobs.give)
    queue.enqueue(jobs.give, depends_on=bad)
    client.hset(keys.job(bad.id), "created_at", "yesterday")
    good = queue.enqueue(jobs.give, 1)
    done = run(home, "--burst", "--url", server.url, *ALLOW, *mode)
    seen = (done.returncode, status(client, before), status(client, bad), status(client, good))
    assert seen == (0, "scheduled", "failed", "finished"), done.stderr[-700:]


def test_an_unreadable_job_that_others_wait_for_does_not_stop_a_worker_that_ran_none_before(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    bad = queue.enqueue(jobs.give)
    queue.enqueue(jobs.give, depends_on=bad)
    client.hset(keys.job(bad.id), "created_at", "yesterday")
    good = queue.enqueue(jobs.give, 1)
    done = run(home, "--burst", "--url", server.url, *ALLOW)
    assert (done.returncode, status(client, bad), status(client, good)) == (0, "failed", "finished"), done.stderr[-700:]


def test_an_unreadable_job_that_begins_to_wait_does_not_stop_who_ends_the_job_before_it(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    go = home / "go"
    parent = queue.enqueue(jobs.wait_for, str(go))
    with working(server, home, *ALLOW) as process:
        ends(client, parent, "started")
        child = queue.enqueue(jobs.give, 2, depends_on=parent)
        client.hset(keys.job(child.id), "created_at", "yesterday")
        good = queue.enqueue(jobs.give, 1)
        go.touch()
        wait_until(lambda: process.poll() is not None or status(client, good) == "finished", description="the next one runs")
        assert (process.poll(), status(client, parent)) == (None, "finished")


def test_more_entries_without_a_job_than_are_dropped_at_once_do_not_end_a_burst(
    server: Server, client: redis.Redis, home: Path
) -> None:
    queue = Queue("default", connection=client, serializer=JSONSerializer)
    client.rpush(keys.queue("default"), *(f"gone-{n}" for n in range(1_500)))
    good = queue.enqueue(jobs.give, 1)
    run(home, "--burst", "--url", server.url, *ALLOW)
    assert status(client, good) == "finished"
