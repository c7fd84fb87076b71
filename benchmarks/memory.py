"""What a finished job takes in the server, beside one of plain RQ. `python -m benchmarks.memory --help`"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import redis
from rq import Queue

from benchmarks import talking
from benchmarks.worker import BIN, environment
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.support import Server

DAY = 86_400


def plain(client: redis.Redis, server: Server, home: Path, count: int) -> None:
    data = [Queue.prepare_data(talking.plain, (3,), result_ttl=DAY) for _ in range(count)]
    Queue("talking", connection=client).enqueue_many(data)
    run(home, [str(BIN / "rq"), "worker", "talking", "--worker-class", "rq.SimpleWorker", "--burst", "--url", server.url])


def ours(client: redis.Redis, server: Server, home: Path, count: int, *, lines: int) -> None:
    QueueService(client).enqueue_many("talk", [{"lines": lines}] * count)
    run(home, [sys.executable, "-m", "qtui_workers.cli", "talking", "--in-process", "--burst", "--url", server.url])


def run(home: Path, command: list[str]) -> None:
    variables = environment(home) | {"QTUI_PROCESSORS": os.environ["QTUI_PROCESSORS"]}
    subprocess.run(command, env=variables, check=True, capture_output=True)


def used(client: redis.Redis) -> int:
    """Bytes, without the stream of events, which does not grow with the number of jobs."""
    return int(client.info("memory")["used_memory"]) - int(client.memory_usage(keys.EVENTS, samples=0) or 0)


ROWS = {
    "plain RQ": plain,
    "ours, silent": lambda *given: ours(*given, lines=0),
    "ours, three lines and progress": lambda *given: ours(*given, lines=3),
}


def measured(count: int) -> list[float]:
    """Bytes a job of each row."""
    os.environ["QTUI_PROCESSORS"] = talking.__name__
    return [_measure(fill, count) for fill in ROWS.values()]


def _measure(fill: Callable[[redis.Redis, Server, Path, int], None], count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {})
        server.start()
        try:
            with server.client() as client:
                before = used(client)
                fill(client, server, Path(folder), count)
                finished = client.zcard(keys.registry("finished", "talking"))
                assert finished == count, f"{finished} have finished"
                return (used(client) - before) / count
        finally:
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    for name, size in zip(ROWS, measured(parser.parse_args().jobs), strict=True):
        print(f"{name:32} {size:8,.0f} bytes a job")


if __name__ == "__main__":
    main()
