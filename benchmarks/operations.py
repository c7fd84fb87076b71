"""Operations on many jobs, beside RQ's own API, on the same data in the same run.

`python -m benchmarks.operations` takes a tenth of the jobs that the figures are meant for; `--jobs 100000` takes all of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event

import redis
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry

from benchmarks.core import benchmarked, fill, slowest
from benchmarks.delay_proxy import delayed
from benchmarks.rows import Row, faster, shown, within
from qtui.broker.bulk import trash
from qtui.broker.lists.jobs import place
from qtui.broker.operations import OPERATIONS, Matching, Operation, Report, plan, plans, run
from qtui.broker.search.expression import parse
from qtui.broker.status import Status
from qtui_workers.server import keys
from tests.support import Server

RETRY, REMOVE, REQUEUE, MOVE = (OPERATIONS[name] for name in ("retry", "remove", "requeue", "move"))
PEERS = 300
"""Jobs that RQ's API is measured with, at least."""
ENOUGH = 3.0
"""Seconds for which it is measured, where there are enough jobs."""
SPARE = 5_000
"""Jobs that are there for it, besides those that we work off."""


class Pings:
    """How long another client waits while something is done: a process of its own, so that ours does not hold it up."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.milliseconds: list[float] = []

    @contextmanager
    def sent(self) -> Iterator[None]:
        """Sends PING after PING inside the block."""
        context = multiprocessing.get_context("fork")
        end, found = context.Event(), context.SimpleQueue()
        process = context.Process(target=self._send, args=(end, found))
        process.start()
        try:
            yield
        finally:
            end.set()
            self.milliseconds = found.get()
            process.join()

    def _send(self, end: Event, found: SimpleQueue[list[float]]) -> None:
        taken = []
        with self._server.client() as client:
            while not end.wait(0.0005):
                began = time.perf_counter()
                client.ping()
                taken.append((time.perf_counter() - began) * 1e3)
        found.put(taken)

    @property
    def slowest(self) -> float:
        """Milliseconds that one in a thousand takes at least."""
        return sorted(self.milliseconds)[int(len(self.milliseconds) * 0.999)]


def peer(ids: Sequence[str], work: Callable[[str], object]) -> float:
    """Jobs a second with RQ's API, on as many of these as it takes until the rate is steady."""
    began, done = time.perf_counter(), 0
    for done, job_id in enumerate(ids, 1):
        work(job_id)
        if done >= PEERS and time.perf_counter() - began > ENOUGH:
            break
    return done / (time.perf_counter() - began)


def deleting(ids: Sequence[str], client: redis.Redis) -> float:
    """Of a loop over `Job.delete`."""
    return peer(ids, lambda job_id: Job.fetch(job_id, connection=client).delete())


@dataclass(frozen=True)
class Done:
    """What one run of an operation took."""

    batch: str
    jobs: int
    seconds: float
    server: float
    """Seconds of the server's scripts, by its commandstats."""
    worst: float
    """Milliseconds of the longest script, by its slow log."""

    def rows(self, task: str, theirs: float, aim: float | None = 40) -> Iterator[Row]:
        """`theirs`: jobs a second of the peer."""
        each = self.jobs / self.seconds
        yield faster(f"{task}: {self.jobs:,}", f"{each:,.0f}/s", f"{theirs:,.0f}/s", each / theirs, aim)
        yield from self.chunks(task)

    def chunks(self, task: str) -> Iterator[Row]:
        """How long others wait for it, and how much of its time it waits itself."""
        yield within(f"{task}: the longest chunk", self.worst, "ms", 10)
        yield within(f"{task}: × the server's own time", self.seconds / self.server, "×", 2)


def measured(client: redis.Redis, work: Callable[[], Report]) -> Done:
    """Runs it, and asks the server what it took."""
    client.config_resetstat()
    client.slowlog_reset()
    report = work()
    stats = client.info("commandstats")
    server = sum(stats.get(f"cmdstat_{name}", {"usec": 0})["usec"] for name in ("evalsha", "eval")) / 1e6
    return Done(report.batch, report.done, report.seconds, server, slowest(client))


def done(client: redis.Redis, operation: Operation, matching: Matching, *, purge: bool = False, text: str | None = None) -> Done:
    """Runs an operation on all that a plan has found."""
    chosen = plan(client, operation, matching, text, purge=purge)
    return measured(client, lambda: run(client, operation, chosen))


def retrying(server: Server, client: redis.Redis, jobs: int) -> Iterator[Row]:
    fill(client, "retry", Status.FAILED, jobs + SPARE)
    registry = FailedJobRegistry("retry", connection=client)
    theirs = peer(registry.get_job_ids(), registry.requeue)  # all that `rq requeue --all` does
    client.zremrangebyrank(registry.key, 0, -jobs - 1)
    yield from done(client, RETRY, Matching("retry", Status.FAILED)).rows("retry", theirs)
    client.flushdb()
    fill(client, "retry", Status.FAILED, jobs)
    pings = Pings(server)
    with pings.sent():
        done(client, RETRY, Matching("retry", Status.FAILED))
    yield within("retry: another client waits, p99.9", pings.slowest, "ms", 10)


def removing(server: Server, client: redis.Redis, jobs: int) -> Iterator[Row]:
    for task, purge in (("empty a queue", False), ("empty a queue, --purge", True)):
        client.flushdb()
        fill(client, "empty", Status.QUEUED, jobs + SPARE)
        rate = deleting(Queue("empty", connection=client).job_ids, client)  # from the head on: the least that it may take
        client.ltrim(keys.queue("empty"), -jobs, -1)
        pings = Pings(server)
        with pings.sent():
            emptied = done(client, REMOVE, Matching("empty", Status.QUEUED), purge=purge)
        yield from emptied.rows(task, rate, None)
        yield within(f"{task}: another client waits, p99.9", pings.slowest, "ms", 20)
        if not purge:
            yield from undoing(client, emptied.batch, "undo")
    client.flushdb()
    fill(client, "full", Status.QUEUED, 4 * jobs)
    mark(client, jobs)
    # From all over three quarters of the queue: as many entries are ahead of them as of all, where those before have left.
    chosen = random.Random(0).sample(range(0, 3 * jobs, 4), min(SPARE, jobs // 4))
    rate = deleting([f"full-queued-{number}" for number in chosen], client)
    quarter = done(client, REMOVE, Matching("full", Status.QUEUED, parse("worker:fourth")))
    yield from quarter.rows("remove every fourth of a queue", rate)
    yield from undoing(client, quarter.batch, "undo of every fourth of a queue")
    fill(client, "full", Status.FAILED, jobs + SPARE)
    failed = deleting([f"full-failed-{number}" for number in range(SPARE)], client)
    client.zremrangebyrank(place("full", Status.FAILED), 0, -jobs - 1)
    yield from done(client, REMOVE, Matching("full", Status.FAILED)).rows("remove the failed of a full queue", failed)


def moving(client: redis.Redis, jobs: int) -> Iterator[Row]:
    """What RQ's API has nothing for: jobs to another queue, and jobs of workers that are gone back to theirs."""
    client.flushdb()
    fill(client, "move", Status.QUEUED, jobs)
    yield from done(client, MOVE, Matching("move", Status.QUEUED), text="bulk").chunks(f"move {jobs:,}")
    client.flushdb()
    fill(client, "move", Status.SCHEDULED, jobs)
    yield from done(client, MOVE, Matching("move", Status.SCHEDULED), text="bulk").chunks(f"move {jobs:,} scheduled")
    client.flushdb()
    fill(client, "lost", Status.QUEUED, jobs)
    lose(client, "lost", jobs)
    yield from done(client, REQUEUE, Matching("lost", Status.STARTED)).chunks(f"requeue {jobs:,}")


def lose(client: redis.Redis, queue: str, jobs: int) -> None:
    """The jobs that wait in a queue were started by workers that are gone."""
    client.delete(keys.queue(queue))
    for start in range(0, jobs, 1_000):
        with client.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + 1_000, jobs)):
                job_id, execution, worker = f"{queue}-queued-{number}", f"{number:032x}", f"gone-{number}"
                pipe.hset(keys.job(job_id), mapping={"status": "started", "worker_name": worker})
                pipe.hset(keys.execution(job_id, execution), mapping={"id": execution, "job_id": job_id, "worker_name": worker})
                pipe.zadd(keys.executions(job_id), {execution: number})
                pipe.zadd(place(queue, Status.STARTED), {f"{job_id}:{execution}": number})
            pipe.execute()


def mark(client: redis.Redis, jobs: int) -> None:
    """Every fourth job of the queue gets a worker, by which it is found."""
    with client.pipeline(transaction=False) as pipe:
        for number in range(0, 4 * jobs, 4):
            pipe.hset(keys.job(f"full-queued-{number}"), mapping={"worker_name": "fourth"})
            if number % 4_000 == 0:
                pipe.execute()
        pipe.execute()


def undoing(client: redis.Redis, batch: str, task: str) -> Iterator[Row]:
    back = measured(client, lambda: trash.undo(client, trash.find(client, batch)))
    yield within(f"{task}: {back.jobs:,} in {back.seconds:.2f} s, the longest chunk", back.worst, "ms", 10)


def distant(server: Server, client: redis.Redis, jobs: int) -> Iterator[Row]:
    """The same behind a line of 20 ms a round trip."""
    fill(client, "far", Status.FAILED, jobs)
    with delayed(server.socket) as url, redis.Redis.from_url(url) as far:
        matching = Matching("far", Status.FAILED)
        taken = []
        for _ in range(5):
            began = time.perf_counter()
            next(plans(far, RETRY, matching))
            taken.append(time.perf_counter() - began)
        yield within(f"question about {jobs:,} at 20 ms", statistics.median(taken), "s", 0.5)
        report = run(far, RETRY, matching)
        yield within(f"retry {report.done:,} at 20 ms", report.seconds, "s", 4)


def rows(wanted: argparse.Namespace) -> Iterator[Row]:
    """The table."""
    jobs = 10_000 if wanted.short else wanted.jobs
    with benchmarked(wanted.server) as (server, client):
        yield from retrying(server, client, jobs)
        yield from removing(server, client, jobs)
        yield from moving(client, jobs)
        yield from distant(server, client, jobs * 44 // 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs of each operation")
    parser.add_argument("--server", help="the server's program; without it the embedded one")
    shown(parser, rows)


if __name__ == "__main__":
    main()
