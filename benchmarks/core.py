"""Looking at queues and jobs beside RQ's own reads, on the same data in the same run.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import redis
from rq import Queue, Worker
from rq.cli.helpers import show_both
from rq.job import Job
from rq.registry import FailedJobRegistry, clean_registries
from rq.worker_registration import clean_worker_registry

from benchmarks.delay_proxy import delayed
from benchmarks.rows import Row, faster, shown, within
from qtui.broker.lists import jobs
from qtui.broker.one_job import job
from qtui.broker.queues import overview
from qtui.broker.status import Status
from qtui.shared.looking import look
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


@contextmanager
def benchmarked(program: str | None = None) -> Iterator[tuple[Server, redis.Redis]]:
    """A server for benchmarks, and a client of it; `program`: which one, None for the embedded one."""
    if program:
        support.SERVER = program
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        options = {"slowlog-log-slower-than": "500", "slowlog-max-len": "10000"}
        server = Server(Path(folder), options, program=program or support.SERVER)
        server.start()
        try:
            with server.client() as client:
                yield server, client
        finally:
            server.kill()


def rq_info(client: redis.Redis) -> None:
    """What `rq info` does: it cleans all registries, then reads each."""
    queues = Queue.all(connection=client)
    for queue in queues:
        clean_registries(queue)
        clean_worker_registry(queue)
    with redirect_stdout(StringIO()):
        show_both(queues, True, False, Queue, Worker, client)


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


def distant(server: Server, count: int) -> Iterator[Row]:
    """The looks of the dashboard at 20 ms a round trip, without drawing; RQ's own reads beside them."""
    with delayed(server.socket) as url, redis.Redis.from_url(url) as far:

        def page(offset: int) -> object:
            return look(lambda: jobs.window(far, "q0", Status.FAILED, offset, 50), lambda: overview.load(far))

        def opened() -> object:
            return look(lambda: job.load(far, "q0-failed-0"), lambda: overview.load(far))

        theirs = timed(partial(rq_window, far, "q0", 0), 3)
        for name, ours, most in ("page", lambda: page(0), 60), ("deep page", lambda: page(count // 2), 60), ("job", opened, 80):
            peer = "" if name == "job" else f"{theirs:.0f} ms"
            yield within(f"at 20 ms a round trip: open a {name}", timed(ours, 10), "ms", most, peer)
        ours, theirs = timed(lambda: overview.load(far), 5), timed(lambda: rq_info(far), 1)
        yield faster("at 20 ms a round trip: overview, rq info", f"{ours:.0f} ms", f"{theirs:.0f} ms", theirs / ours, 50)


def looking(client: redis.Redis, count: int, queues: int) -> Iterator[Row]:
    for number in range(1, queues):
        fill(client, f"q{number}", Status.QUEUED, 20)
    fill(client, "q0", Status.QUEUED, count)
    fill(client, "q0", Status.FAILED, count)
    overview.load(client)
    ours = timed(lambda: overview.load(client), 50)
    for name, peer, aim in ("rq info", rq_info, 50), ("counts by RQ's API", rq_counts, None):
        theirs = timed(partial(peer, client), 5)
        yield faster(f"overview of {queues} queues, {name}", f"{ours:.2f} ms", f"{theirs:.1f} ms", theirs / ours, aim)
    for offset in (0, count * 3 // 4):
        failed = timed(partial(jobs.window, client, "q0", Status.FAILED, offset, 50), 50)
        theirs = timed(partial(rq_window, client, "q0", offset), 5)
        yield within(f"50 failed at offset {offset:,}", failed, "ms", 5, f"{theirs:.1f} ms")
        queued = timed(partial(jobs.window, client, "q0", Status.QUEUED, offset, 50), 50)
        yield within(f"50 queued at offset {offset:,}", queued, "ms", 5)
    merged = timed(lambda: jobs.window(client, None, Status.QUEUED, 0, 50), 50)
    yield within("all queues, 50 newest queued", merged, "ms", 5)


def rows(wanted: argparse.Namespace) -> Iterator[Row]:
    """The table."""
    count = 5_000 if wanted.short else wanted.jobs
    with benchmarked(wanted.server) as (server, client):
        yield from looking(client, count, wanted.queues)
        yield from distant(server, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000, help="failed jobs and queued jobs; 200,000 is full size")
    parser.add_argument("--queues", type=int, default=50)
    parser.add_argument("--server", help="the server's program; without it the embedded one")
    shown(parser, rows)


if __name__ == "__main__":
    main()
