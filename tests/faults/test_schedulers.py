"""Scheduled jobs are enqueued once, or not at all where they were canceled or removed, whatever happens to the schedulers."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.scheduler import RQScheduler

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.faults import jobs
from tests.faults.support import ALLOW, status
from tests.support import Server, wait_until
from tests.workers.support import working

PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_runs(client: redis.Redis) -> None:
    client.set(keys.SUSPENDED, 1)


def schedule(client: redis.Redis, number: int, at: datetime = PAST) -> list[str]:
    """So many jobs that are due at that time."""
    queue = Queue("default", connection=client)
    with client.pipeline() as pipe:
        found = [queue.enqueue_at(at, jobs.give, n, job_id=f"job-{n}", pipeline=pipe).id for n in range(number)]
        pipe.execute()
    return found


def waiting(client: redis.Redis) -> list[str]:
    return [job_id.decode() for job_id in client.lrange(keys.queue("default"), 0, -1)]


def not_enqueued(client: redis.Redis) -> int:
    return int(client.zcard(keys.registry("scheduled", "default")))


def only_scheduler(client: redis.Redis) -> RQScheduler:
    """The one that is on record, as RQ reads it."""
    names: list[str] = []

    def found() -> list[str]:
        names[:] = [key.decode().removeprefix(keys.scheduler("")) for key in client.scan_iter(keys.scheduler("*"))]
        return names

    wait_until(found, description="a scheduler is there")
    return RQScheduler.fetch(names[0], client)


def works_on(client: redis.Redis, scheduler: RQScheduler) -> None:
    """Returns when the scheduler has begun its work twice from now on: at once where a job is scheduled, be it for much later."""
    seen: set[bytes | None] = set()
    registry = keys.registry("scheduled", "default")
    client.zadd(registry, {"later": 4_000_000_000})

    def worked_twice() -> bool:
        seen.add(client.hget(scheduler.key, "last_heartbeat"))
        return len(seen) == 3

    wait_until(worked_twice, description="it works")
    client.zrem(registry, "later")


def stop_once_it_has_read(server: Server, scheduler: RQScheduler) -> None:
    """Stops the process of a scheduler as soon as the server has seen it read what is due."""
    with server.client() as watching, watching.monitor() as monitor:
        os.kill(scheduler.pid, signal.SIGCONT)
        for seen in monitor.listen():
            if seen["command"].upper().startswith("ZRANGEBYSCORE") and "scheduled" in seen["command"]:
                os.kill(scheduler.pid, signal.SIGSTOP)
                return


@contextmanager
def stock_scheduler(server: Server, home: Path) -> Iterator[None]:
    """The process of RQ's own scheduler."""
    with server.client() as client:
        process = RQScheduler(["default"], connection=client)
        process.acquire_locks()
        child = process.start()
    try:
        yield
    finally:
        child.terminate()
        child.join(20)


@contextmanager
def our_worker(server: Server, home: Path) -> Iterator[None]:
    with working(server, home, *ALLOW, log_name="other.log"):
        yield


@pytest.mark.parametrize("other", [our_worker, stock_scheduler])
def test_a_scheduler_that_stood_still_for_longer_than_its_lock_enqueues_nothing_twice(
    server: Server, client: redis.Redis, home: Path, other: Callable[[Server, Path], AbstractContextManager[None]]
) -> None:
    with working(server, home, *ALLOW):
        scheduler = only_scheduler(client)
        os.kill(scheduler.pid, signal.SIGSTOP)
        try:
            ids = schedule(client, 500)
            stop_once_it_has_read(server, scheduler)
            client.delete(keys.scheduler_lock("default"))  # it expires
            with other(server, home):
                wait_until(lambda: not_enqueued(client) == 0, description="the other one enqueues them")
                os.kill(scheduler.pid, signal.SIGCONT)
                works_on(client, scheduler)
        finally:
            os.kill(scheduler.pid, signal.SIGCONT)
    assert sorted(waiting(client)) == sorted(ids)


def test_what_is_canceled_or_removed_in_the_second_in_which_it_is_due_is_not_enqueued(
    server: Server, client: redis.Redis, home: Path
) -> None:
    canceling, removing = server.client(), server.client()
    due = datetime.fromtimestamp(math.ceil(time.time()) + 3, UTC)
    ids = schedule(client, 3_000, due)
    service = QueueService(canceling)

    def cancel() -> set[str]:
        return {job_id for job_id in ids[::2] if service.cancel(job_id).canceled}

    def remove() -> None:
        for job_id in ids[1::2]:
            Job(job_id, connection=removing).delete()

    with canceling, removing, working(server, home, *ALLOW), ThreadPoolExecutor() as threads:
        wait_until(lambda: time.time() >= due.timestamp() - 0.2, description="they are nearly due")
        canceled, removed = threads.submit(cancel), threads.submit(remove)
        canceled.result()
        removed.result()
        wait_until(lambda: not_enqueued(client) == 0, description="none is left in the registry")
        works_on(client, only_scheduler(client))
    found = waiting(client)
    assert len(set(found)) == len(found)
    assert not canceled.result() & set(found)
    assert {status(client, job_id) for job_id in canceled.result()} <= {"canceled"}
    assert {status(client, job_id) for job_id in set(ids[::2]) - canceled.result()} <= {"queued"}
    assert {job_id for job_id in ids[1::2] if client.exists(keys.job(job_id))} == set()
