"""`QueueService`: validates payloads, then enqueues jobs that our worker and a stock `rq worker -S json` can run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

import redis
from pydantic import BaseModel
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.job import JOB_ID_PATTERN, JobStatus
from rq.serializers import JSONSerializer

from workers import discovery, keys
from workers.backoff import Backoff, as_backoff
from workers.durations import checked
from workers.errors import InvalidInput, Refused
from workers.job import Job
from workers.job_state import JobState, read_state
from workers.processor import MAIN_QUEUE, Options, Processor
from workers.text import printable

__all__ = ["MAIN_QUEUE", "Enqueued", "JobState", "Priority", "QueueService", "check_name", "with_priority"]

Priority = Literal["high", "normal", "low"]
"""`high` and `low` go to queues of their own, NAME-high and NAME-low, which a worker reads before and after NAME."""

_CHUNK: Final = 500
_MOST_ATTEMPTS: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,200}", re.ASCII)
_ID_LIMIT: Final = 200
_DESCRIPTION_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What came of enqueuing one job."""

    id: str
    queue: str
    status: Literal["queued", "scheduled"]


@dataclass(frozen=True, slots=True)
class _Order:
    """How jobs are to be enqueued, checked and complete."""

    processor: Processor[Any, Any]
    queue: str
    options: Options
    due: datetime | None = None
    job_id: str | None = None
    unique: bool = False


class QueueService:
    """Enqueues jobs of registered processors, and says how they are.

    Every method raises InvalidInput (nothing is enqueued then), NotFound for an unknown processor or job, and
    RedisUnavailable. Lengths of time are timedeltas or seconds.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def add_test_job(self, data: Mapping[str, Any] | BaseModel) -> str:
        """Enqueues a `test_job` on the main queue; returns its id."""
        return self.enqueue("test_job", data, queue=MAIN_QUEUE).id

    def enqueue(
        self,
        processor: str | Processor[Any, Any],
        payload: Mapping[str, Any] | BaseModel | None = None,
        *,
        queue: str | None = None,
        delay: timedelta | float | None = None,
        at: datetime | None = None,
        priority: Priority = "normal",
        attempts: int | None = None,
        backoff: Backoff | str | None = None,
        timeout: timedelta | float | None = None,
        job_id: str | None = None,
        unique: bool = False,
    ) -> Enqueued:
        """Enqueues one job; what is not given is as the processor says.

        `delay` or `at` (a time without a zone is local) schedules it, to the second and never early. A job id that
        exists already is enqueued over it, as RQ does; with `unique` that is Refused instead.
        """
        order = _order(processor, queue, priority, attempts, backoff, timeout, _due(delay, at), job_id, unique)
        model = order.processor.validate(payload)
        with self._explained():
            target = self._queue(order.queue)
            job = _job(target, order, model)
            self._put(target, [job], order)
        return Enqueued(job.id, order.queue, "scheduled" if order.due else "queued")

    def enqueue_many(
        self,
        processor: str | Processor[Any, Any],
        payloads: Iterable[Mapping[str, Any] | BaseModel | None],
        *,
        queue: str | None = None,
        delay: timedelta | float | None = None,
        at: datetime | None = None,
        priority: Priority = "normal",
        attempts: int | None = None,
        backoff: Backoff | str | None = None,
        timeout: timedelta | float | None = None,
    ) -> list[str]:
        """Enqueues a job for each payload, 500 in a round trip; returns their ids in the same order.

        All payloads are validated first: where one is bad, nothing is enqueued.
        """
        order = _order(processor, queue, priority, attempts, backoff, timeout, _due(delay, at), None, False)
        models = [order.processor.validate(p, f"payload {n},") for n, p in enumerate(payloads, 1)]
        ids: list[str] = []
        with self._explained():
            target = self._queue(order.queue)
            for start in range(0, len(models), _CHUNK):
                jobs = [_job(target, order, model) for model in models[start : start + _CHUNK]]
                self._put(target, jobs, order)
                ids += [job.id for job in jobs]
        return ids

    def status(self, job_id: str) -> JobState:
        """How a job is: its status, progress, payload and result; NotFound where there is none of that id."""
        with self._explained():
            return read_state(self._connection, job_id)

    def _queue(self, name: str) -> Queue:
        return Queue(name, connection=self._connection, serializer=JSONSerializer, job_class=Job)

    def _put(self, queue: Queue, jobs: list[Job], order: _Order) -> None:
        """All of them or none: one transaction, or RQ's script where the id has to be unique."""
        if order.unique:
            return self._put_unique(queue, jobs[0], order.due)
        with self._connection.pipeline(transaction=True) as pipe:
            for job in jobs:
                if order.due:
                    queue.schedule_job(job, order.due, pipeline=pipe)
                else:
                    queue.enqueue_job(job, pipeline=pipe)
                if order.job_id:  # an older job of that id leaves its counts behind
                    pipe.hdel(job.key, keys.FIELD_ATTEMPT, keys.FIELD_PROGRESS)
            pipe.execute()
        return None

    def _put_unique(self, queue: Queue, job: Job, due: datetime | None) -> None:
        try:
            if due:
                queue.schedule_job(job, due, unique=True)
            else:
                queue.enqueue_job(job, unique=True)
        except DuplicateJobError:
            raise Refused(f"there is a job '{job.id}' already: remove it, or choose another id") from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            from workers.connection import explain

            raise explain(error, _label(self._connection)) from error


def _label(connection: redis.Redis) -> str:
    """The server as people know it, without its password."""
    told = connection.connection_pool.connection_kwargs
    return str(told.get("path") or f"{told.get('host', 'localhost')}:{told.get('port', 6379)}/{told.get('db', 0)}")


def with_priority(queue: str, priority: Priority) -> str:
    """The queue in which jobs of that priority wait."""
    if priority not in get_args(Priority):
        raise InvalidInput(f"priority must be high, normal or low, not '{printable(str(priority), 40)}'")
    return queue if priority == "normal" else f"{queue}-{priority}"


def check_name(name: str, what: str = "queue name") -> str:
    """The name, where it is safe for keys, terminals and CLIENT SETNAME; InvalidInput otherwise."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{what} '{printable(name, 60)}' is not allowed: use 1 to 200 letters, digits, '_', '.', ':' or '-'")
    if name.endswith(":intermediate") or ":intermediate:" in name:
        raise InvalidInput(f"{what} '{name}' is not allowed: RQ keeps its own lists under ':intermediate'")
    return name


def _order(
    processor: str | Processor[Any, Any],
    queue: str | None,
    priority: Priority,
    attempts: int | None,
    backoff: Backoff | str | None,
    timeout: timedelta | float | None,
    due: datetime | None,
    job_id: str | None,
    unique: bool,
) -> _Order:
    found = processor if isinstance(processor, Processor) else discovery.get(processor)
    options = found.options
    if attempts is not None:
        options = replace(options, attempts=attempts)
    if not 1 <= options.attempts <= _MOST_ATTEMPTS:
        raise InvalidInput(f"attempts must be from 1 to {_MOST_ATTEMPTS:,}, not {options.attempts}")
    if backoff is not None:
        options = replace(options, backoff=as_backoff(backoff))
    if timeout is not None:
        options = replace(options, timeout=checked(timeout, "timeout", least=1))
    if job_id is not None and not (JOB_ID_PATTERN.fullmatch(job_id) and len(job_id) <= _ID_LIMIT):
        raise InvalidInput(f"job id '{printable(job_id, 60)}' is not allowed: use 1 to {_ID_LIMIT} letters, digits, '_' or '-'")
    if unique and job_id is None:
        raise InvalidInput("unique needs a job id: it refuses a second job of the same id")
    name = check_name(with_priority(queue or found.queue, priority))
    return _Order(found, name, options, due, job_id, unique)


def _due(delay: timedelta | float | None, at: datetime | None) -> datetime | None:
    """When a job is to run, in whole seconds, rounded up; None: now."""
    if delay is not None and at is not None:
        raise InvalidInput("give either a delay or a time, not both")
    now = datetime.now(UTC)
    if delay is not None:
        wait = checked(delay, "delay")
        at = now + wait if wait else None
    if at is None or at.astimezone(UTC) <= now:
        return None
    return datetime.fromtimestamp(math.ceil(at.timestamp()), UTC)


def _job(queue: Queue, order: _Order, model: BaseModel) -> Job:
    options = order.options
    retries = options.attempts - 1
    job = queue.create_job(
        order.processor.path,
        kwargs=model.model_dump(mode="json"),
        timeout=math.ceil(options.timeout.total_seconds()),
        result_ttl=int(options.result_ttl.total_seconds()),
        failure_ttl=int(options.failure_ttl.total_seconds()),
        description=_description(order.processor.name, model),
        job_id=order.job_id,
        status=JobStatus.SCHEDULED if order.due else JobStatus.QUEUED,
        retry=Retry(max=retries, interval=options.backoff.intervals(retries)) if retries else None,
    )
    assert isinstance(job, Job)
    job.attempts = options.attempts
    return job


def _description(name: str, model: BaseModel) -> str:
    """The call as a person reads it, with the fields that were given."""
    given = (field for field in type(model).model_fields if field in model.model_fields_set)
    fields = ", ".join(f"{field}={getattr(model, field)!r:.75}" for field in given)
    return printable(f"{name}({fields})", _DESCRIPTION_LIMIT)
