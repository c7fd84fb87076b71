"""Who lost its lease changes nothing any more, and who holds a job keeps it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import redis
from rq import Callback, Queue, Retry
from rq.command import send_stop_job_command

from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, children, ends, horse_of, status
from tests.support import Server, wait_until
from tests.workers.support import working

SHORT = ("--lease", "3")


@pytest.mark.long
@pytest.mark.parametrize("special", ["callback", "dependent"])
def test_a_worker_that_slept_past_its_lease_does_not_end_the_job_of_another(
    server: Server, client: redis.Redis, queue: Queue, home: Path, special: str
) -> None:
    go = home / "go"
    callback = Callback(jobs.done) if special == "callback" else None
    job = queue.enqueue(jobs.wait_for, str(go), retry=Retry(max=1, interval=600), on_success=callback)
    with working(server, home, *ALLOW, *SHORT, log_name="a.log") as first:
        ends(client, job, "started")
        if special == "dependent":
            queue.enqueue(jobs.give, depends_on=job)
        horse = horse_of(first.pid)
        asleep = [first.pid, *children(first.pid)]
        assert horse in asleep
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        try:
            with working(server, home, *ALLOW, *SHORT, log_name="b.log"):
                ends(client, job, "scheduled")  # the lease ran out: another attempt, in ten minutes
            go.touch()
        finally:
            for pid in asleep:
                os.kill(pid, signal.SIGCONT)
        wait_until(lambda: job.id.encode() in (home / "a.log").read_bytes(), description="it is done")
    assert (status(client, job), client.exists("callbacks")) == ("scheduled", 0)


def test_the_process_of_a_job_whose_lease_is_lost_is_ended(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(jobs.sleep, 600)
    with working(server, home, *ALLOW, *SHORT, "--shutdown-timeout", "0"):
        ends(client, job, "started")
        client.delete(keys.registry("wip", "default"))  # as who takes it up does
        ends(client, queue.enqueue(jobs.give, 1), "finished", timeout=10)


@pytest.mark.parametrize("special", [False, True])
def test_a_job_that_is_canceled_while_it_runs_is_left_to_run_to_its_end(
    server: Server, client: redis.Redis, queue: Queue, home: Path, special: bool
) -> None:
    """RQ takes its lease then; the worker that runs it gives the next signs of life all the same."""
    go, lease = home / "go", keys.registry("wip", "default")
    job = queue.enqueue(jobs.wait_for, str(go), on_success=Callback(jobs.done) if special else None)
    with working(server, home, *ALLOW, *SHORT):
        ends(client, job, "started")
        job.refresh()
        job.cancel()
        for _ in range(3):
            client.delete(lease)
            wait_until(lambda: client.exists(lease), description="a sign of life")
        go.touch()
        ends(client, job, "finished")
    assert client.exists("callbacks") == special


def test_a_job_that_was_canceled_is_not_put_back_by_a_worker_that_leaves(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(jobs.sleep, 600)
    with working(server, home, *ALLOW, "--shutdown-timeout", "0") as process:
        ends(client, job, "started")
        job.refresh()
        job.cancel()
        process.terminate()
        process.wait(20)
    assert (status(client, job), client.llen(keys.queue("default"))) == ("canceled", 0)


@pytest.mark.parametrize("special", [False, True])
def test_a_job_that_was_canceled_while_it_runs_can_still_be_stopped(
    server: Server, client: redis.Redis, queue: Queue, home: Path, special: bool
) -> None:
    job = queue.enqueue(jobs.sleep, 600, on_stopped=Callback(jobs.stopped) if special else None)
    with working(server, home, *ALLOW):
        ends(client, job, "started")
        job.refresh()
        job.cancel()
        send_stop_job_command(client, job.id)
        ends(client, job, "stopped")
    assert client.exists("callbacks") == special


@pytest.mark.long
def test_what_follows_the_loss_of_a_worker_does_not_cost_its_finder_the_job_that_it_runs(
    server: Server, client: redis.Redis, home: Path
) -> None:
    """The failure callback of the lost job takes longer than a lease."""
    go = home / "go"
    left = Queue("left", connection=client).enqueue(jobs.sleep, 600, on_failure=Callback(jobs.slowly_failed))
    with working(server, home, "left", *ALLOW[1:], *SHORT, log_name="a.log") as lost:
        ends(client, left, "started")
        lost.kill()
        lost.wait()
    mine = Queue("default", connection=client).enqueue(jobs.wait_for, str(go))
    with working(server, home, *ALLOW, "left", *SHORT, log_name="b.log"):
        ends(client, mine, "started", timeout=5)
        with working(server, home, *ALLOW, *SHORT, log_name="c.log"):
            ends(client, left, "failed")
            until = time.monotonic() + 10
            wait_until(lambda: status(client, mine) != "started" or time.monotonic() > until, description="ten seconds pass")
            go.touch()
            wait_until(lambda: status(client, mine) != "started", description="it ended")
    assert status(client, mine) == "finished"
