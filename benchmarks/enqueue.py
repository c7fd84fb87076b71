"""Enqueuing beside RQ's own API: the same payloads on the same server in the same run.

`python benchmarks/enqueue.py` starts a server of its own and prints medians and ratios; `--jobs N` sets how many jobs go
in at once, `--rounds N` how often each is measured.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.processors.report import report
from tests.support import Server

Work = Callable[[redis.Redis, int], object]


def payload(number: int) -> dict[str, object]:
    return {"title": f"Report {number}", "steps": 3, "seconds_per_step": 0.5}


def ours_one_by_one(client: redis.Redis, count: int) -> None:
    service = QueueService(client)
    for number in range(count):
        service.enqueue(report, payload(number), attempts=3, backoff="fixed:10s")


def ours_many(client: redis.Redis, count: int) -> None:
    QueueService(client).enqueue_many(report, map(payload, range(count)), attempts=3, backoff="fixed:10s")


def ours_many_drawn(client: redis.Redis, count: int) -> None:
    QueueService(client).enqueue_many(report, map(payload, range(count)), attempts=3, backoff="exponential:10s")


def queue(client: redis.Redis) -> Queue:
    return Queue("peer", connection=client, serializer=JSONSerializer)


def rq_one_by_one(client: redis.Redis, count: int) -> None:
    target = queue(client)
    for number in range(count):
        target.enqueue(report.path, kwargs=payload(number), retry=Retry(max=2, interval=[10, 10]))


def rq_many(client: redis.Redis, count: int) -> None:
    retry = Retry(max=2, interval=[10, 10])
    datas = [Queue.prepare_data(report.path, kwargs=payload(number), retry=retry) for number in range(count)]
    queue(client).enqueue_many(datas)


def rate(client: redis.Redis, work: Work, count: int) -> float:
    """Jobs per second, into empty queues."""
    client.flushall()
    began = time.perf_counter()
    work(client, count)
    return count / (time.perf_counter() - began)


def slowest(client: redis.Redis) -> float:
    """Milliseconds of the slowest script or transaction since the statistics were reset; there is one transaction."""
    entries = client.slowlog_get(10_000)
    scripts = [e["duration"] / 1e3 for e in entries if e["command"].startswith(b"EVAL")]
    return max([*scripts, client.info("commandstats").get("cmdstat_exec", {"usec": 0})["usec"] / 1e3])


class Row(NamedTuple):
    """Jobs a second of ours, and of RQ."""

    task: str
    ours: float
    rq: float
    ratio: float


def compare(client: redis.Redis, task: str, ours: Work, theirs: Work, count: int, rounds: int) -> Row:
    """The two take turns, so that what else the machine does meets both."""
    pairs = [(rate(client, ours, count), rate(client, theirs, count)) for _ in range(rounds)]
    mine, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(task, mine, peer, statistics.median(left / right for left, right in pairs))


def measure(client: redis.Redis, count: int, rounds: int) -> tuple[list[Row], float]:
    """The rows of the table; and the milliseconds of the server's slowest step of ours, into a queue that holds as many jobs."""
    few = max(count // 50, 500)
    found = [
        compare(client, f"{few:,} one by one", ours_one_by_one, rq_one_by_one, few, rounds),
        compare(client, f"{count:,} at once", ours_many, rq_many, count, rounds),
        compare(client, f"{count:,} at once, waits drawn by lot", ours_many_drawn, rq_many, count, rounds),
    ]
    client.flushall()
    ours_many(client, count)
    client.slowlog_reset()
    client.config_resetstat()
    ours_many(client, count)
    return found, slowest(client)


def rows(*, short: bool = False, jobs: int = 100_000, rounds: int = 5) -> tuple[list[Row], float]:
    """What `measure` finds on a server of its own; `short`: in less than half a minute."""
    if short:
        jobs, rounds = 20_000, 3
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {"slowlog-log-slower-than": "500", "slowlog-max-len": "10000"})
        server.start()
        try:
            with server.client() as client:
                return measure(client, jobs, rounds)
        finally:
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs that are enqueued together")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="fewer of both")
    wanted = parser.parse_args()
    found, slow = rows(short=wanted.short, jobs=wanted.jobs, rounds=wanted.rounds)
    print(f"| {'jobs per second':<36} | {'qtui':>9} | {'RQ':>9} | {'ratio':>7} |")
    print(f"|{'-' * 38}|{'-' * 10}:|{'-' * 10}:|{'-' * 8}:|")
    for row in found:
        print(f"| {row.task:<36} | {row.ours:>9,.0f} | {row.rq:>9,.0f} | {row.ratio:>5.1f} × |")
    print(f"\nthe server's slowest step of ours, into a queue that holds as many: {slow:.1f} ms")


if __name__ == "__main__":
    main()
