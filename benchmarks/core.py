"""The core beside RQ's own API, on the same data in the same run.

`python benchmarks/core.py` fills a server of its own and prints a table; `--jobs N` sets the size, `--queues N` how many
queues share it.
"""

from __future__ import annotations

import argparse
import base64
import pickle
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import redis
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry

from benchmarks.delay_proxy import delayed
from qtui.broker import job, jobs, overview
from qtui.broker.operations import Matching, Operation, run
from qtui.broker.operations.remove import REMOVE
from qtui.broker.operations.retry import RETRY
from qtui.broker.status import Status
from qtui.looking import look
from qtui_workers.server import keys
from tests import support
from tests.support import Server

DATA = zlib.compress(pickle.dumps(("benchmarks.core.work", None, (1, "ada@example.org"), {"retries": 3})))
STAMP = "2024-01-01T00:00:00.000000Z"


def fill(client: redis.Redis, queue: str, status: Status, count: int) -> None:
    """Jobs with the fields that RQ writes, straight into their places."""
    fields = {"status": status.value, "origin": queue, "data": DATA, "description": "work(1, 'ada')", "timeout": 180}
    times = dict.fromkeys(("created_at", "enqueued_at", "started_at", "ended_at"), STAMP)
    error = {"type": "2", "exc_string": base64.b64encode(zlib.compress(b"Traceback (most recent call last):\nValueError: no"))}
    for start in range(0, count, 1_000):
        with client.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + 1_000, count)):
                job_id = f"{queue}-{status}-{number}"
                pipe.hset(keys.job(job_id), mapping={**fields, **times})
                if status is Status.QUEUED:
                    pipe.rpush(keys.queue(queue), job_id)
                else:
                    pipe.zadd(keys.registry(str(status), queue), {job_id: 4e9 + number})
                    pipe.xadd(keys.results(job_id), error)
            pipe.execute()
    client.sadd(keys.QUEUES, keys.queue(queue))


def timed(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds, the median of some rounds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def slowest(client: redis.Redis) -> float:
    """Milliseconds of the slowest command or script since the slow log was emptied."""
    return max((entry["duration"] / 1e3 for entry in client.slowlog_get(10_000)), default=0.0)


def row(task: str, ours: str, theirs: str = "") -> None:
    print(f"| {task:<46} | {ours:>30} | {theirs:>24} |")


def rq_counts(client: redis.Redis) -> None:
    for queue in Queue.all(connection=client):
        _ = queue.count
        for name in ("started", "finished", "failed", "deferred", "scheduled", "canceled"):
            getattr(queue, f"{name}_job_registry").get_job_count(cleanup=False)


def rq_window(client: redis.Redis, queue: str, offset: int) -> None:
    registry = FailedJobRegistry(queue, connection=client)
    ids = registry.get_job_ids(offset, offset + 49, desc=True, cleanup=False)
    for found in Job.fetch_many(ids, connection=client):
        assert found is not None
        _ = found.func_name
        found.latest_result()


def operate(client: redis.Redis, operation: Operation, status: Status, queue: str = "q0") -> str:
    client.slowlog_reset()
    report = run(client, operation, Matching(queue, status))
    return f"{report.seconds:.2f} s, {report.done:,} done, worst {slowest(client):.1f} ms"


def rq_each(client: redis.Redis, count: int, work: Callable[[Job], object]) -> str:
    ids = FailedJobRegistry("peer", connection=client).get_job_ids(0, count - 1, cleanup=False)
    began = time.perf_counter()
    for job_id in ids:
        work(Job.fetch(job_id, connection=client))
    return f"{len(ids) / (time.perf_counter() - began):,.0f} jobs/s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000, help="failed jobs and queued jobs; 200,000 is full size")
    parser.add_argument("--queues", type=int, default=50)
    parser.add_argument("--server", help="the server's program; without it the embedded one")
    wanted = parser.parse_args()
    if wanted.server:
        support.SERVER = wanted.server
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {"slowlog-log-slower-than": "500", "slowlog-max-len": "10000"})
        server.start()
        with server.client() as client:
            measure(client, wanted.jobs, wanted.queues)
        with delayed(server.socket) as url, redis.Redis.from_url(url) as client:
            measure_distant(client, wanted.jobs)
        server.kill()


def measure_distant(client: redis.Redis, count: int) -> None:
    """The looks of the dashboard at 20 ms a round trip, without drawing; RQ's own reads beside them."""

    def page(offset: int) -> object:
        return look(lambda: jobs.window(client, "q0", Status.FAILED, offset, 50), lambda: overview.load(client))

    def opened() -> object:
        return look(lambda: job.load(client, "peer-failed-0"), lambda: overview.load(client))

    for queue in ("q0", "peer"):
        fill(client, queue, Status.FAILED, min(count, 10_000))  # in the place of those that were retried and deleted
    for name, ours in {"page": lambda: page(0), "deep page": lambda: page(5_000), "job": opened}.items():
        peer = "" if name == "job" else f"{timed(partial(rq_window, client, 'peer', 0), 3):.0f} ms"
        row(f"at 20 ms a round trip: open a {name}", f"{timed(ours, 10):.0f} ms", peer)
    theirs = timed(lambda: rq_counts(client), 1)
    row("at 20 ms a round trip: overview", f"{timed(lambda: overview.load(client), 5):.0f} ms", f"{theirs:.0f} ms")


def measure(client: redis.Redis, count: int, queues: int) -> None:
    for number in range(1, queues):
        fill(client, f"q{number}", Status.QUEUED, 20)
    fill(client, "q0", Status.QUEUED, count)
    fill(client, "q0", Status.FAILED, count)
    fill(client, "peer", Status.FAILED, 2_000)
    overview.load(client)
    deep = count * 3 // 4
    row("task", "qtui", "RQ's API")
    row("-" * 46, "-" * 30, "-" * 24)
    row(
        f"overview of {queues + 1} queues",
        f"{timed(lambda: overview.load(client), 20):.1f} ms",
        f"{timed(lambda: rq_counts(client), 3):.1f} ms",
    )
    for offset in (0, deep):
        failed = partial(jobs.window, client, "q0", Status.FAILED, offset, 50)
        queued = partial(jobs.window, client, "q0", Status.QUEUED, offset, 50)
        theirs = partial(rq_window, client, "q0", offset)
        row(f"50 newest failed at offset {offset:,}", f"{timed(failed, 50):.1f} ms", f"{timed(theirs, 5):.1f} ms")
        row(f"50 newest queued at offset {offset:,}", f"{timed(queued, 50):.1f} ms")
    row("all queues, 50 newest queued", f"{timed(lambda: jobs.window(client, None, Status.QUEUED, 0, 50), 50):.1f} ms")
    row("stopped, a search", f"{timed(lambda: jobs.window(client, 'q0', Status.STOPPED, 0, 50), 5):.1f} ms")
    row(
        f"retry {count:,} failed",
        operate(client, RETRY, Status.FAILED),
        rq_each(client, 1_000, lambda job: job.requeue()),
    )
    row(
        f"remove {2 * count:,} queued",
        operate(client, REMOVE, Status.QUEUED),
        rq_each(client, 1_000, lambda job: job.delete()),
    )


if __name__ == "__main__":
    main()
