"""Keyspaces made by RQ itself: jobs in every status, and what no healthy program would have written."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import redis
from rq import Queue, Retry, SimpleWorker
from rq.executions import prepare_execution
from rq.job import Job, JobStatus
from rq.rate_limit import RateLimit
from rq.registry import ReadyJobRegistry
from rq.utils import now, utcformat

from qtui.broker.status import Status
from qtui_workers.server import keys
from tests.broker import tasks


class Worker(SimpleWorker):
    """Works in this process, and leaves the process's signal handlers alone."""

    def _install_signal_handlers(self) -> None:
        pass

    def subscribe(self) -> None:
        """Listen to no commands: nobody sends any, and RQ's thread for them takes up to a second to end."""


@dataclass
class Seeded:
    """The ids that were made, by status; and a worker that is registered and alive."""

    ids: dict[Status, list[str]] = field(default_factory=dict)
    worker: Worker | None = None

    def add(self, status: Status, job: Job) -> None:
        self.ids.setdefault(status, []).append(job.id)

    def first(self, status: Status) -> str:
        return self.ids[status][0]


def work(client: redis.Redis, *queues: str) -> None:
    """Works off everything in the queues, as `rq worker --burst` does."""
    Worker([Queue(name, connection=client) for name in queues], connection=client, name="burst").work(
        burst=True, logging_level="CRITICAL"
    )


def failed(client: redis.Redis, queue: str = "mail", count: int = 1, *, hours_ago: float = 0, **options: Any) -> list[str]:
    """Jobs that ran and failed, just now or so many hours ago; their ids, oldest first."""
    jobs = [Queue(queue, connection=client).enqueue(tasks.fail, f"message {n}", **options) for n in range(count)]
    work(client, queue)
    if hours_ago:
        age(client, [job.id for job in jobs], hours_ago)
    return [job.id for job in jobs]


def age(client: redis.Redis, ids: Iterable[str], hours: float) -> None:
    """Has jobs ended so many hours ago."""
    ended = utcformat(now() - timedelta(hours=hours))
    for job_id in ids:
        client.hset(keys.job(job_id), "ended_at", ended)


def copies(client: redis.Redis, job_id: str, number: int, queue: str = "mail") -> None:
    """That many failed jobs more in a queue, like the one of that id."""
    stored = client.hgetall(keys.job(job_id))
    with client.pipeline() as pipe:
        for name in (f"copy-{n}" for n in range(number)):
            pipe.hset(keys.job(name), mapping=stored)
            pipe.zadd(keys.registry("failed", queue), {name: 2e9})
        pipe.execute()


def finished(client: redis.Redis, queue: str = "mail", count: int = 1, **options: Any) -> list[str]:
    """Jobs that ran and finished; their ids, oldest first."""
    jobs = [Queue(queue, connection=client).enqueue(tasks.add, n, b=1, **options) for n in range(count)]
    work(client, queue)
    return [job.id for job in jobs]


def everything(client: redis.Redis) -> Seeded:
    """Queues mail and media with jobs in each of RQ's statuses, made by RQ, and one living worker."""
    seeded = Seeded()
    _ended(client, seeded)
    for name in ("mail", "media"):
        _in_registries(client, name, seeded)
        _in_queue(client, name, seeded)
    seeded.worker = _started(client, "mail", seeded)
    limit = RateLimit("api", concurrency=1)
    for _ in range(3):
        job = Queue("mail", connection=client).enqueue(tasks.add, 1, rate_limit=limit)
        seeded.add(Status(job.get_status()), job)
    seeded.ids[Status.QUEUED].sort(key=lambda job_id: client.hget(keys.job(job_id), "enqueued_at") or b"")
    return seeded


def _ended(client: redis.Redis, seeded: Seeded) -> None:
    for name in ("mail", "media"):
        queue = Queue(name, connection=client)
        for number in range(2):
            seeded.add(Status.FINISHED, queue.enqueue(tasks.add, number, meta={"customer": 7}))
        for number in range(3):
            seeded.add(Status.FAILED, queue.enqueue(tasks.fail, f"message {number}"))
        seeded.add(Status.STOPPED, queue.enqueue(tasks.fail))
    work(client, "mail", "media")
    for job_id in seeded.ids[Status.STOPPED]:
        Job.fetch(job_id, connection=client).set_status(JobStatus.STOPPED)


def _in_registries(client: redis.Redis, name: str, seeded: Seeded) -> None:
    queue = Queue(name, connection=client)
    seeded.add(Status.SCHEDULED, queue.enqueue_in(timedelta(hours=1), tasks.add, 1))
    parent = queue.enqueue_in(timedelta(hours=2), tasks.add, 1)
    seeded.add(Status.SCHEDULED, parent)
    seeded.add(Status.DEFERRED, queue.enqueue(tasks.add, 2, depends_on=parent))
    canceled = queue.enqueue(tasks.add, 3)
    canceled.cancel()
    seeded.add(Status.CANCELED, canceled)
    created = Job.create(tasks.add, args=(4,), connection=client, origin=name, status=JobStatus.CREATED)
    created.save()
    seeded.add(Status.CREATED, created)
    ready = queue.enqueue(tasks.add, 5, depends_on=parent)
    with client.pipeline() as pipe:
        ReadyJobRegistry(queue=queue).register_jobs([ready], pipe)
        pipe.execute()
    seeded.add(Status.READY_TO_ENQUEUE, ready)


def _in_queue(client: redis.Redis, name: str, seeded: Seeded) -> None:
    queue = Queue(name, connection=client)
    for number in range(4):
        seeded.add(Status.QUEUED, queue.enqueue(tasks.add, number, retry=Retry(max=2), description=f"job {number}"))


def _started(client: redis.Redis, name: str, seeded: Seeded) -> Worker:
    """A job that a living worker runs at this moment, as `rq.worker` leaves it in Redis."""
    queue = Queue(name, connection=client)
    worker = Worker([queue], connection=client, name="w1")
    worker.register_birth()
    job = queue.enqueue(tasks.add, 9, at_front=True, meta={"progress": {"done": 3, "total": 4, "message": "nearly"}})
    client.lpop(queue.key)
    prepare_execution(worker, job)
    with client.pipeline() as pipe:
        job.prepare_for_execution(worker.name, pipe)
        pipe.execute()
    seeded.add(Status.STARTED, job)
    return worker


class RunsACommand:
    """Pickled, it would run a command when unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        import os

        return os.system, (self.command,)


HOSTILE = ("escape", "markup", "pickled", "huge", "gone", "list", "no-data", "garbage", "weird")


def hostile(client: redis.Redis, queue: str = "hostile", command: str = "exit 1", size: int = 5_000_000) -> Seeded:
    """A failed registry and a queue of records that no healthy program would have written, beside one good job.

    The ids are those of `HOSTILE`; "good" is the last of both lists.
    """
    seeded = Seeded(ids={Status.FAILED: [*HOSTILE, "good"]})
    steal = zlib.compress(pickle.dumps(("shop.pay", None, (RunsACommand(command),), {})))
    good = zlib.compress(pickle.dumps(("shop.pay", None, (1,), {"to": "ada"})))
    base: dict[Any, Any] = {"status": "failed", "origin": queue, "created_at": "2024-01-01T00:00:00.000000Z", "data": good}
    records: dict[str, dict[Any, Any]] = {
        "escape": base | {"description": "\x1b[2J\x1b]0;owned\x07", "worker_name": b"\xff\xfe\x1b[31m"},
        "markup": base | {"description": "[red]not red[/red] [@click=app.quit]quit[/]"},
        "pickled": base | {"data": steal, "meta": zlib.decompress(steal)},
        "huge": base | {"data": pickle.dumps(("shop.pay", None, ("x" * size,), {})), "description": "shop.pay(…)"},
        "no-data": {"status": "failed", "origin": queue},
        "garbage": dict.fromkeys(base, b"\xff\x00garbage") | {"timeout": "soon", "retries_left": "NaN"},
        "weird": base | {"status": "unheard-of", "enqueued_at": "yesterday", "dependency_ids": "{", "retry_intervals": "["},
        "good": base,
    }
    with client.pipeline() as pipe:
        for job_id, fields in records.items():
            pipe.hset(keys.job(job_id), mapping=fields)
        pipe.rpush(keys.job("list"), "not a hash")
        pipe.sadd(keys.QUEUES, keys.queue(queue))
        for score, job_id in enumerate(seeded.ids[Status.FAILED]):
            pipe.zadd(keys.registry("failed", queue), {job_id: 2e9 + score})
            pipe.rpush(keys.queue(queue), job_id)
            pipe.xadd(keys.results(job_id), {"type": "2", "exc_string": "!! no base64", "return_value": b"\xff"})
        pipe.execute()
    return seeded
