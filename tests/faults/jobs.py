"""Jobs for these tests, and what stands in their way."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import redis
from rq import get_current_job

from qtui_workers.server import keys

MODULE = "tests.faults.jobs"


def give(value: Any = None) -> Any:
    return value


def fail() -> None:
    raise ValueError("as told")


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def wait_for(path: str) -> None:
    """Runs until there is such a file."""
    while not Path(path).exists():
        time.sleep(0.01)


def note(key: str, value: str, seconds: float = 0) -> None:
    """Writes down that it ran, at its end."""
    time.sleep(seconds)
    job = get_current_job()
    assert job is not None
    job.connection.rpush(key, value)


def start(key: str) -> None:
    """Writes down when it started, in seconds of the machine's clock."""
    at = time.time()
    job = get_current_job()
    assert job is not None
    job.connection.rpush(key, repr(at))


def twice(key: str) -> str:
    """A fork whose child forgets to leave, and comes back to the caller as its parent does."""
    if os.fork() == 0:
        return "child"
    time.sleep(1)
    return "parent"


def orphans(code: int) -> None:
    """Leaves a child behind, and dies."""
    if os.fork() == 0:
        time.sleep(600)
    os._exit(code)


def done(job: Any, connection: redis.Redis, result: Any) -> None:
    connection.rpush("callbacks", f"success {job.id}")


def forget_worker(job: Any, connection: redis.Redis, result: Any) -> None:
    """Removes the record of the worker that runs the job, as its expiry does."""
    connection.delete(keys.worker(job.worker_name))


def refuse_changes(job: Any, connection: redis.Redis, *_: Any) -> None:
    """From now on the server takes no changes: there is no replica."""
    connection.config_set("min-replicas-to-write", "1")


def stopped(job: Any, connection: redis.Redis) -> None:
    connection.rpush("callbacks", f"stopped {job.id}")


def slowly_failed(job: Any, connection: redis.Redis, kind: Any, error: Any, trace: Any) -> None:
    time.sleep(8)


def large(size: int) -> str:
    return "x" * size


def fill(size: int) -> int:
    """Holds so many bytes."""
    return len(b"x" * size)


def hold(here: str, go: str) -> None:
    """Reports that it runs, and runs until the test lets it end."""
    Path(here).touch()
    wait_for(go)


def patience() -> Any:
    """The seconds for which the job's own connection waits for a reply."""
    job = get_current_job()
    assert job is not None
    return job.connection.connection_pool.get_connection().socket_timeout
