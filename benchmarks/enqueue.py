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
    """Milliseconds of the slowest script since the slow log was emptied."""
    entries = client.slowlog_get(10_000)
    return max((e["duration"] / 1e3 for e in entries if e["command"].startswith(b"EVAL")), default=0.0)


def compare(client: redis.Redis, task: str, ours: Work, theirs: Work, count: int, rounds: int) -> None:
    """One line of the table; the two take turns, so that what else the machine does meets both."""
    pairs = [(rate(client, ours, count), rate(client, theirs, count)) for _ in range(rounds)]
    mine, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(left / right for left, right in pairs)
    print(f"| {task:<36} | {mine:>9,.0f} | {peer:>9,.0f} | {ratio:>5.1f} × |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs that are enqueued together")
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {"slowlog-log-slower-than": "500", "slowlog-max-len": "10000"})
        server.start()
        with server.client() as client:
            measure(client, wanted.jobs, wanted.rounds)
        server.kill()


def measure(client: redis.Redis, count: int, rounds: int) -> None:
    few = max(count // 50, 100)
    print(f"| {'jobs per second':<36} | {'qtui':>9} | {'RQ':>9} | {'ratio':>7} |")
    print(f"|{'-' * 38}|{'-' * 10}:|{'-' * 10}:|{'-' * 8}:|")
    compare(client, f"{few:,} one by one", ours_one_by_one, rq_one_by_one, few, rounds)
    compare(client, f"{count:,} at once", ours_many, rq_many, count, rounds)
    compare(client, f"{count:,} at once, waits drawn by lot", ours_many_drawn, rq_many, count, rounds)
    client.flushall()
    ours_many(client, count)
    client.slowlog_reset()
    ours_many(client, count)
    print(f"\nthe server's slowest step of ours, into a queue that holds {count:,}: {slowest(client):.1f} ms")


if __name__ == "__main__":
    main()
