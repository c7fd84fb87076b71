"""Connections that carry nothing any more, and that nobody closes, cost no job and leave no worker deaf."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.command import send_shutdown_command

from qtui_workers.engine.worker import Worker
from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, ends
from tests.faults.way import way
from tests.support import Server, wait_until
from tests.workers.support import field, run_burst, working

SHORT = ("--lease", "3")


def beats(client: redis.Redis, name: str, number: int) -> None:
    """Returns when that worker has sent so many heartbeats from now on."""
    seen: set[bytes | None] = set()

    def enough() -> bool:
        seen.add(client.hget(keys.worker(name), "last_heartbeat"))
        return len(seen) > number

    wait_until(enough, description=f"{number} heartbeats", timeout=60)


def test_a_worker_whose_connections_fall_silent_keeps_its_job(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    go = home / "go"
    job = queue.enqueue(jobs.wait_for, str(go))
    with way(server) as leading, working(server, home, *ALLOW, *SHORT, "--url", leading.url, "--name", "far"):
        ends(client, job, "started")
        with working(server, home, *ALLOW, *SHORT, "--name", "near", log_name="near.log"):
            beats(client, "near", 2)
            leading.fall_silent()
            beats(client, "near", 12)  # three times as long as a lease
            go.touch()
            ends(client, job, "finished")
    assert (field(client, job.id, keys.FIELD_ATTEMPT), field(client, job.id, "worker_name")) == (b"1", b"far")


def waiting_connections(client: redis.Redis) -> dict[str, str]:
    """The ids of the newest connections that wait for commands (P) and for changes of queues (t).

    The server lists them in any order, and knows for long of one that has fallen silent and was given up.
    """
    oldest_first = sorted(client.client_list(), key=lambda one: int(one["id"]))
    return {flag: one["id"] for one in oldest_first for flag in "Pt" if flag in one["flags"]}


def test_a_worker_whose_connections_fall_silent_hears_commands_and_of_jobs_again(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    with way(server) as leading, working(server, home, *ALLOW, *SHORT, "--url", leading.url, "--name", "far") as process:
        ends(client, queue.enqueue(jobs.give), "finished")
        wait_until(lambda: len(waiting_connections(client)) == 2, description="it waits on two connections")
        before = waiting_connections(client)
        leading.fall_silent()

        def replaced() -> bool:
            after = waiting_connections(client)
            return len(after) == 2 and not set(after.values()) & set(before.values())

        wait_until(replaced, description="it waits on two other connections", timeout=40)
        ends(client, queue.enqueue(jobs.give), "finished", timeout=2)

        def ended() -> bool:
            send_shutdown_command(client, "far")
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            return process.poll() == 0

        wait_until(ended, description="it hears the command")


@pytest.mark.parametrize(("lease", "seconds"), [(30, 5), (3, 1)])
def test_a_worker_waits_for_a_reply_for_a_part_of_its_lease(client: redis.Redis, lease: float, seconds: float) -> None:
    Worker(["default"], connection=client, lease=lease)
    assert client.connection_pool.get_connection().socket_timeout == seconds


def test_the_code_of_a_job_may_wait_longer(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(jobs.patience)
    run_burst(server, home, *ALLOW)
    assert job.return_value() == 30
