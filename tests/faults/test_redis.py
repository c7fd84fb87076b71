"""What Redis does, and who is away, costs no job and no attempt."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import redis
from rq import Callback, Queue, Retry

from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, children, ends, status
from tests.faults.way import way
from tests.support import Server, patience, wait_until
from tests.workers.support import field, working


def test_a_job_whose_claim_was_not_heard_of_is_put_back_by_a_worker_that_leaves(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    """The reply to a claim is lost, and a signal comes before Redis is back."""
    with way(server) as leading, working(server, home, *ALLOW, "--url", leading.url, "--name", "leaver") as process:
        ends(client, queue.enqueue(jobs.give), "finished")
        leading.lose = b"retries_left"
        job = queue.enqueue(jobs.give, 2, retry=Retry(max=1))
        ends(client, job, "started")
        wait_until(lambda: b"Waiting for it" in (home / "worker.log").read_bytes(), description="it is noticed")
        process.terminate()
        wait_until(lambda: b"stop requested" in (home / "worker.log").read_bytes() or process.poll() is not None, description="-")
        leading.open = True
        process.wait(30)
    assert (status(client, job), field(client, job.id, keys.FIELD_ATTEMPT)) == ("queued", b"0")


def test_a_worker_follows_a_failover_that_leaves_its_connections_open(
    server: Server, client: redis.Redis, own_server: Server, home: Path
) -> None:
    """The old primary takes no writes any more, and the name of the service stands for the new one."""
    arguments = (*ALLOW, "--shutdown-timeout", "0")
    with way(own_server) as leading, own_server.client() as old, working(own_server, home, *arguments, "--url", leading.url):
        ends(old, Queue("default", connection=old).enqueue(jobs.give), "finished")
        leading.path = server.socket
        old.replicaof("127.0.0.1", "1")
        ends(client, Queue("default", connection=client).enqueue(jobs.give), "finished", timeout=30)


def test_workers_whose_pool_was_killed_end_together(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    running = [queue.enqueue(jobs.sleep, 600) for _ in range(4)]
    with working(server, home, *ALLOW, "--concurrency", "4", "--shutdown-timeout", "3") as process:
        for job in running:
            ends(client, job, "started")
        pids = children(process.pid)
        process.kill()
        process.wait()
        try:
            all_gone = "all are gone: each waits 3 seconds for its job, none for another worker"
            wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), description=all_gone, timeout=patience(8))
        finally:
            for pid in pids:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)


def test_a_special_job_that_ends_while_redis_is_away_is_not_failed(own_server: Server, home: Path) -> None:
    """As a plain one: its ending waits until Redis is back, which is longer than the code of its job waits for Redis."""
    here, go = home / "here", home / "go"
    with working(own_server, home, module="tests.faults.impatient"), own_server.client() as client:
        queue = Queue("default", connection=client)
        job = queue.enqueue(jobs.hold, str(here), str(go), on_success=Callback(jobs.done))
        wait_until(here.exists, description="it runs")
        own_server.kill()
        go.touch()
        back_at = time.monotonic() + 2.5
        wait_until(lambda: time.monotonic() > back_at, description="Redis is away")
        own_server.start()
        wait_until(lambda: status(client, job) != "started", description="it ended", timeout=60)
        assert status(client, job) == "finished"
