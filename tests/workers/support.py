"""What the tests of the processing side share: worker processes, and functions for them to run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from qtui_workers.reporting.job_log import LogLine, read_log
from qtui_workers.server import keys
from tests import launcher
from tests.launcher import Started
from tests.support import Server, clean_environment, wait_until

MODULE = "tests.workers.support"


def add(left: int, right: int) -> int:
    """An ordinary function, as a plain RQ program enqueues it."""
    return left + right


def environment(home: Path, **extra: str) -> dict[str, str]:
    return clean_environment(home, **{"PYTHONPATH": str(Path(__file__).parents[2])} | extra)


def run(home: Path, *arguments: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
    """`qtui-worker` with these arguments, to its end."""
    return launcher.run("qtui_workers.cli", arguments, environment(home, **extra), cwd or launcher.ROOT)


def run_burst(server: Server, home: Path, *arguments: str, **extra: str) -> str:
    """A worker that empties the queues; returns what it said."""
    done = run(home, "--burst", "--url", server.url, *arguments, **extra)
    assert done.returncode == 0, done.stderr
    return done.stderr


def run_stock(server: Server, home: Path, *arguments: str) -> None:
    """RQ's own worker, which empties the queues."""
    done = launcher.run("rq.cli", ["worker", "--burst", "--url", server.url, *arguments], environment(home))
    assert done.returncode == 0, done.stderr


@contextmanager
def working(
    server: Server,
    home: Path,
    *arguments: str,
    log_name: str = "worker.log",
    module: str = "qtui_workers.cli",
    **extra: str,
) -> Iterator[Started]:
    """A worker that runs meanwhile, and is listening when the block begins; `module` has the `main` that starts it."""
    log = home / log_name
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        arguments = ("--url", server.url, *arguments)
        process = launcher.start(module, arguments, environment(home) | extra, [nothing, output, output])
    try:
        wait_until(lambda: b"Listening on" in log.read_bytes(), description="the worker listens")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def field(client: redis.Redis, job_id: str, name: str) -> bytes | None:
    value: bytes | None = client.hget(keys.job(job_id), name)
    return value


def log_of(client: redis.Redis, job_id: str) -> tuple[LogLine, ...]:
    return read_log(field(client, job_id, keys.FIELD_LOG), client.xrange(keys.log(job_id)))


def log_lines(client: redis.Redis, job_id: str) -> list[tuple[str, str]]:
    return [(line.level, line.text) for line in log_of(client, job_id)]
