"""A realistic keyspace in which every value is fixed: a shop at four minutes past noon, with trouble in its queue payments.

Jobs, results and workers are written by RQ itself, with times of our choosing; our own fields as our worker writes them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import redis
from redis.client import Pipeline
from rq import Queue, SimpleWorker
from rq.job import Job, JobStatus
from rq.results import Result

from qtui.broker.status import Status
from qtui_workers.server import keys
from screenshots import happenings, schedule, tracebacks

NOW: Final = datetime(2026, 5, 12, 12, 4, 31, tzinfo=UTC).timestamp()
"""The moment of every picture, in seconds since the epoch."""

SERVER: Final = {
    "redis_version": "7.2.4",
    "used_memory": 3_328_599_654,
    "maxmemory": 8 * 1024**3,
    "instantaneous_ops_per_sec": 1_204,
}
"""What INFO says in every picture."""

KEPT: Final = 364 * 86_400 + 1_800
"""Seconds for which records are kept; half an hour more than what is shown, so that it is shown for half an hour."""

RECORDS: Final = 70
"""Jobs of a long list that have a record: more than a screen shows. The others are only ids."""


def freeze(client: redis.Redis) -> None:
    """Replace the server's clock and figures by fixed values; everything else is read as it is."""
    client.set_response_callback("TIME", lambda *_, **__: (int(NOW), 0))
    client.set_response_callback("INFO", lambda *_, **__: SERVER)


USUAL: Final = {"publishing-builds": 58.0}
"""Seconds that the jobs of a queue take; those of the others take a fraction of one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One list of jobs: which, how many, and how old they are."""

    queue: str
    status: Status
    number: int
    newest: float
    """Seconds since the newest one was queued, started or ended; negative: it is due then."""
    step: float
    """Seconds from one to the next older one."""
    records: int = RECORDS


@dataclass(slots=True)
class _Writer:
    """Puts jobs into one pipeline; the same ids every time."""

    client: redis.Redis
    pipe: Pipeline
    made: int = 0

    def new_id(self) -> str:
        self.made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"job {self.made}"))


FUNCTIONS: Final[dict[str, Sequence[tuple[str, str]]]] = {
    "payments": (("shop.charge.charge", "order"), ("shop.charge.refund", "order"), ("shop.ledger.book", "entry")),
    "publishing-builds": (("publishing.builds.execute_build_and_submit", "build"),),
    "mail": (("mail.send.welcome", "customer"), ("mail.send.receipt", "order")),
    "nightly": (("reports.nightly.close_day", "shop"),),
}
"""By queue: functions and the name of their argument."""

IDLE: Final = ("exports", "imports-eu", "imports-us", "search-index", "thumbnails", "webhooks")
"""Queues without any job."""

LINES: Final = (
    Line("payments", Status.QUEUED, 12_431, 0.5, 0.05816),
    Line("payments", Status.STARTED, 4, 2.5, 56.7),
    Line("payments", Status.FAILED, 2_113, 3.5, 7.3, records=2_113),
    Line("payments", Status.FINISHED, 98_112, 0.4, 0.8),
    Line("publishing-builds", Status.QUEUED, 3, 12.5, 14.5),
    Line("publishing-builds", Status.STARTED, 1, 42.5, 0),
    Line("publishing-builds", Status.FINISHED, 100, 50.5, 72.0),
    Line("mail", Status.STARTED, 2, 0.7, 0.4),
    Line("mail", Status.SCHEDULED, 14, -3_480, 240),
    Line("mail", Status.FAILED, 3, 7_400, 900),
    Line("mail", Status.FINISHED, 4_204, 0.2, 0.33),
    Line("nightly", Status.QUEUED, 250, 7_555.5, 1.0),
)

WORKERS: Final = (
    ("web-1", 4, "payments"),
    ("web-2", 2, "publishing-builds"),
    ("web-3", 2, "mail"),
)
"""Host, how many workers run there, what they listen to."""


def seed(client: redis.Redis) -> None:
    """Fill an empty server; takes about a second."""
    with client.pipeline(transaction=False) as pipe:
        writer = _Writer(client, pipe)
        in_order = sorted(LINES, key=lambda line: line.status is not Status.STARTED)
        lists = {(line.queue, line.status): _write(writer, line) for line in in_order}
        happenings.seed(pipe, lists, NOW)
        for queue in (*FUNCTIONS, *IDLE):
            pipe.sadd(keys.QUEUES, keys.queue(queue))
        pipe.execute()
    for host, number, queue in WORKERS:
        for place in range(number):
            _worker(client, host, place, queue, lists[queue, Status.STARTED])
    schedule.seed(client, NOW)


def _write(writer: _Writer, line: Line) -> list[str]:
    """The jobs of a line, newest first; returns their ids."""
    ids = [writer.new_id() for _ in range(line.number)]
    for place, job_id in enumerate(ids):
        at = NOW - line.newest - place * line.step
        if place < line.records or place == line.number - 1:
            _record(writer, line, job_id, place, at)
    _enlist(writer.pipe, line, ids)
    return ids


def _enlist(pipe: Pipeline, line: Line, ids: list[str]) -> None:
    if line.status is Status.QUEUED:
        pipe.rpush(keys.queue(line.queue), *reversed(ids))
        return
    kind = line.status.registry or ""
    ending, beyond = (":1f", 86_400) if line.status is Status.STARTED else ("", 0)  # the score is when a lease expires
    scores = {f"{job_id}{ending}": NOW + beyond - line.newest - place * line.step for place, job_id in enumerate(ids)}
    pipe.zadd(keys.registry(kind, line.queue), scores)
    for job_id in ids if line.status is Status.STARTED else ():
        pipe.zadd(keys.executions(job_id), {"1f": 4e9})  # by the server's own clock it is running, too


def _record(writer: _Writer, line: Line, job_id: str, place: int, at: float) -> None:
    """One job's hash, its result and its log, as RQ and our worker leave them."""
    failure = tracebacks.FAILURES[place % len(tracebacks.FAILURES)]
    function, argument = FUNCTIONS[line.queue][place % len(FUNCTIONS[line.queue])]
    if line.status is Status.FAILED:
        function, argument = failure.function, failure.argument
    number = 48_213 - place * 3
    job = Job.create(
        function,
        kwargs={argument: number, "currency": "EUR"} if line.queue == "payments" else {argument: number},
        connection=writer.client,
        id=job_id,
        origin=line.queue,
        timeout=180,
        status=JobStatus(line.status.value),
        description=f"{function}({argument}={number})",
    )
    took = failure.seconds if line.status is Status.FAILED else USUAL.get(line.queue, 0.31) + place % 7 / 10
    _date(job, line.status, at, took, worker=_worker_of(line.queue, place))
    extra: dict[str, Any] = {}
    if line.status in (Status.FAILED, Status.STARTED, Status.FINISHED):
        extra = {keys.FIELD_ATTEMPTS: 3, keys.FIELD_ATTEMPT: 3 if line.status is Status.FAILED else 1 + (place % 5 == 4)}
    if line.status is Status.STARTED:
        extra |= _progress(writer, line, job, place)
    writer.pipe.hset(job.key, mapping=job.to_dict() | extra)
    writer.pipe.expire(job.key, KEPT)
    _result(writer, line, job, place)


def _worker_of(queue: str, place: int) -> str:
    """The name of the worker that had the job at that place of a list."""
    host, number = next(((host, number) for host, number, listens in WORKERS if listens == queue), ("web-1", 1))
    return f"{host}.{71 + place % number}"


def _date(job: Job, status: Status, at: float, took: float, worker: str) -> None:
    """The times of a job that entered its status at this time."""
    moment = datetime.fromtimestamp
    began = at - took if status in (Status.FAILED, Status.FINISHED) else at
    queued = {Status.QUEUED: at, Status.SCHEDULED: NOW - 60}.get(status, began - 12.4)
    job.created_at = moment(queued - 0.02, UTC)
    if status is Status.SCHEDULED:
        return
    job.enqueued_at = moment(queued, UTC)
    if status is not Status.QUEUED:
        job.started_at = moment(began, UTC)
        job.worker_name = worker
    if status in (Status.FAILED, Status.FINISHED):
        job.ended_at = moment(at, UTC)
    if status is Status.STARTED:
        job.last_heartbeat = moment(NOW - 1.4, UTC)


def _result(writer: _Writer, line: Line, job: Job, place: int) -> None:
    times: dict[str, Any] = {"execution_started_at": job.started_at, "execution_ended_at": job.ended_at, "pipeline": writer.pipe}
    if line.status is Status.FAILED:
        text = tracebacks.FAILURES[place % len(tracebacks.FAILURES)].traceback
        Result.create_failure(job, KEPT, text, worker_name=job.worker_name or "", execution_id="1f", **times)
    elif line.status is Status.FINISHED:
        value = {"booked": True, "receipt": f"R-{90_000 + place}"}
        Result.create(job, Result.Type.SUCCESSFUL, KEPT, return_value=value, worker_name=job.worker_name or "", **times)


STEPS: Final = (
    "read the manuscript",
    "convert 214 figures",
    "render page 31 of 50",
    "render page 32 of 50",
    "render page 33 of 50",
)


def _progress(writer: _Writer, line: Line, job: Job, place: int) -> dict[str, str]:
    """How far a running job is, and what it logged so far."""
    if line.queue == "mail":
        return {}
    done, total = (33, 50) if line.queue == "publishing-builds" else (1 + place * 5, 18)
    message = STEPS[-1] if line.queue == "publishing-builds" else ("ask the gateway", "wait for the bank")[place % 2]
    began = job.started_at.timestamp() if job.started_at else NOW
    for number, step in enumerate(STEPS if line.queue == "publishing-builds" else ("connect to the gateway", message)):
        at = began + 0.4 + number * 8.21
        if at > NOW:
            break
        level = "WARNING" if "figures" in step else "INFO"
        text = f"{step}: 3 have no alternative text" if level == "WARNING" else step
        writer.pipe.xadd(keys.log(job.id), {"level": level, "text": text, "at": f"{at:.3f}"}, id=f"{int(at * 1000)}-{number}")
    return {keys.FIELD_PROGRESS: json.dumps({"done": done, "total": total, "message": message, "at": NOW - 1})}


def _worker(client: redis.Redis, host: str, place: int, queue: str, running: list[str]) -> None:
    """A registered worker, busy where the queue has a job for it."""
    worker = SimpleWorker([Queue(queue, connection=client)], connection=client, name=_worker_of(queue, place))
    worker.register_birth()  # type: ignore[no-untyped-call]  # RQ gives it no types
    busy = place < len(running)
    facts: dict[Any, Any] = {
        "hostname": host,
        "pid": 4_100 + 17 * place,
        "version": "3.0.0",
        "state": "busy" if busy else "idle",
        "birth": _text(NOW - 3 * 86_400),
        "last_heartbeat": _text(NOW - 2.5 - 3 * place),
        "successful_job_count": 12_204 + 311 * place,
        "failed_job_count": 214 + 9 * place if queue == "payments" else place,
    }
    client.hset(worker.key, mapping=facts)
    client.persist(worker.key)
    if busy:
        client.sadd(f"{worker.key}:executions", f"{running[place]}:1f")


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
