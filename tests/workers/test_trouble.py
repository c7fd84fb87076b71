"""Trouble of a worker's own, as those who watch the events see it, and how many workers a pool has."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import redis
from rq import Callback, Queue
from rq.command import send_kill_horse_command

from qtui_workers.reporting import events
from qtui_workers.reporting.events import Event, EventKind
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.engine import MODULE
from tests.workers.support import field, working

ALLOW = ("default", "--allow-pickle", "--allow", MODULE, "--name", "w1")


def told(client: redis.Redis) -> list[Event]:
    return [event for event in events.read(client) if event.kind == EventKind.WORKER_ERROR]


def starts(client: redis.Redis, job_id: str) -> None:
    wait_until(lambda: field(client, job_id, "status") == b"started", description="the job is started")


def test_a_horse_that_dies_is_reported_with_its_job(server: Server, client: redis.Redis, home: Path) -> None:
    job = Queue("default", connection=client).enqueue(engine.sleep, 600)
    with working(server, home, *ALLOW):
        starts(client, job.id)
        send_kill_horse_command(client, "w1")
        wait_until(lambda: told(client), description="the trouble is told")
    [event] = told(client)
    assert (event.source.job, event.source.queue, event.source.worker) == (job.id, "default", "w1")
    assert "Work-horse terminated unexpectedly" in str(event.details["error"])


def test_an_absence_of_redis_is_reported_when_it_is_over(own_server: Server, home: Path) -> None:
    with own_server.client() as client, working(own_server, home, *ALLOW, "--lease", "3"):
        own_server.kill()
        wait_until(lambda: b"Waiting for it" in (home / "worker.log").read_bytes(), description="it is noticed")
        own_server.start()
        wait_until(lambda: told(client), description="the trouble is told")
        [event] = told(client)
    assert event.source.worker == "w1"
    assert str(event.details["error"]).startswith("Redis was away, or refused this worker, for ")


def test_a_callback_of_a_lost_workers_job_runs_once_and_cannot_harm_the_worker_that_found_it(
    server: Server, client: redis.Redis, home: Path
) -> None:
    queue = Queue("default", connection=client)
    callback = Callback(engine.crash_on_failure)
    job = queue.enqueue(engine.sleep, 600, on_failure=callback)
    with working(server, home, *ALLOW, "--lease", "3") as process:
        starts(client, job.id)
        process.kill()
        process.wait()
    with working(server, home, *ALLOW[:-1], "w2", "--lease", "3") as process:
        said = home / "worker.log"
        wait_until(lambda: b"did not come to its end" in said.read_bytes(), description="it is noticed", timeout=30)
        after = queue.enqueue(engine.give)
        wait_until(lambda: field(client, after.id, "status") == b"finished", description="the next job is worked")
        assert process.poll() is None
    assert client.lrange("callbacks", 0, -1) == [f"crash {job.id}".encode()]
    assert field(client, job.id, "status") == b"failed"


def test_a_lost_job_keeps_the_time_of_its_start(server: Server, client: redis.Redis, home: Path) -> None:
    job = Queue("default", connection=client).enqueue(engine.sleep, 600)
    with working(server, home, *ALLOW, "--lease", "3") as process:
        starts(client, job.id)
        started = field(client, job.id, "started_at")
        process.kill()
        process.wait()
    with working(server, home, *ALLOW[:-1], "w2", "--lease", "3"):
        wait_until(lambda: field(client, job.id, "status") == b"failed", description="its loss is noticed", timeout=30)
    assert field(client, job.id, "started_at") == started
    job.refresh()
    result = job.latest_result()
    assert result is not None
    assert result.execution_started_at == job.started_at
    assert result.execution_ended_at > result.execution_started_at + timedelta(seconds=1)


def test_signals_change_how_many_workers_a_pool_has_and_none_of_them_loses_its_job(
    server: Server, client: redis.Redis, home: Path
) -> None:
    def names() -> set[str]:
        return {name.decode().rpartition(":")[2] for name in client.smembers("rq:workers")}

    go = home / "go"
    with working(server, home, *ALLOW, "--concurrency", "2") as pool:
        wait_until(lambda: names() == {"w1-1", "w1-2"}, description="two work")
        os.kill(pool.pid, signal.SIGTTIN)
        wait_until(lambda: names() == {"w1-1", "w1-2", "w1-3"}, description="a third works")
        jobs = [Queue("default", connection=client).enqueue(engine.wait_for, str(go)) for _ in range(3)]
        log = home / "worker.log"
        wait_until(lambda: log.read_text().count(" begins, attempt") == 3, description="each runs a job")
        os.kill(pool.pid, signal.SIGTTOU)
        wait_until(lambda: client.hget("rq:worker:w1-3", "shutdown_requested_date"), description="the third is asked to go")
        go.touch()
        wait_until(lambda: names() == {"w1-1", "w1-2"}, description="two are left")
        for job in jobs:
            wait_until(lambda job=job: field(client, job.id, "status") == b"finished", description="its job is finished")
