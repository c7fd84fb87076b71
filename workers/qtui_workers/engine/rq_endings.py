"""Ends special jobs by RQ's own code: those with callbacks, repeats, webhooks, dependents or RQ's limits."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending, brief
from qtui_workers.engine.hooks import JobHooks
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.retention import retention_of
from qtui_workers.engine.rq_adapter import WorkerInternals
from qtui_workers.engine.shutdown import Shutdown
from qtui_workers.engine.unreadable_jobs import AWAY
from qtui_workers.engine.worker_events import WorkerEvents
from qtui_workers.engine.worker_store import WorkerStore
from qtui_workers.reporting.events import EventKind
from qtui_workers.server import keys
from qtui_workers.server.connection import retry_of
from qtui_workers.server.redis_errors import is_refused_write
from qtui_workers.statuses import Status, parse
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")

_PAUSE: Final = 1.0


class RqEndings:
    """Has RQ's own code end jobs, each only while this worker holds it; then folds the log and removes the oldest jobs.

    It waits for Redis as long as it takes. RQ's code runs in a horse: to make it give up, the worker ends the horse.
    """

    def __init__(
        self,
        connection: redis.Redis,
        worker: str,
        *,
        store: WorkerStore,
        jobs: JobReader,
        hooks: JobHooks,
        internals: WorkerInternals,
        shutdown: Shutdown,
        events: WorkerEvents,
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._store = store
        self._jobs = jobs
        self._hooks = hooks
        self._internals = internals
        self._shutdown = shutdown
        self._events = events

    def holds(self, job_id: str, queue: str, execution: str) -> bool:
        """Whether this worker still has a job that it began (`holds_lease` of `lua/lease.lua`)."""
        return self._has_lease(job_id, queue, execution) or self._was_canceled(job_id)

    def _has_lease(self, job_id: str, queue: str, execution: str) -> bool:
        return self._connection.zscore(keys.registry("wip", queue), f"{job_id}:{execution}") is not None

    def _was_canceled(self, job_id: str) -> bool:
        return self._connection.hmget(keys.job(job_id), "status", "worker_name") == [b"canceled", self._worker.encode()]

    # Around RQ's own methods of the same names. `rq_method` is that method, with its arguments.

    def finalize(self, job: Job, queue: Queue, execution: Execution, rq_method: Callable[[], None]) -> None:
        """Ends a job, if this worker still has it; waits for Redis as long as it takes."""
        with self._endless_patience():
            if self.holds(job.id, queue.name, execution.id):
                rq_method()
            else:
                log.warning("%s: job %s was taken away meanwhile: nothing is written", queue.name, printable(job.id))

    def handle_success(self, job: Job, queue: Queue, rq_method: Callable[[], None]) -> None:
        """Writes that a job has finished, with its event, and removes the oldest finished jobs where wanted."""
        self.repeat_until_accepted(rq_method)
        self._events.ended(EventKind.COMPLETED, job)
        self._tidy(job, queue, "finished")

    def handle_failure(
        self, job: Job, queue: Queue, execution: Execution | None, rq_method: Callable[[], None], traceback: str
    ) -> None:
        """Writes that an attempt has failed, with its event, and removes the oldest failed jobs where wanted."""
        stopped, retries = self._internals.stopped_job_id, job.retries_left

        def write() -> None:
            self._internals.note_stopped_job(stopped)
            job.retries_left = retries
            rq_method()

        self.repeat_until_accepted(write)
        # RQ's method only logs what the server refuses: then the lease is still there.
        while execution is not None and self._has_lease(job.id, queue.name, execution.id) and not self._shutdown.is_due():
            threading.Event().wait(_PAUSE)
            self.repeat_until_accepted(write)
        status = _status(job)
        final = status is not None and status.failed
        self._events.ended(EventKind.FAILED if final else EventKind.RETRYING, job, error=brief(traceback))
        self._tidy(job, queue, "failed")

    def repeat_until_accepted(self, write: Callable[[], None]) -> None:
        """Repeats a transaction until the server accepts it; raises the server's error where this worker has to end."""
        while True:
            try:
                return write()
            except redis.ResponseError as error:
                if not is_refused_write(error) or self._shutdown.is_due():
                    raise
                threading.Event().wait(_PAUSE)

    # In the worker's process

    def end_without_horse(self, claim: Claim, ending: Ending, error: str) -> Ending:
        """Ends a special job whose horse is gone, as rq.worker.Worker.monitor_work_horse does."""
        settled = Ending("settled", ending.started, ending.ended)
        if not self.holds(claim.id, claim.queue, claim.execution):
            return settled  # the horse had ended it already, or it is another worker's
        job = self._jobs.job_of(claim)
        job.ended_at = datetime.fromtimestamp(ending.ended, UTC)
        job.usage = ending.usage
        execution, queue = self._jobs.execution_of(claim, job), self._jobs.queue_of(claim.queue)
        if ending.kind == "stopped":
            self._internals.handle_stopped_job(job, queue, execution)
        else:
            self._hooks.handle_job_failure(job, queue, exc_string=error, execution=execution)
        return settled._replace(status=job.get_status(refresh=False).value, error=ending.error)

    def enqueue_dependents(self, claim: Claim) -> None:
        """Enqueues the jobs that waited for one that has ended; logs an error where a record prevents that."""
        try:
            self._jobs.queue_of(claim.queue).enqueue_dependents(self._jobs.fetch(claim.id))
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record holds, the next job must get its turn
            log.error("job %s: what waits for it cannot be enqueued: %s", printable(claim.id), printable(str(error)))

    def _tidy(self, job: Job, queue: Queue, registry: str) -> None:
        status = _status(job)
        if status is not None and status.outcome:
            retention = retention_of(job)
            self._store.tidy(registry, queue.name, job.id, retention.finished if registry == "finished" else retention.failed)

    @contextmanager
    def _endless_patience(self) -> Iterator[None]:
        before = retry_of(self._connection)
        self._connection.set_retry(Retry(ConstantBackoff(_PAUSE), -1))
        try:
            yield
        finally:
            self._connection.set_retry(before)


def _status(job: Job) -> Status | None:
    """The status that RQ's own code has just given the job."""
    return parse(job.get_status(refresh=False))
