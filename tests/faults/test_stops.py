"""What ends a worker, also where Redis is away or the worker is the first process of a container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from rq import Queue

from tests.faults import jobs
from tests.faults.support import ALLOW, children, ends, horse_of
from tests.support import Server, wait_until
from tests.workers.sockets import free_port
from tests.workers.support import environment, working

CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
WORKER = (sys.executable, "-m", "qtui_workers.cli")
SOON = 10
"""Seconds: a busy machine may take some, and a worker that waits for Redis takes 30 or more."""


def can_have_containers() -> bool:
    try:
        return subprocess.run([*CONTAINER, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("silent", [False, True], ids=["killed", "silent"])
@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_an_idle_worker_does_not_wait_for_a_redis_that_is_away(
    own_server: Server, home: Path, concurrency: str, silent: bool
) -> None:
    """A server that is stopped takes connections and answers nothing."""
    assert own_server.process
    with working(own_server, home, "--concurrency", concurrency, "--lease", "3") as process:
        if silent:
            own_server.process.send_signal(signal.SIGSTOP)
        else:
            own_server.kill()
            wait_until(lambda: b"Waiting for it" in (home / "worker.log").read_bytes(), description="it is noticed")
        process.terminate()
        assert process.wait(SOON) == 0


@pytest.mark.skipif(not can_have_containers(), reason="unshare is missing, or this user may not use it")
def test_the_first_process_of_a_container_ends_while_it_waits_for_redis(home: Path) -> None:
    command = [*CONTAINER, *WORKER, "--url", f"redis://127.0.0.1:{free_port()}"]
    with subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE) as process:
        assert process.stderr
        assert any(b"Waiting for it" in line for line in process.stderr)
        [worker] = children(process.pid)
        os.kill(worker, signal.SIGTERM)
        assert process.wait(SOON) == 0


def test_a_hangup_ends_a_worker_as_sigterm_does(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(jobs.sleep, 600)
    with working(server, home, *ALLOW, "--shutdown-timeout", "0") as process:
        ends(client, job, "started")
        os.kill(process.pid, signal.SIGHUP)
        assert process.wait(SOON) == 0
    ends(client, job, "queued")


def test_a_hangup_that_was_ignored_at_the_start_ends_neither_the_worker_nor_its_job(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    first = queue.enqueue(jobs.sleep, 1)
    command = ["nohup", *WORKER, *ALLOW, "--url", server.url]
    with subprocess.Popen(command, env=environment(home), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        ends(client, first, "started")
        for pid in (horse_of(process.pid), *children(process.pid), process.pid):
            os.kill(pid, signal.SIGHUP)
        ends(client, first, "finished")
        ends(client, queue.enqueue(jobs.give), "finished")
        process.terminate()
        assert process.wait(SOON) == 0
