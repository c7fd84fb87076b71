"""What a job costs the server: the microseconds of the script that ends one job and takes the next.

`python -m benchmarks.step` drives that script as a worker does, without running the jobs, on the embedded server and on a
`redis-server` of the system where there is one. The server measures by itself (INFO commandstats), so that the figures depend
little on what else the machine does; each is the median of batches.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import uuid4

import redis
from rq import Queue

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending
from qtui_workers.engine.worker_name import WorkerName
from qtui_workers.engine.worker_store import WorkerStore
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.processors.report import report
from qtui_workers.server import keys
from qtui_workers.server.embedded import binary
from tests.support import Server

FUNCTION: Final = "benchmarks.noop.noop"
QUEUE: Final = "bench"
WORKER: Final = "bench-worker"
BATCH: Final = 250
LEASE: Final = 30
KEPT: Final = 500
"""How many finished jobs are kept where the kind of job says so: the ones before are removed in the same step."""

Enqueue = Callable[[redis.Redis, int], object]


def enqueue_plain(client: redis.Redis, count: int) -> None:
    """Jobs of a stock producer."""
    Queue(QUEUE, connection=client).enqueue_many([Queue.prepare_data(FUNCTION, ()) for _ in range(count)])


def enqueue_ours(client: redis.Redis, count: int) -> None:
    """Jobs of our producer, with attempts and waits."""
    payloads = ({"title": f"Report {number}", "steps": 3, "seconds_per_step": 0.5} for number in range(count))
    QueueService(client).enqueue_many(report, payloads, queue=QUEUE, attempts=3, backoff="fixed:10s")


KINDS: dict[str, tuple[Enqueue, int | None]] = {
    "plain, of rq": (enqueue_plain, None),
    f"of qtui, {KEPT} kept": (enqueue_ours, KEPT),
}
"""How jobs are enqueued, and how many that have finished are kept."""


def microseconds(client: redis.Redis, enqueue: Enqueue, keep: int | None, count: int) -> list[float]:
    """Of each batch, what a job takes the server in the script."""
    client.flushall()
    enqueue(client, count)
    client.hset(keys.LIMITS, "another", "another")  # as the bundled processors have it
    name = WorkerName(client, WORKER, LEASE, wait=lambda _seconds: True)
    name.take(patient=False)
    store = WorkerStore(client, WORKER, name, LEASE, {})
    ended: tuple[Claim, Ending] | None = None
    found: list[float] = []
    for _ in range(count // BATCH):
        client.config_resetstat()
        for _ in range(BATCH):
            step = store.step(ended, uuid4().hex, [QUEUE], requested_at=time.monotonic())
            assert isinstance(step.found, Claim)
            now = time.time()
            ended = step.found, Ending("finished", now, now, b"gAWVAAAAAA==", 500, keep=keep)
        found.append(client.info("commandstats")["cmdstat_evalsha"]["usec"] / BATCH)
    store.close()
    return found[1:]


def servers() -> dict[str, str]:
    """The programs of the servers that are measured."""
    system = shutil.which("redis-server")
    return {"embedded": str(binary())} | ({"system": system} if system else {})


def rows(*, runs: int = 1, jobs: int = 2000) -> list[tuple[str, float, float]]:
    """What is measured, the median of the microseconds, and the least of them, for each server and kind of job."""
    measured: list[tuple[str, float, float]] = []
    for place, program in servers().items():
        with tempfile.TemporaryDirectory(prefix="qt") as folder:
            server = Server(Path(folder), {}, program=program)
            server.start()
            try:
                with server.client() as client:
                    version = client.info("server")
                    label = f"{version.get('server_name', 'redis')} {version.get('valkey_version', version['redis_version'])}"
                    for kind, (enqueue, keep) in KINDS.items():
                        found = [one for _ in range(runs) for one in microseconds(client, enqueue, keep, jobs)]
                        measured.append((f"{label} ({place}), {kind}", statistics.median(found), min(found)))
            finally:
                server.kill()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--short", action="store_true", help="one run of fewer jobs")
    arguments = parser.parse_args()
    found = rows() if arguments.short else rows(runs=arguments.runs, jobs=arguments.jobs)
    print(f"{'server µs a job':48} {'median':>8} {'least':>8}")
    for name, middle, least in found:
        print(f"{name:48} {middle:8.1f} {least:8.1f}")


if __name__ == "__main__":
    main()
