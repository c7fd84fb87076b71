"""Two workers that live never have the same name; the name of one that was killed is free after one lease."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import redis
from rq import Callback, Queue

from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, ends, status
from tests.support import Server, wait_until
from tests.workers.support import field, run, working

NAMED = (*ALLOW, "--name", "w1")
TAKEN = "a worker named 'w1' is there already: choose another --name"


def test_a_worker_whose_name_is_taken_is_refused_and_leaves_the_other_alone(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(jobs.wait_for, str(home / "go"))
    with working(server, home, *NAMED, "--lease", "3"):
        ends(client, job, "started")
        before = client.hget(keys.worker("w1"), "birth")
        done = run(home, "--url", server.url, *NAMED)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (5, f"qtui-worker: {TAKEN}")
        assert client.hmget(keys.worker("w1"), "birth", "death") == [before, None]
        assert client.smembers(keys.WORKERS) == {b"rq:worker:w1"} == client.smembers(keys.queue_workers("default"))
        assert client.exists(keys.worker_executions("w1"))
        (home / "go").touch()
        ends(client, job, "finished")


def test_the_name_of_a_worker_that_was_killed_is_free_after_one_lease(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    """As where a service starts a worker of a fixed name again."""
    lease = 4
    with working(server, home, *NAMED, "--lease", str(lease)) as first:
        ends(client, queue.enqueue(jobs.give), "finished")
        wait_until(lambda: 0 < client.ttl(keys.worker("w1")) <= lease, description="its record lasts one lease")
        first.kill()
        first.wait()
        with working(server, home, *NAMED, "--lease", str(lease), log_name="second.log") as second:
            assert client.hget(keys.worker("w1"), "pid") == str(second.pid).encode()
            ends(client, queue.enqueue(jobs.give), "finished")
    assert "waiting whether its record expires" in (home / "second.log").read_text()
    assert client.smembers(keys.WORKERS) == set()


def test_the_name_of_a_worker_that_may_live_is_not_taken(server: Server, client: redis.Redis, home: Path) -> None:
    """As of an idle `rq worker`, whose heartbeats are minutes apart."""
    record = {"birth": "", "last_heartbeat": "2026-01-01T00:00:00.000000Z"}
    client.hset(keys.worker("w1"), mapping=record)
    done = run(home, "--url", server.url, *NAMED, "--lease", "3")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (5, f"qtui-worker: {TAKEN}")
    assert client.hgetall(keys.worker("w1")) == {name.encode(): value.encode() for name, value in record.items()}


def test_a_worker_goes_on_whose_record_expired_while_a_special_job_ended(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    """As after an outage: RQ's own code then counts the job in a record that is not there any more."""
    here, go = home / "here", home / "go"
    job = queue.enqueue(jobs.hold, str(here), str(go), on_success=Callback(jobs.forget_worker, timeout=20))
    with working(server, home, *NAMED, "--lease", "6") as process:
        wait_until(here.exists, description="it runs")
        go.touch()
        ends(client, job, "finished")
        wait_until(lambda: client.hexists(keys.worker("w1"), "birth"), description="the worker is on record again")
        ends(client, queue.enqueue(jobs.give), "finished")
        assert process.poll() is None


def test_a_worker_whose_name_went_to_another_while_it_was_silent_ends_and_puts_its_job_back(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(jobs.sleep, 600)
    with working(server, home, *NAMED, "--lease", "12") as old:
        ends(client, job, "started")
        os.kill(old.pid, signal.SIGSTOP)
        client.delete(keys.worker("w1"))  # as at its expiry
        with working(server, home, "other", "--name", "w1", log_name="second.log") as new:
            os.kill(old.pid, signal.SIGCONT)
            assert old.wait(20) == 5
            assert TAKEN in (home / "worker.log").read_text()
            assert client.hmget(keys.worker("w1"), "pid", "death") == [str(new.pid).encode(), None]
            assert (status(client, job), field(client, job.id, keys.FIELD_ATTEMPT)) == ("queued", b"0")
