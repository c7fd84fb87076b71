"""What becomes of a pool when one of its workers dies or is refused, and of signals that only a pool heeds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import redis

from tests.support import Server, wait_until
from tests.workers.support import field, run, working
from workers import keys
from workers.producer import QueueService

PAIR = ("--concurrency", "2", "--name", "pair")


def test_a_name_that_is_taken_ends_the_pool_and_is_said_once(server: Server, home: Path) -> None:
    with working(server, home, *PAIR):
        done = run(home, "--url", server.url, *PAIR)
    assert done.returncode == 5
    assert done.stderr.count("is there already: choose another --name") == 1
    assert "another takes its place" not in done.stderr


def test_a_wrong_password_ends_the_pool_and_is_said_once(own_server: Server, home: Path) -> None:
    with own_server.client() as client:
        client.config_set("requirepass", "the right one")
    done = run(home, "--url", f"unix://:wrong@{own_server.socket}", "--concurrency", "3")
    assert done.returncode == 3
    assert done.stderr.count("refused the user name or password") == 1
    assert "another takes its place" not in done.stderr


def test_how_many_may_come_from_the_environment(server: Server, client: redis.Redis, home: Path) -> None:
    with working(server, home, JOB_CONCURRENCY="2"):
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
    assert "JOB_CONCURRENCY: must be at most 256" in run(home, "--burst", JOB_CONCURRENCY="1000").stderr


def test_one_of_a_named_pool_that_was_killed_is_replaced_at_once(server: Server, client: redis.Redis, home: Path) -> None:
    with working(server, home, *PAIR):
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
        os.kill(int(client.hget("rq:worker:pair-1", "pid") or 0), signal.SIGKILL)
        wait_until(lambda: client.exists("rq:worker:pair-1.2"), description="another took its place", timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTTIN, signal.SIGTTOU])
def test_a_signal_to_resize_does_not_stop_a_worker_that_is_alone(
    server: Server, client: redis.Redis, home: Path, number: signal.Signals
) -> None:
    service = QueueService(client)
    with working(server, home) as process:
        os.kill(process.pid, number)
        job_id = service.enqueue("test_job").id
        wait_until(lambda: field(client, job_id, "status") == b"finished", description="it goes on")


def test_a_signal_to_resize_does_not_stop_a_process_of_a_pool_nor_its_horse(
    server: Server, client: redis.Redis, home: Path
) -> None:
    service = QueueService(client)
    with working(server, home, *PAIR):
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
        ids = [service.enqueue("test_job", {"seconds": 1}).id for _ in range(2)]
        wait_until(lambda: [field(client, i, "status") for i in ids] == [b"started"] * 2, description="both work")
        for name in client.smembers(keys.WORKERS):
            worker = int(client.hget(name, "pid") or 0)
            children = Path(f"/proc/{worker}/task/{worker}/children")
            wait_until(children.read_text, description="it has a horse")
            for pid in [worker, *map(int, children.read_text().split())]:
                os.kill(pid, signal.SIGTTIN)
        wait_until(lambda: [field(client, i, "status") for i in ids] == [b"finished"] * 2, description="both go on")
