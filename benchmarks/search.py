"""Searching and grouping failed jobs beside RQ's own API, on the same data in the same run.

`python -m benchmarks.search` fills a server of its own and prints a table; `--jobs N` sets how many failed jobs there are
(200,000 is full size), `--server PROGRAM` which server it is.
"""

from __future__ import annotations

import argparse
import base64
import pickle
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis
from rq.job import Job
from rq.registry import FailedJobRegistry

from benchmarks.core import slowest
from qtui.broker.search import find, groups
from qtui.broker.search.expression import parse
from qtui.broker.search.scan import Limits, Scope
from qtui.broker.status import Status
from qtui_workers.server import keys
from tests import support
from tests.support import Server

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


def row(client: redis.Redis, task: str, search: Callable[[Limits], int], look: Callable[[Job], object], count: int) -> None:
    """Measure a search, and the same by RQ's API; print both."""
    first: list[float] = []
    found: list[int] = []
    limits = Limits(on_progress=lambda _matched, _scanned, _total: first.append(time.perf_counter()))
    client.slowlog_reset()
    began = time.perf_counter()
    taken = measured(lambda: found.append(search(limits)))
    worst = slowest(client)
    peer = theirs(client, look)
    print(
        f"| {task:<34} | {found[0]:>9,} | {first[0] - began:>8.2f} s | {taken.seconds:>8.2f} s | {worst:>6.1f} ms "
        f"| {peer.seconds * count:>8.1f} s | {peer.seconds * count / taken.seconds:>5.1f} × "
        f"| {taken.processor / count * 1e6:>6.1f} µs | {peer.processor * count / taken.processor:>5.1f} × |",
        flush=True,
    )


def measure(client: redis.Redis, count: int) -> None:
    """The table."""
    now = time.time()

    def jobs(text: str) -> Callable[[Limits], int]:
        scope = Scope(None, (Status.FAILED,), parse(text))
        return lambda limits: len(find.find(client, scope, now, limits=limits).jobs)

    def groups_by(what: str) -> Callable[[Limits], int]:
        return lambda limits: len(groups.count(client, Scope(None, (Status.FAILED,)), groups.by(what), now, limits=limits).groups)

    def causes(limits: Limits) -> int:
        return len(groups.causes(client, Scope(None, (Status.FAILED,)), now, limits=limits).groups)

    def error(job: Job) -> object:
        result = job.latest_result()
        return result and (result.exc_string or "").rstrip().rpartition("\n")[2]

    print("| task | found | first | all | worst command | RQ's API | | processor a job | |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    row(client, "by function", jobs("func:send_email"), lambda job: job.func_name == "mail.send_email", count)
    row(client, "by a value of the payload", jobs("payload.customer_id:42"), lambda job: job.kwargs["customer_id"] == 42, count)
    row(client, "by a word", jobs("o-4711"), lambda job: "o-4711" in str(job.kwargs), count)
    row(client, "by traceback", jobs("traceback:gateway"), lambda job: "gateway" in str(error(job)), count)
    row(client, "count by a value of the payload", groups_by("payload.customer_id"), lambda job: job.kwargs["customer_id"], count)
    row(client, "count by function", groups_by("function"), lambda job: job.func_name, count)
    row(client, "group by cause", causes, error, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000, help="failed jobs")
    parser.add_argument("--server", help="the server's program; without it the embedded one")
    wanted = parser.parse_args()
    if wanted.server:
        support.SERVER = wanted.server
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {"slowlog-log-slower-than": "500", "slowlog-max-len": "10000"})
        server.start()
        with server.client() as client:
            fill(client, wanted.jobs)
            measure(client, wanted.jobs)
        server.kill()


if __name__ == "__main__":
    main()
