"""Stopping running jobs, and commands to workers: real workers, ours and RQ's own, carry them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, Retry
from rq.job import Job

from qtui.broker.models import WorkerRow
from qtui.broker.operations import Chosen, Matching, plan, run
from qtui.broker.operations.retry import RETRY
from qtui.broker.operations.stop import STOP
from qtui.broker.status import Status
from qtui.broker.workers import registered_workers
from qtui.broker.workers.worker_commands import COMMANDS, send
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.both_kinds import KINDS, worker
from tests.broker.watching import digest
from tests.support import Server, wait_until
from tests.workers import engine


def begun(client: redis.Redis, queue: str = "default", **options: Any) -> Job:
    """A job that a worker runs now, and would run for long."""
    job = Queue(queue, connection=client).enqueue(engine.sleep, 600, **options)
    wait_until(lambda: job.get_status() == "started", description="the job runs")
    return job


def known(client: redis.Redis, name: str = "w1") -> WorkerRow:
    return next(row for row in registered_workers.load(client) if row.name == name)


@KINDS
def test_a_stopped_job_ends_is_not_tried_again_and_can_be_retried(
    server: Server, client: redis.Redis, home: Path, kind: str
) -> None:
    with worker(kind, server, home) as process:
        job = begun(client, retry=Retry(max=3))
        assert plan(client, STOP, Chosen((job.id,))).reasons == {"through worker w1": 1}
        report = run(client, STOP, Chosen((job.id,)))
        assert (report.done, report.skipped, report.reasons) == (1, 0, {"through worker w1": 1})
        assert STOP.summary(report) == "1 asked to stop; 1 × through worker w1"
        wait_until(lambda: job.get_status() == "stopped", description="the job is stopped")
        assert process.poll() is None
        assert client.zscore(keys.registry("failed", "default"), job.id)
        assert run(client, RETRY, Chosen((job.id,))).done == 1
        wait_until(lambda: job.get_status() == "started", description="the job runs again")
        run(client, STOP, Chosen((job.id,)))
        wait_until(lambda: job.get_status() == "stopped", description="the job is stopped again")


def test_all_running_jobs_of_a_queue_are_stopped_and_those_of_others_run_on(
    server: Server, client: redis.Redis, home: Path
) -> None:
    with worker("rq worker", server, home, "w1", "mail"), worker("qtui-worker", server, home, "w2", "media"):
        mail, media = begun(client, "mail"), begun(client, "media")
        found = plan(client, STOP, Matching("mail", Status.STARTED))
        assert [row.id for row in found.sample] == [mail.id]
        assert run(client, STOP, found).reasons == {"through worker w1": 1}
        wait_until(lambda: mail.get_status() == "stopped", description="the job in mail is stopped")
        assert media.get_status() == "started"
        assert run(client, STOP, Matching(None, Status.STARTED)).done == 1
        wait_until(lambda: media.get_status() == "stopped", description="the job in media is stopped")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c, i: None, "its worker hears no commands"),
        (lambda c, i: c.delete(keys.worker("w1")), "its worker is gone"),
        (lambda c, i: c.hset(keys.job(i), "worker_name", ""), "its worker is gone"),
        (lambda c, i: c.hset(keys.job(i), "status", "finished"), "it does not run"),
        (lambda c, i: c.delete(keys.job(i)), "the job is gone"),
        (lambda c, i: (c.delete(keys.job(i)), c.set(keys.job(i), "x")), "the job's key is not a hash"),
    ],
)
def test_a_job_that_nobody_can_stop_is_left_with_the_reason(client: redis.Redis, spoil: object, reason: str) -> None:
    seeded = seed.everything(client)  # its worker w1 is registered, but is no process
    job_id = seeded.first(Status.STARTED)
    assert callable(spoil)
    spoil(client, job_id)
    before = digest(client)
    assert plan(client, STOP, Chosen((job_id,))).reasons == {reason: 1}
    report = run(client, STOP, Chosen((job_id,)))
    assert (report.done, report.skipped, report.reasons) == (0, 1, {reason: 1})
    assert digest(client) == before


def test_an_id_that_workers_cannot_read_is_not_sent(client: redis.Redis) -> None:
    client.hset(keys.job("é"), mapping={"status": "started", "origin": "mail", "worker_name": "w1"})
    assert run(client, STOP, Chosen(("é",))).reasons == {"its id is none that RQ allows": 1}


def test_a_server_that_allows_no_channel_is_reported(server: Server, client: redis.Redis, home: Path) -> None:
    with worker("qtui-worker", server, home):
        job = begun(client)
        client.acl_setuser("mute", enabled=True, nopass=True, categories=["+@all"], keys=["*"], channels=[], reset_channels=True)
        try:
            with redis.Redis(unix_socket_path=server.socket, username="mute", password="") as mute:
                assert run(mute, STOP, Chosen((job.id,))).reasons == {"the server lets us send no commands": 1}
        finally:
            client.acl_deluser("mute")
        assert job.get_status() == "started"
        run(client, STOP, Chosen((job.id,)))


@KINDS
def test_stop_job_ends_the_job_that_the_worker_runs(server: Server, client: redis.Redis, home: Path, kind: str) -> None:
    with worker(kind, server, home) as process:
        job = begun(client)
        assert send(client, known(client), COMMANDS["stop-job"]) is None
        wait_until(lambda: job.get_status() == "stopped", description="the job is stopped")
        assert process.poll() is None


@KINDS
def test_shutdown_lets_the_job_end_and_the_worker_leaves(server: Server, client: redis.Redis, home: Path, kind: str) -> None:
    go = home / "go"
    with worker(kind, server, home) as process:
        job = Queue("default", connection=client).enqueue(engine.wait_for, str(go))
        wait_until(lambda: job.get_status() == "started", description="the job runs")
        other = Queue("default", connection=client).enqueue(engine.give)
        assert send(client, known(client), COMMANDS["shutdown"]) is None
        wait_until(lambda: client.hget(keys.worker("w1"), "shutdown_requested_date"), description="it is noted")
        go.touch()
        assert process.wait(20) == 0
    assert (job.get_status(), other.get_status()) == ("finished", "queued")


@KINDS
def test_kill_horse_fails_the_job_and_the_worker_goes_on(server: Server, client: redis.Redis, home: Path, kind: str) -> None:
    with worker(kind, server, home):
        job = begun(client)
        assert send(client, known(client), COMMANDS["kill-horse"]) is None
        wait_until(lambda: job.get_status() == "failed", description="the job failed")
        after = Queue("default", connection=client).enqueue(engine.give)
        wait_until(lambda: after.get_status() == "finished", description="the next job is done")


def test_a_command_that_nobody_would_obey_is_not_sent_and_the_reason_is_reported(client: redis.Redis) -> None:
    seed.everything(client)
    busy = known(client)
    assert send(client, busy, COMMANDS["stop-job"]) == "it hears no commands"
    client.delete(f"{keys.worker('w1')}:executions")
    assert send(client, known(client), COMMANDS["stop-job"]) == "it runs no job"
    client.delete(keys.worker("w1"))
    assert send(client, known(client), COMMANDS["shutdown"]) == "it has fallen silent"
