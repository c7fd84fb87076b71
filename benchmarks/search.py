"""Searching and grouping failed jobs beside RQ's own API, on the same data in the same run.

`python -m benchmarks.search` fills a server of its own and prints a table; `--jobs N` sets how many failed jobs there are
(200,000 is full size), `--server PROGRAM` which server it is.
"""

from __future__ import annotations

import argparse
import base64
import pickle
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis
from rq.job import Job
from rq.registry import FailedJobRegistry

from benchmarks.core import benchmarked, slowest
from benchmarks.rows import Row, faster, shown, within
from qtui.broker.search import find, groups
from qtui.broker.search.expression import parse
from qtui.broker.search.scan import Scope, SearchBounds
from qtui.broker.status import Status
from qtui_workers.server import keys

FUNCTIONS = ("shop.charge", "shop.refund", "mail.send_email", "reports.nightly", "search.index_page")
PEER = 2_000
"""Jobs that RQ's API reads; its time for all of them is taken to grow with their number."""


def told(number: int) -> str:
    """A traceback as a job leaves it, with what differs from job to job."""
    try:
        if number % 3:
            raise ConnectionError(f"10.0.4.{number % 250} refused order {number}")
        raise TimeoutError(f"gateway did not answer in {number % 40} s")
    except OSError:
        return traceback.format_exc()


def fill(client: redis.Redis, count: int) -> None:
    """Failed jobs of five functions, as RQ writes them."""
    for start in range(0, count, 1_000):
        with client.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + 1_000, count)):
                name, job_id = FUNCTIONS[number % 5], f"00000000-0000-4000-8000-{number:012}"
                kwargs = {"customer_id": number % 1_000, "order": f"o-{number}", "retry": True}
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(1_700_000_000 + number))
                fields = {"status": "failed", "origin": "payments", "description": f"{name}(…)", "timeout": "180"}
                fields |= dict.fromkeys(("created_at", "enqueued_at", "started_at", "ended_at"), stamp)
                pipe.hset(keys.job(job_id), mapping=fields)
                pipe.hset(keys.job(job_id), "data", zlib.compress(pickle.dumps((name, None, (), kwargs))))
                pipe.zadd(keys.registry("failed", "payments"), {job_id: 4e9 + number})
                pipe.xadd(
                    keys.results(job_id), {"type": "2", "exc_string": base64.b64encode(zlib.compress(told(number).encode()))}
                )
            pipe.execute()
    client.sadd(keys.QUEUES, keys.queue("payments"))


def theirs(client: redis.Redis, look: Callable[[Job], object]) -> Figures:
    """What a loop over RQ's API takes for a job: seconds, and those of the processor."""
    ids = FailedJobRegistry("payments", connection=client).get_job_ids(0, PEER - 1, cleanup=False)

    def loop() -> None:
        for job_id in ids:
            look(Job.fetch(job_id, connection=client))

    taken = measured(loop)
    return Figures(taken.seconds / len(ids), taken.processor / len(ids))


@dataclass(frozen=True)
class Figures:
    """Seconds, and those of our own processor: the latter hold beside other work too."""

    seconds: float
    processor: float


def measured(work: Callable[[], object]) -> Figures:
    began, used = time.perf_counter(), time.process_time()
    work()
    return Figures(time.perf_counter() - began, time.process_time() - used)


@dataclass(frozen=True)
class Task:
    """A search, and what a loop over RQ's API looks at."""

    title: str
    search: Callable[[SearchBounds], int]
    look: Callable[[Job], object]
    aim: float | None = None
    """How many times as fast it is to be."""

    def rows(self, client: redis.Redis, count: int) -> Iterator[Row]:
        """Measures both; by the clock, and by our own processor, which hold beside other work too."""
        first: list[float] = []
        limits = SearchBounds(on_progress=lambda _matched, _scanned, _total: first.append(time.perf_counter()))
        self.search(limits)
        first.clear()
        client.slowlog_reset()
        began = time.perf_counter()
        ours = measured(lambda: self.search(limits))
        worst = slowest(client)
        peer = theirs(client, self.look)
        seconds, processor = peer.seconds * count, peer.processor * count
        yield faster(self.title, f"{ours.seconds:.2f} s", f"{seconds:.1f} s", seconds / ours.seconds, self.aim)
        each = f"{ours.processor / count * 1e6:.1f} µs", f"{peer.processor * 1e6:.0f} µs"
        yield faster("— processor a job", *each, processor / ours.processor, self.aim)
        yield within("— first rows", first[0] - began, "s", 0.3)
        yield within("— longest command", worst, "ms", 10)


def tasks(client: redis.Redis) -> Iterator[Task]:
    """What is searched for."""
    now = time.time()

    def jobs(text: str) -> Callable[[SearchBounds], int]:
        scope = Scope(None, (Status.FAILED,), parse(text))
        return lambda limits: len(find.find(client, scope, now, limits=limits).jobs)

    def groups_by(what: str) -> Callable[[SearchBounds], int]:
        return lambda limits: len(groups.count(client, Scope(None, (Status.FAILED,)), groups.by(what), now, limits=limits).groups)

    def causes(limits: SearchBounds) -> int:
        return len(groups.causes(client, Scope(None, (Status.FAILED,)), now, limits=limits).groups)

    def error(job: Job) -> object:
        result = job.latest_result()
        return result and (result.exc_string or "").rstrip().rpartition("\n")[2]

    yield Task("by function", jobs("func:send_email"), lambda job: job.func_name == "mail.send_email", 20)
    yield Task("by a value of the payload", jobs("payload.customer_id:42"), lambda job: job.kwargs["customer_id"] == 42, 20)
    yield Task("by a word", jobs("o-4711"), lambda job: "o-4711" in str(job.kwargs))
    yield Task("by traceback", jobs("traceback:gateway"), lambda job: "gateway" in str(error(job)), 10)
    yield Task("count by a payload value", groups_by("payload.customer_id"), lambda job: job.kwargs["customer_id"], 20)
    yield Task("count by function", groups_by("function"), lambda job: job.func_name)
    yield Task("group by cause", causes, error, 10)


def rows(wanted: argparse.Namespace) -> Iterator[Row]:
    """The table."""
    count = 10_000 if wanted.short else wanted.jobs
    with benchmarked(wanted.server) as (_, client):
        fill(client, count)
        for task in tasks(client):
            yield from task.rows(client, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000, help="failed jobs")
    parser.add_argument("--server", help="the server's program; without it the embedded one")
    shown(parser, rows)


if __name__ == "__main__":
    main()
