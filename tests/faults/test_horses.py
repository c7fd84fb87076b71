"""What a job does to its process harms no other job, and is noticed at once."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import redis
from rq import Callback, Queue, Retry

from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, ends, horse_of, status
from tests.support import Server, wait_until
from tests.workers.support import field, working


def test_what_a_forgotten_fork_says_is_not_taken_for_the_end_of_the_next_job(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    first = queue.enqueue(jobs.twice, "runs")
    after = queue.enqueue(jobs.note, "ran", "once", 3)
    with working(server, home, *ALLOW):
        ends(client, first, "finished")
        wait_until(lambda: status(client, after) in ("finished", "failed"), description="it ended")
        assert (status(client, after), after.return_value(), client.llen("ran")) == ("finished", None, 1)


def test_a_horse_that_dies_is_noticed_also_where_its_child_lives(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    """As where the kernel kills a job for its memory while the processes of its pool wait for work."""
    job = queue.enqueue(jobs.orphans, 3, job_timeout=-1)
    with working(server, home, *ALLOW, "--shutdown-timeout", "0"):
        ends(client, job, "failed", timeout=10)


def test_a_signal_to_all_processes_of_a_service_lets_the_job_end(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    """As systemd stops a service, where nothing else is said (KillMode=control-group)."""
    here, go = home / "here", home / "go"
    job = queue.enqueue(jobs.hold, str(here), str(go))
    with working(server, home, *ALLOW) as process:
        wait_until(here.exists, description="it runs")
        for pid in (process.pid, horse_of(process.pid)):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: b"stop requested" in (home / "worker.log").read_bytes(), description="the signal is noted")
        go.touch()
        process.wait(20)
    assert status(client, job) in ("finished", "queued")


def test_a_special_job_that_does_not_end_in_time_is_put_back_in_process_too(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(jobs.sleep, 600, retry=Retry(max=3), on_success=Callback(jobs.done))
    with working(server, home, *ALLOW, "--in-process", "--shutdown-timeout", "0.5") as process:
        ends(client, job, "started")
        process.terminate()
        assert process.wait(20) == 0
    assert (status(client, job), field(client, job.id, "retries_left")) == ("queued", b"3")
    assert client.lrange(keys.queue("default"), 0, -1) == [job.id.encode()]


def test_a_result_that_the_server_does_not_take_fails_its_job_and_the_next_one_runs(own_server: Server, home: Path) -> None:
    with own_server.client() as client:
        client.config_set("proto-max-bulk-len", 1_048_576)
        queue = Queue("default", connection=client)
        large = queue.enqueue(jobs.large, 2_000_000)
        good = queue.enqueue(jobs.give, 1)
        with working(own_server, home, *ALLOW, "--shutdown-timeout", "0"):
            ends(client, good, "finished", timeout=10)
        assert status(client, large) == "failed"


def test_a_horse_that_cannot_be_started_costs_no_attempt_and_is_tried_again(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    """Without a free descriptor a worker starts no process; no memory and too many processes are the same to it."""
    log = home / "worker.log"
    with working(server, home, *ALLOW, "--max-jobs", "1") as process:
        ends(client, queue.enqueue(jobs.give), "finished")  # its connections are open now
        usual = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, usual[1]))
        job = queue.enqueue(jobs.give, 1)
        wait_until(lambda: b"no process can be started" in log.read_bytes(), description="it says so")
        wait_until(lambda: status(client, job) == "queued", description="the job is put back")
        wait_until(lambda: client.llen(queue.key) == 1, description="it waits")
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, usual)
        ends(client, job, "finished")
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"1"
    said = log.read_text()
    assert said.count("no process can be started to run jobs: Too many open files") == 1
    assert "a process could be started after" in said
    assert [line for line in said.splitlines() if "it is tried again" in line and "Redis" in line] == []
