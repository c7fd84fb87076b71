"""Jobs for the tests of the engine, well and badly behaved, and what is done about them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import redis
from rq import Retry, get_current_job

from qtui_workers.errors import Reschedule
from qtui_workers.reporting.current_job import current_attempt

MODULE = "tests.workers.engine"


def give(value: Any = None) -> Any:
    return value


def pid() -> int:
    return os.getpid()


def variables() -> list[str | None]:
    started = subprocess.run(["printenv", "RQ_JOB_ID"], capture_output=True, text=True, check=True).stdout.strip()
    return [*(os.environ.get(name) for name in ("RQ_WORKER_ID", "RQ_JOB_ID")), started]


def fail(text: str = "as told") -> None:
    raise ValueError(text)


def fail_first(times: int) -> str:
    job = get_current_job()
    assert job is not None
    if job.connection.incr(f"tries:{job.id}") <= times:
        raise ValueError("not yet")
    return "at last"


def again(times: int) -> Retry | str:
    job = get_current_job()
    assert job is not None
    return Retry(max=times) if job.connection.incr(f"tries:{job.id}") <= times else "enough"


def put_off(seconds: float, times: int, *, cancel: bool = False) -> int:
    """Runs later, so many times; then returns which attempt it is."""
    job = get_current_job()
    assert job is not None
    if cancel:
        job.cancel()
    if job.connection.incr(f"tries:{job.id}") <= times:
        raise Reschedule(seconds, "not before the sun rises")
    return current_attempt()


def unserializable() -> Any:
    return (n for n in range(3))


def leave(code: int) -> None:
    os._exit(code)


def segfault() -> None:
    ctypes.string_at(0)


def deaf(seconds: float) -> None:
    """Hears no alarm, as code does that is stuck in C."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(seconds)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def wait_for(path: str) -> None:
    """Runs until there is such a file."""
    while not Path(path).exists():
        time.sleep(0.01)


def cancel_itself(*, failing: bool = False) -> str:
    """Runs on after it was canceled."""
    job = get_current_job()
    assert job is not None
    job.cancel()
    if failing:
        fail()
    return "done all the same"


def mark(name: str) -> int:
    """Counts its runs."""
    job = get_current_job()
    assert job is not None
    return int(job.connection.hincrby("marks", name, 1))


def on_success(job: Any, connection: redis.Redis, result: Any) -> None:
    connection.rpush("callbacks", f"success {job.id} {result}")


def on_failure(job: Any, connection: redis.Redis, kind: Any, error: Any, trace: Any) -> None:
    connection.rpush("callbacks", f"failure {job.id} {kind.__name__}")


def crash_on_failure(job: Any, connection: redis.Redis, *_: Any) -> None:
    connection.rpush("callbacks", f"crash {job.id}")
    os.kill(os.getpid(), signal.SIGKILL)


def on_stopped(job: Any, connection: redis.Redis) -> None:
    connection.rpush("callbacks", f"stopped {job.id}")


def hold_memory(size: int, seconds: float) -> None:
    """Holds so many bytes for so long."""
    held = b"x" * size
    time.sleep(seconds)
    del held
