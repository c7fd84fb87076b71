"""Operations on many jobs, beside RQ's own API, on the same data in the same run.

`python -m benchmarks.operations` takes a tenth of the jobs that the figures are meant for; `--jobs 100000` takes all of them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from rq.job import Job
from rq.registry import FailedJobRegistry

from benchmarks.core import fill, row, slowest
from benchmarks.delay_proxy import delayed
from qtui.broker.operations import OPERATIONS, Matching, Operation, plan, plans, run, trash
from qtui.broker.search.expression import parse
from qtui.broker.status import Status
from qtui_workers.server import keys
from tests.support import Server

RETRY, REMOVE = OPERATIONS["retry"], OPERATIONS["remove"]
PEERS = 300
"""Jobs that RQ's API is measured with."""


class Pings:
    """How long another client waits while something is done."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.milliseconds: list[float] = []

    @contextmanager
    def sent(self) -> Iterator[None]:
        """Sends PING after PING inside the block."""
        end = threading.Event()
        thread = threading.Thread(target=self._send, args=(end,))
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def _send(self, end: threading.Event) -> None:
        with self._server.client() as client:
            while not end.wait(0.0005):
                began = time.perf_counter()
                client.ping()
                self.milliseconds.append((time.perf_counter() - began) * 1e3)

    def __str__(self) -> str:
        worst = sorted(self.milliseconds)
        return f"p99.9 {worst[int(len(worst) * 0.999)]:.1f} ms, worst {worst[-1]:.1f} ms"


def peer(ids: list[str], client: redis.Redis, work: Callable[[Job], object]) -> float:
    """Jobs a second with RQ's API: each is fetched, then changed, as `rq requeue --all` and a loop over `Job.delete` do."""
    began = time.perf_counter()
    for job_id in ids:
        work(Job.fetch(job_id, connection=client))
    return len(ids) / (time.perf_counter() - began)


def done(client: redis.Redis, task: str, operation: Operation, matching: Matching, theirs: float, *, purge: bool = False) -> str:
    """Runs an operation and prints its row; returns the name of the batch."""
    chosen = plan(client, operation, matching, purge=purge)
    client.slowlog_reset()
    report = run(client, operation, chosen)
    each = report.done / report.seconds
    ratio = f"{each / theirs:.0f} ×" if theirs else ""
    row(f"{task}: {report.done:,}", f"{report.seconds:.2f} s, worst {slowest(client):.1f} ms", f"{theirs:,.0f}/s, {ratio}")
    return report.batch


def retrying(server: Server, client: redis.Redis, jobs: int) -> None:
    fill(client, "peer", Status.FAILED, PEERS)
    fill(client, "retry", Status.FAILED, jobs)
    ids = FailedJobRegistry("peer", connection=client).get_job_ids(cleanup=False)
    theirs = peer(ids, client, lambda job: job.requeue())
    pings = Pings(server)
    with pings.sent():
        done(client, "retry", RETRY, Matching("retry", Status.FAILED), theirs)
    row("  another client meanwhile", str(pings))


def removing(server: Server, client: redis.Redis, jobs: int) -> None:
    def theirs(name: str) -> float:
        ids = [f"{name}-queued-{number}" for number in range(jobs, jobs + PEERS)]
        return peer(ids, client, lambda job: job.delete())

    for task, purge in (("empty a queue", False), ("empty a queue, --purge", True)):
        client.flushdb()
        fill(client, "empty", Status.QUEUED, jobs + PEERS)
        rate = theirs("empty")
        pings = Pings(server)
        with pings.sent():
            batch = done(client, task, REMOVE, Matching("empty", Status.QUEUED), rate, purge=purge)
        row("  another client meanwhile", str(pings))
        if not purge:
            undoing(client, batch)
    client.flushdb()
    fill(client, "full", Status.QUEUED, 4 * jobs)
    mark(client, jobs)
    rate = theirs("full")
    batch = done(client, "every fourth of a queue", REMOVE, Matching("full", Status.QUEUED, parse("worker:fourth")), rate)
    fill(client, "full", Status.FAILED, jobs)
    done(client, "the failed ones of a full queue", REMOVE, Matching("full", Status.FAILED), rate)


def mark(client: redis.Redis, jobs: int) -> None:
    """Every fourth job of the queue gets a worker, by which it is found."""
    with client.pipeline(transaction=False) as pipe:
        for number in range(0, 4 * jobs, 4):
            pipe.hset(keys.job(f"full-queued-{number}"), mapping={"worker_name": "fourth"})
            if number % 4_000 == 0:
                pipe.execute()
        pipe.execute()


def undoing(client: redis.Redis, batch: str) -> None:
    client.slowlog_reset()
    report = trash.undo(client, trash.find(client, batch))
    row(f"undo: {report.done:,}", f"{report.seconds:.2f} s, worst {slowest(client):.1f} ms")


def distant(server: Server, client: redis.Redis, jobs: int) -> None:
    """The same behind a line of 20 ms a round trip."""
    fill(client, "far", Status.FAILED, jobs)
    with delayed(server.socket) as url, redis.Redis.from_url(url) as far:
        matching = Matching("far", Status.FAILED)
        taken = []
        for _ in range(5):
            began = time.perf_counter()
            next(plans(far, RETRY, matching))
            taken.append(time.perf_counter() - began)
        row(f"question about {jobs:,} at 20 ms", f"{statistics.median(taken):.2f} s")
        report = run(far, RETRY, matching)
        row(f"retry {report.done:,} at 20 ms", f"{report.seconds:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs of each operation")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {"slowlog-log-slower-than": "500", "slowlog-max-len": "10000"})
        server.start()
        with server.client() as client:
            row("task", "qtui", "RQ's API")
            row("-" * 46, "-" * 30, "-" * 24)
            retrying(server, client, wanted.jobs)
            removing(server, client, wanted.jobs)
            distant(server, client, wanted.jobs * 44 // 100)
        server.kill()


if __name__ == "__main__":
    main()
