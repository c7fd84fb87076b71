"""`QueueService`: validates payloads, then enqueues jobs that our worker and a stock `rq worker -S json` can run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

import redis
from pydantic import BaseModel

from qtui_workers.define import discovery
from qtui_workers.define.decorator import MAIN_QUEUE, Processor
from qtui_workers.define.options import RetrySettings
from qtui_workers.enqueue import batches
from qtui_workers.enqueue.enqueue_options import JobOptions, OneJobOptions
from qtui_workers.enqueue.job_template import JobTemplate, make_template
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.server.connection import open_client, resolve
from qtui_workers.server.redis_errors import explain, label_of
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, printable

if TYPE_CHECKING:
    from qtui_workers.enqueue.job_snapshot import JobSnapshot

_CANCEL: Final = Script.load("cancel_one")


@dataclass(frozen=True, slots=True)
class Enqueued:
    """One job that was enqueued."""

    id: str
    queue: str
    status: str
    """`queued`; `scheduled` until it is due; `rate_limited` while it waits for its processor's `concurrency`.

    Of an older job, the status that it has.
    """
    new: bool = True
    """False where this is an older job, which has the same content and has not ended (`unique`)."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The outcome of a cancel."""

    id: str
    queue: str
    status: str
    """The status before, in RQ's words."""
    canceled: bool
    """False where it was too late: the job has begun or ended, or a worker is just taking it."""


class QueueService:
    """Enqueues jobs of registered processors, reads their state, and cancels them.

    Every method raises InvalidInput (nothing is enqueued then), NotFound for an unknown processor or job, and
    RedisUnavailable, at once where the client does not retry; nothing is enqueued then either, unless only the server's reply
    was lost. Threads may share one service.
    """

    def __init__(self, connection: redis.Redis, *, max_retries: int | None = None) -> None:
        """`max_retries`: those of a job whose processor names no attempts; None: JOB_MAX_RETRIES, and none without it."""
        self._connection = connection
        self._retries = RetrySettings.read().job_max_retries if max_retries is None else max_retries

    @classmethod
    def of(cls, url: str | None = None, *, max_retries: int | None = None) -> Self:
        """The service of the Redis that `qtui_workers.server.connection.resolve(url)` finds; it connects at the first command.

        Raises InvalidInput for an address that is not valid, and RedisUnavailable only where that is the embedded server and
        it cannot be started.
        """
        return cls(open_client(resolve(url)), max_retries=max_retries)

    def add_test_job(self, data: Mapping[str, Any] | BaseModel) -> str:
        """Enqueues a `test_job` on the main queue; returns its id."""
        return self.enqueue("test_job", data, queue=MAIN_QUEUE).id

    def enqueue(
        self,
        processor: str | Processor[Any, Any],
        payload: Mapping[str, Any] | BaseModel | None = None,
        **options: Unpack[OneJobOptions],
    ) -> Enqueued:
        """Enqueues one job; the options are those of `qtui_workers.enqueue.enqueue_options.EnqueueOptions`.

        Where a job of the id exists already, the new job replaces it; an entry of the id that still waits in a queue is kept,
        as RQ does (`rq.Queue.enqueue_job`), and the older job's results and log are removed. With `unique` it raises Refused
        instead. Where jobs are unique by their content, and one of the same content has not ended, that one is returned.
        """
        template = make_template(_processor_of(processor), self._retries, **options)
        if template.unique_by:
            return self._enqueue_unique(template, payload)
        (new_id,), promoted = self._put(template, [payload], "payload")
        return Enqueued(new_id, template.queue, "queued" if new_id in promoted else template.status)

    def _enqueue_unique(self, template: JobTemplate, payload: Mapping[str, Any] | BaseModel | None) -> Enqueued:
        rows = list(template.rows([payload], "payload"))
        with self._explained():
            batches.register_limit(self._connection, template)
            ((job_id, status),) = batches.put_unique(self._connection, template, rows)
            promoted = batches.promote(self._connection, template)
        if status is not None:
            return Enqueued(job_id, template.queue, status, new=False)
        return Enqueued(job_id, template.queue, "queued" if job_id in promoted else template.status)

    def enqueue_many(
        self,
        processor: str | Processor[Any, Any],
        payloads: Iterable[Mapping[str, Any] | BaseModel | None],
        **options: Unpack[JobOptions],
    ) -> list[str]:
        """Enqueues a job for each payload, 500 in a round trip; returns their ids in the same order.

        The options are those of `EnqueueOptions` except `job_id` and `unique`. All jobs are enqueued or none: where a payload
        is bad, or Redis goes away in between, nothing is enqueued (`batches.enqueue`). The payloads may be a generator: only
        1,000 of them, and all ids, are in memory at a time.
        """
        if options.keys() & {"job_id", "unique"}:
            raise InvalidInput("job_id and unique are about one job: enqueue() takes them")
        template = make_template(_processor_of(processor), self._retries, **options)
        ids, _ = self._put(template, payloads, "payload {},")
        return ids

    def status(self, job_id: str) -> JobSnapshot:
        """A job's status, progress, payload, result and failed reason; NotFound where there is no job of that id."""
        from qtui_workers.enqueue.job_snapshot import read_snapshot  # not needed to enqueue

        with self._explained():
            return read_snapshot(self._connection, job_id)

    def cancel(self, job_id: str) -> Cancellation:
        """Cancels a job that waits: queued, scheduled (a retry too), deferred, or held back by a concurrency limit.

        As with RQ (`rq.job.Job.cancel`), the job can still be read, among the canceled ones, and what depends on it stays
        deferred. The server does it in one step: where a worker takes the job at the same moment, the job runs, and `canceled`
        is False. NotFound where there is no job of that id.
        """
        with self._explained():
            reply = _CANCEL.run(self._connection, id=job_id)
            if reply is None:
                raise NotFound(f"there is no job '{printable(job_id, 80)}': it was removed, or its time to be kept is over")
            status, queue, canceled = reply
        return Cancellation(job_id, decode(queue), decode(status), bool(canceled))

    def _put(
        self, template: JobTemplate, payloads: Iterable[Mapping[str, Any] | BaseModel | None], what: str
    ) -> tuple[list[str], list[str]]:
        """The ids of the new jobs, and of those jobs that a concurrency limit has let into the queue."""
        rows = template.rows(payloads, what)
        with self._explained():
            return batches.enqueue(self._connection, template, rows), batches.promote(self._connection, template)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:  # not OSError: payloads may come from a file that cannot be read
            raise explain(error, label_of(self._connection)) from error


def _processor_of(processor: str | Processor[Any, Any]) -> Processor[Any, Any]:
    if isinstance(processor, Processor):
        return processor
    if not isinstance(processor, str):
        raise InvalidInput(f"name a processor, or give it itself, instead of {printable(repr(processor), 60)}")
    return discovery.get(processor)
