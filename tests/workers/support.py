"""What the tests of the processing side share: worker processes, and functions for them to run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.support import Server, clean_environment, wait_until
from workers import keys

MODULE = "tests.workers.support"
RQ = str(Path(sys.executable).parent / "rq")


def add(left: int, right: int) -> int:
    """An ordinary function, as a plain RQ program enqueues it."""
    return left + right


def environment(home: Path, **extra: str) -> dict[str, str]:
    return clean_environment(home, PYTHONPATH=str(Path(__file__).parents[2]), **extra)


def run(home: Path, *arguments: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
    """`qtui-worker` with these arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "workers.cli", *arguments],
        env=environment(home, **extra),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def run_burst(server: Server, home: Path, *arguments: str, **extra: str) -> str:
    """A worker that empties the queues; returns what it said."""
    done = run(home, "--burst", "--url", server.url, *arguments, **extra)
    assert done.returncode == 0, done.stderr
    return done.stderr


@contextmanager
def working(
    server: Server, home: Path, *arguments: str, log_name: str = "worker.log", **extra: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that runs meanwhile, and is listening when the block begins."""
    log = home / log_name
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", "--url", server.url, *arguments],
            env=environment(home) | extra,
            stdout=output,
            stderr=output,
            start_new_session=True,  # whatever a worker kills by mistake, it is not the suite
        )
    try:
        wait_until(lambda: b"Listening on" in log.read_bytes(), description="the worker listens")
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(30)


def field(client: redis.Redis, job_id: str, name: str) -> bytes | None:
    value: bytes | None = client.hget(keys.job(job_id), name)
    return value


def log_lines(client: redis.Redis, job_id: str) -> list[tuple[str, str]]:
    return [(e[b"level"].decode(), e[b"text"].decode()) for _, e in client.xrange(keys.log(job_id))]
