"""Runs one job, in a horse or in the worker's own process, and returns what is to be written about it."""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rq.defaults import UNSERIALIZABLE_RETURN_VALUE_PAYLOAD
from rq.executions import Execution
from rq.job import JobStatus, Retry
from rq.timeouts import JobTimeoutException

from qtui_workers.define.discovery import discover
from qtui_workers.define.unrecoverable import CannotRun
from qtui_workers.engine.claim import DEFAULT_TIMEOUT, Claim, Interrupted
from qtui_workers.engine.ending import Ending, failing, refused, rescheduled, returned, traceback_of, unreadable
from qtui_workers.engine.hooks import JobHooks
from qtui_workers.engine.job import Job
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.job_variable import JobVariable
from qtui_workers.engine.retention import retention_of
from qtui_workers.engine.rq_adapter import WorkerInternals
from qtui_workers.engine.start_detection import start_detected
from qtui_workers.engine.surroundings import Surroundings
from qtui_workers.engine.unreadable import AWAY
from qtui_workers.engine.usage import Meter
from qtui_workers.errors import Reschedule
from qtui_workers.rate.limiter import Limits
from qtui_workers.reporting.job_recording import recording
from qtui_workers.server.rq_format import format_result


@dataclass(frozen=True, slots=True)
class _Performed:
    """A job whose ending is not written yet, as far as this process knows."""

    job: Job
    execution: Execution
    ending: Ending
    error: BaseException | None


class Performer:
    """Runs the jobs that a worker claims."""

    def __init__(self, jobs: JobReader, hooks: JobHooks, internals: WorkerInternals, limits: Limits, refuse_after: float) -> None:
        """A job that no worker was able to run for `refuse_after` seconds fails."""
        self._jobs = jobs
        self._hooks = hooks
        self._internals = internals
        self._limits = limits
        self._job_variable = JobVariable()
        self._refuse_after = refuse_after
        self._meter = Meter()
        self._last: _Performed | None = None

    def perform(self, claim: Claim, on_start: Callable[[], None] | None = None) -> Ending:
        """Runs a job and returns how it ended; calls `on_start` once the job's own code is seen to have begun.

        A special job is also ended here, by RQ's own code. A limited job that is ready too late goes back to its queue.
        What the job raises is not raised here.
        """
        with suppress(Exception):  # what is wrong is raised again where the job looks for its function
            discover()  # imports the modules of QTUI_PROCESSORS, before the job's time begins
        try:
            job = self._jobs.job_of(claim)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the record holds, the next job must get its turn
            return unreadable(claim, f"{type(error).__name__}: {error}")
        self._job_variable.set(claim.id)
        execution = self._jobs.execution_of(claim, job)
        if not claim.may_start:
            return returned(claim)

        def starting(function: Callable[..., Any]) -> AbstractContextManager[Callable[[], None] | None]:
            if claim.limit is not None and not claim.may_start:  # ready so late that its slot may be another job's
                self._limits.admit(claim.limit, claim.execution)
            return start_detected(function, on_start) if on_start else nullcontext()

        job.starting = starting
        perform = self._perform_special if self.is_special(claim) else self._perform_plain
        surroundings = Surroundings()
        self._meter.begin()
        try:
            return replace(perform(claim, job, execution, surroundings), usage=self._meter.end())
        finally:
            surroundings.put_back()

    def settle(self, execution_id: str) -> bool:
        """Has RQ's own code end the job that ran last, and enqueue those that wait for it; False if another one ran last."""
        last = self._last
        if last is None or last.execution.id != execution_id:
            return False
        job, queue = last.job, self._jobs.queue_of(last.job.origin)
        job.ended_at = datetime.fromtimestamp(last.ending.ended, UTC)
        if last.error is None:
            job.note_status(JobStatus.FINISHED)
            self._hooks.handle_job_success(job, queue, queue.started_job_registry, last.execution)
        else:
            job.note_status(JobStatus.FAILED)
            job.retries_left = None
            self._hooks.handle_job_failure(job, queue, exc_string=traceback_of(last.error), execution=last.execution)
        return True

    def is_special(self, claim: Claim) -> bool:
        """Whether RQ's own code runs and ends a job: because of the job, or because a part of the worker was replaced."""
        return self._hooks.is_customized or claim.special

    def _perform_special(self, claim: Claim, job: Job, execution: Execution, surroundings: Surroundings) -> Ending:
        started = time.time()
        cannot_run = False
        try:
            with self._limited_time(job):
                job.find_call()
        except CannotRun as error:
            cannot_run = self._refuse_after > 0
            if aside := self._refused(claim, job, error):
                return aside
        except Exception:  # noqa: BLE001, S110 - RQ's own code raises it again
            pass
        surroundings.run(lambda: self._hooks.perform_job(job, self._jobs.queue_of(claim.queue), execution))
        return replace(_settled(job, started), cannot_run=cannot_run)

    def _perform_plain(self, claim: Claim, job: Job, execution: Execution, surroundings: Surroundings) -> Ending:
        started = time.time()
        job.started_at = datetime.fromtimestamp(started, UTC)
        error: BaseException | None = None
        code_ended: float | None = None
        cannot_run = False
        try:
            with self._limited_time(job), recording(job):
                job.call = job.find_call()  # before the surroundings are noted: what modules set when imported has to stay
                value = surroundings.run(job.perform)
            code_ended = time.monotonic()
            if isinstance(value, Retry):
                self._internals.finalize_success(job, self._jobs.queue_of(claim.queue), execution, value)
                return _settled(job, started)
            ending = _succeeded(job, value, started, job.get_result_ttl(self._hooks.default_result_ttl))
        except Interrupted:
            raise
        except Reschedule as later:
            ending = rescheduled(later, started)
        except BaseException as raised:  # noqa: BLE001 - RQ also takes even SystemExit for a failure of the job
            cannot_run = job.call is None and isinstance(raised, CannotRun) and self._refuse_after > 0
            if cannot_run and (aside := self._refused(claim, job, raised)):
                return aside
            error = raised
            self._hooks.handle_exception(job, type(raised), raised, raised.__traceback__)
            keep = retention_of(job).failed
            ending = failing(claim, traceback_of(raised), started=started, may_retry=job.should_retry, keep=keep)
        ending = replace(ending, code_ended=code_ended or time.monotonic(), cannot_run=cannot_run)
        self._last = _Performed(job, execution, ending, error)
        return ending

    def _refused(self, claim: Claim, job: Job, error: BaseException) -> Ending | None:
        """The ending of a job that is set aside; None where it has to fail, and then no attempt is left."""
        aside = refused(claim, error, self._refuse_after)
        if aside is None and self._refuse_after > 0:
            job.retries_left = 0
        return aside

    def _limited_time(self, job: Job) -> AbstractContextManager[Any]:
        timeout = job.timeout or DEFAULT_TIMEOUT
        penalty: AbstractContextManager[Any] = self._hooks.death_penalty_class(timeout, JobTimeoutException, job_id=job.id)
        return penalty


def _settled(job: Job, started: float) -> Ending:
    return Ending("settled", started, time.time(), status=job.get_status(refresh=False).value)


def _succeeded(job: Job, value: Any, started: float, ttl: int) -> Ending:
    """The ending of a job that has returned a value, which is written as by rq.results.Result.serialize."""
    payload = None
    if value is not None:
        try:
            serialized = job.serializer.dumps(value)
        except Exception:  # noqa: BLE001 - a serializer may raise anything
            serialized = job.serializer.dumps(UNSERIALIZABLE_RETURN_VALUE_PAYLOAD)
        payload = format_result(serialized)
    return Ending("finished", started, time.time(), payload, ttl, keep=retention_of(job).finished)
