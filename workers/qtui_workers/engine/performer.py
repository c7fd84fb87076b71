"""Running one job, in a horse or in the worker's own process, up to what is to be written about it."""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

import logging
import os
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from rq.defaults import UNSERIALIZABLE_RETURN_VALUE_PAYLOAD
from rq.executions import Execution
from rq.job import JobStatus, Retry
from rq.timeouts import JobTimeoutException

from qtui_workers.engine.claim import DEFAULT_TIMEOUT, Claim, Ending, failing, returned, traceback_of, unreadable
from qtui_workers.engine.job import Job
from qtui_workers.engine.retention import kept
from qtui_workers.engine.start_detection import told_once_begun
from qtui_workers.engine.unreadable import AWAY
from qtui_workers.rate.limiter import in_time

if TYPE_CHECKING:
    from qtui_workers.engine.worker import Worker

log = logging.getLogger("rq.worker")


class Interrupted(BaseException):
    """The job that runs in the worker's own process has to end now, and will run again."""


class Performer:
    """Runs the jobs that a worker claims, with the worker's classes and connection."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._last: tuple[Job, Execution, Ending, BaseException | None] | None = None

    def perform(self, claim: Claim, tell_start: Callable[[], None] | None = None) -> Ending:
        """Runs a job and says how it ended; calls `tell_start` once the job's own code is seen to have begun.

        A special job is ended by RQ's own code right here. A limited one that comes too late goes back to its queue. Raises
        nothing of what the job raises.
        """
        try:
            job = self.job_of(claim)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the record holds, the next job must get its turn
            return unreadable(claim, f"{type(error).__name__}: {error}")
        os.environ["RQ_JOB_ID"] = claim.id  # as RQ's horses have it
        execution = self.execution_of(claim, job)
        if claim.limit and not in_time(claim.asked):
            return returned(claim)

        def starting(function: Callable[..., Any]) -> AbstractContextManager[None]:
            if claim.limit and not in_time(claim.asked):  # ready so late that its slot may have been given again
                self._worker.limits.admit(claim.limit, claim.execution)
            return told_once_begun(function, tell_start) if tell_start else nullcontext()

        job.starting = starting
        if self.is_special(claim):
            started = time.time()
            self._worker.perform_job(job, self._worker.queue_of(claim.queue), execution)
            return _settled(job, started)
        return self._plain(claim, job, execution)

    def settle(self, execution_id: str) -> bool:
        """Ends the job that ran last by RQ's own code, which knows how to enqueue the jobs that wait for it."""
        if self._last is None or self._last[1].id != execution_id:
            return False
        job, execution, ending, error = self._last
        queue = self._worker.queue_of(job.origin)
        job.ended_at = datetime.fromtimestamp(ending.ended, UTC)
        if error is None:
            job._status = JobStatus.FINISHED
            self._worker.handle_job_success(job, queue, queue.started_job_registry, execution)
        else:
            job._status = JobStatus.FAILED
            job.retries_left = None
            self._worker.handle_job_failure(job, queue, exc_string=traceback_of(error), execution=execution)
        return True

    def is_special(self, claim: Claim) -> bool:
        """Whether RQ's own code runs and ends a job: it is special, or this worker ends jobs in ways of its own."""
        return self._worker.has_own_ways or claim.special

    def job_of(self, claim: Claim) -> Job:
        """The job as RQ has it once it is prepared for execution; raises whatever its record makes RQ raise."""
        job = cast(Job, self._worker.job_class(claim.id, connection=self._worker.connection, serializer=None))
        job.serializer = self._worker.serializer  # RQ would look at it anew each time, which takes as long as all the rest
        job.restore(claim.fields)
        job.begun_as_claimed(self._worker.name, datetime.fromtimestamp(claim.begun, UTC))
        if not job.origin:
            job.origin = claim.queue
        return job

    def execution_of(self, claim: Claim, job: Job | None) -> Execution:
        """The execution that the claim put on record."""
        execution = Execution(claim.execution, claim.id, self._worker.connection, self._worker.name)
        execution.created_at = execution.last_heartbeat = datetime.fromtimestamp(claim.begun, UTC)
        execution._job = job
        return execution

    def _plain(self, claim: Claim, job: Job, execution: Execution) -> Ending:
        started = time.time()
        job.started_at = datetime.fromtimestamp(started, UTC)
        error: BaseException | None = None
        over = 0.0
        try:
            timeout = job.timeout or DEFAULT_TIMEOUT
            with self._worker.death_penalty_class(timeout, JobTimeoutException, job_id=job.id):
                value = job.perform()
            over = time.monotonic()
            if isinstance(value, Retry):
                self._worker._finalize_success(job, self._worker.queue_of(claim.queue), execution, value)
                return _settled(job, started)
            ending = _succeeded(job, value, started, job.get_result_ttl(self._worker.default_result_ttl))
        except Interrupted:
            raise
        except BaseException as raised:  # noqa: BLE001 - RQ, too, takes even SystemExit for a failure of the job
            error = raised
            self._worker.handle_exception(job, type(raised), raised, raised.__traceback__)
            _, keep = kept(job)
            ending = failing(claim, traceback_of(raised), started=started, may_retry=job.should_retry, keep=keep)
        ending = replace(ending, over=over or time.monotonic())
        self._last = job, execution, ending, error
        return ending


def _settled(job: Job, started: float) -> Ending:
    return Ending("settled", started, time.time(), status=job._status.value if job._status else "")


def _succeeded(job: Job, value: Any, started: float, ttl: int) -> Ending:
    """As rq.results.Result.serialize writes what a job returned."""
    payload = b""
    if value is not None:
        try:
            serialized = job.serializer.dumps(value)
        except Exception:  # noqa: BLE001 - a serializer may raise anything
            serialized = job.serializer.dumps(UNSERIALIZABLE_RETURN_VALUE_PAYLOAD)
        payload = b64encode(serialized)
    keep, _ = kept(job)
    return Ending("finished", started, time.time(), payload, ttl, keep=keep)
