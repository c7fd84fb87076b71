"""The methods of RQ's worker that the engine calls for a job, and that a subclass may replace."""

from __future__ import annotations

from typing import Any, Protocol

from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue


class JobHooks(Protocol):
    """What RQ's own code for running and ending jobs consists of, as `rq.worker.BaseWorker` declares it."""

    death_penalty_class: Any
    default_result_ttl: int

    @property
    def is_customized(self) -> bool:
        """Whether a subclass or an option has replaced a part of it, so that RQ's code has to end every job too."""
        ...

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Runs a job and ends it."""
        ...

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Logs what a job raised and calls the exception handlers."""
        ...

    def handle_job_success(self, job: Job, queue: Queue, *arguments: Any, **named: Any) -> None:
        """Writes that a job has finished."""
        ...

    def handle_job_failure(self, job: Job, queue: Queue, *arguments: Any, **named: Any) -> None:
        """Writes that an attempt has failed, or was stopped."""
        ...

    def report_failure(self, job: Job, queue: Queue, execution: Execution, exc_string: str) -> None:
        """Calls what a tool has put around RQ's `handle_job_failure`, if anything; nothing is written to Redis."""
        ...

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: Any) -> None:
        """Calls the handler of horses that died, if there is one."""
        ...
