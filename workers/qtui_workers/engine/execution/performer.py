"""Runs one job, in a horse or in the worker's own process, and returns what is to be written about it."""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any

from rq.executions import Execution
from rq.job import JobStatus
from rq.timeouts import JobTimeoutException

from qtui_workers.define.discovery import discover
from qtui_workers.define.unrecoverable import CannotRun
from qtui_workers.engine.claim import DEFAULT_TIMEOUT, Claim, Interrupted
from qtui_workers.engine.ending import Ending, refused, returned, traceback_of, unreadable
from qtui_workers.engine.execution.plain_run import PlainRun
from qtui_workers.engine.execution.start_detection import start_detected
from qtui_workers.engine.hooks import JobHooks
from qtui_workers.engine.job import Job
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.process.attempt_usage import Meter, Usage
from qtui_workers.engine.process.job_variable import JobVariable
from qtui_workers.engine.process.process_state import ProcessState
from qtui_workers.engine.rq_adapter import WorkerInternals
from qtui_workers.engine.unreadable_jobs import AWAY
from qtui_workers.rate.limiter import Limits
from qtui_workers.reporting.job_recording import end_recording, recording
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")


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
        self._imported = False
        self._run: PlainRun | None = None
        self._last: PlainRun | None = None

    def perform(self, claim: Claim, on_start: Callable[[], None] | None = None) -> Ending:
        """Runs a job and returns how it ended; calls `on_start` once the job's own code is seen to have begun.

        A special job is also ended here, by RQ's own code. A limited job that is ready too late goes back to its queue.
        What the job raises is not raised here.
        """
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
        process_state = ProcessState()
        self._meter.begin()
        try:
            refusal = self._look_up(job)
            if refusal and (aside := self._refused(claim, job, refusal)):
                return aside
            ending = perform(claim, job, execution, process_state)
            return ending._replace(usage=self._meter.end(), cannot_run=refusal is not None and self._refuse_after > 0)
        finally:
            process_state.put_back()
            end_recording()

    def used(self) -> Usage:
        """What the running attempt has used so far."""
        return self._meter.end()

    def _import_processors(self) -> None:
        """Imports the modules of QTUI_PROCESSORS, in a new process, before the time of its first job begins."""
        if not self._imported:
            self._imported = True
            with suppress(Exception):  # it is raised again where the job looks for its function
                discover()

    def settle(self, execution_id: str) -> bool:
        """Has RQ's own code end the job that ran last, and enqueue those that wait for it; False if another one ran last."""
        last = self._last
        if last is None or last.ending is None or last.execution.id != execution_id:
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

    def plain_run(self, job: Job) -> PlainRun | None:
        """The run of that job, which notes how it ends; None where RQ's own code has to end it."""
        return self._run if self._run is not None and self._run.job is job else None

    def _perform_special(self, claim: Claim, job: Job, execution: Execution, process_state: ProcessState) -> Ending:
        started = time.time()
        process_state.run(lambda: self._hooks.perform_job(job, self._jobs.queue_of(claim.queue), execution))
        return _settled(job, started)

    def _perform_plain(self, claim: Claim, job: Job, execution: Execution, process_state: ProcessState) -> Ending:
        job.surrounded = process_state.run
        run = self._run = PlainRun(claim, job, execution, self._hooks.default_result_ttl, time.time())
        try:
            self._hooks.perform_job(job, self._jobs.queue_of(claim.queue), execution)
        except Interrupted:
            raise
        except BaseException as error:
            log.error("job %s: what a tool has put around jobs has failed", printable(claim.id), exc_info=error)
            if run.ending is None:
                run.note_failure(error)
        finally:
            self._run = None
        if run.ending is None:  # the job wants to run again, or another perform_job has ended it
            return _settled(job, run.started)
        self._last = run
        return run.ending

    def _look_up(self, job: Job) -> CannotRun | None:
        """Has the job find what it calls; returns why this worker cannot run it. Other errors are raised again where it runs.

        This comes before what surrounds the job: a module may put a tool around jobs, and what it sets when it is imported stays.
        What a module logs meanwhile is in the log of the job.
        """
        try:
            with recording(job, goes_on=True):
                self._import_processors()
                with self._limited_time(job):
                    job.found = job.find_call()
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - a module may raise anything
            job.found = error
            return error if isinstance(error, CannotRun) else None
        return None

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
