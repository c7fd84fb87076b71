"""The private names of RQ and redis-py that the engine needs: written in this file and in no other.

`tests/workers/test_rq_adapter.py` checks each of them against the installed RQ, so that a release that changes one of them is
noticed there. The three subclasses give a public name to each private method that RQ calls and the engine replaces;
`WorkerInternals` gives public names to the private state of a worker.
"""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.process import BaseProcess
from types import FunctionType, TracebackType
from typing import Any, Final, cast

import redis
import rq.job
import rq.worker.base
from redis.client import Pipeline
from rq.executions import Execution
from rq.job import JobStatus
from rq.queue import Queue
from rq.scheduler import RQScheduler
from rq.worker import DequeueStrategy
from rq.worker.base import WorkerStatus

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


_SILENT: Final = logging.Logger("nobody", logging.CRITICAL + 1)


class _Skipped(BaseException):
    """RQ's own code has begun to use its pipeline."""


class _Nowhere:
    """A connection and its pipeline: the first use of the pipeline ends the block that it is made for."""

    def pipeline(self) -> _Nowhere:
        return self

    def __enter__(self) -> _Nowhere:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is _Skipped

    def __getattr__(self, name: str) -> Any:
        raise _Skipped


class _Adding:
    """A pipeline that adds fields to the results that RQ writes by it."""

    def __init__(self, pipeline: Pipeline, fields: dict[str, str]) -> None:
        self._pipeline = pipeline
        self._fields = fields

    def xadd(self, key: str, fields: dict[str, Any], **options: Any) -> Any:
        return self._pipeline.xadd(key, fields | cast(dict[Any, Any], self._fields), **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)


def _is_wrapped(method: Any) -> bool:
    """Whether that is not RQ's own function any more."""
    return type(method) is not FunctionType or method.__code__.co_filename != rq.worker.base.__file__


class RqWorker(rq.Worker):
    """RQ's worker: what it calls under a private name can be replaced under a public one."""

    last_cleaned_at: Any  # RQ declares these as None only
    pubsub: Any

    def finalize_success(self, job: rq.job.Job, queue: Queue, execution: Execution, return_value: Any) -> None:
        """Ends a job that returned: its callback, then `handle_job_success`, or `handle_job_retry` for a returned Retry."""
        super()._finalize_success(job, queue, execution, return_value)

    def finalize_failure(self, job: rq.job.Job, queue: Queue, execution: Execution, exc_info: ExcInfo) -> None:
        """Ends a job that raised: its callback, then `handle_exception` and `handle_job_failure`."""
        super()._finalize_failure(job, queue, execution, exc_info)

    def handle_exception_silently(self, job: rq.job.Job, exc_info: ExcInfo) -> None:
        """Calls RQ's `handle_exception`, and what tools have put around it, but logs nothing, as it logs the arguments."""
        usual, self.log = self.log, _SILENT
        try:
            super().handle_exception(job, *exc_info)
        finally:
            self.log = usual

    def report_success(self, job: rq.job.Job, queue: Queue, execution: Execution) -> None:
        """Calls what a tool has put around RQ's `handle_job_success`, if anything; nothing is written to Redis."""
        if _is_wrapped(rq.Worker.handle_job_success):
            with self._nothing_written():
                super().handle_job_success(
                    job=job, queue=queue, started_job_registry=queue.started_job_registry, execution=execution
                )

    def report_failure(self, job: rq.job.Job, queue: Queue, execution: Execution, exc_string: str) -> None:
        """Calls what a tool has put around RQ's `handle_job_failure`, if anything; nothing is written to Redis."""
        if _is_wrapped(rq.Worker.handle_job_failure):
            registry = queue.started_job_registry
            with self._nothing_written():
                super().handle_job_failure(
                    job=job, queue=queue, started_job_registry=registry, exc_string=exc_string, execution=execution
                )

    @contextmanager
    def _nothing_written(self) -> Iterator[None]:
        """Inside the block RQ's own code, which writes by one pipeline, skips all that it does with it."""
        usual, self.connection = self.connection, cast(redis.Redis, _Nowhere())
        try:
            yield
        finally:
            self.connection = usual

    def start_scheduler(self, *, burst: bool) -> None:
        """Starts a scheduler, where no other worker has one; in burst it only enqueues what is due."""
        super()._start_scheduler(burst)

    def _finalize_success(self, job: rq.job.Job, queue: Queue, execution: Execution, return_value: Any) -> None:
        self.finalize_success(job, queue, execution, return_value)

    def _finalize_failure(self, job: rq.job.Job, queue: Queue, execution: Execution, exc_info: ExcInfo) -> None:
        self.finalize_failure(job, queue, execution, exc_info)

    def _start_scheduler(self, burst: bool = False, *_: Any, **__: Any) -> None:
        self.start_scheduler(burst=burst)


class WorkerInternals:
    """The private state of one of RQ's workers. RQ's own methods and users' subclasses read and change it, too."""

    def __init__(self, worker: rq.Worker) -> None:
        self._worker = worker

    @property
    def stop_requested(self) -> bool:
        """Whether the worker is to end after the running job."""
        return self._worker._stop_requested

    @property
    def stop_requested_at(self) -> datetime | None:
        """When the stop was first requested (UTC)."""
        return self._worker._shutdown_requested_date

    def note_stop_requested(self, at: datetime) -> None:
        """Notes that the worker is to end; nothing is written to Redis."""
        self._worker._stop_requested = True
        self._worker._shutdown_requested_date = at

    @property
    def stopped_job_id(self) -> str | None:
        """The job that a command has stopped, until that job's ending is handled."""
        return self._worker._stopped_job_id

    def note_stopped_job(self, job_id: str | None) -> None:
        """Notes the job that a command has stopped; None: the ending of the stopped job was handled."""
        self._worker._stopped_job_id = job_id

    def note_status(self, status: WorkerStatus) -> None:
        """Sets what `get_state()` returns; nothing is written to Redis."""
        self._worker._state = status

    def note_horse(self, pid: int) -> None:
        """Notes the process that runs a job, which `kill_horse()` kills; 0: none does."""
        self._worker._horse_pid = pid

    def become_horse(self) -> None:
        """Makes `is_horse` True; called in a horse."""
        self._worker._is_horse = True

    @property
    def ordered_queues(self) -> list[Queue]:
        """The queues in the order in which jobs are taken from them; `reorder_queues()` changes it."""
        return self._worker._ordered_queues

    def order_queues(self, queues: Sequence[Queue]) -> None:
        """Sets that order."""
        self._worker._ordered_queues = list(queues)

    def set_dequeue_strategy(self, strategy: DequeueStrategy) -> None:
        """Sets how `reorder_queues()` changes that order."""
        self._worker._dequeue_strategy = strategy

    def install_signal_handlers(self) -> None:
        """Has SIGINT and SIGTERM call `request_stop()`."""
        self._worker._install_signal_handlers()

    def start_scheduler(self, *, burst: bool) -> None:
        """Calls the worker's method of that name, which a subclass may have replaced."""
        self._worker._start_scheduler(burst)

    def handle_stopped_job(self, job: rq.job.Job, queue: Queue, execution: Execution) -> None:
        """Ends a job that a command has stopped: its callback, then `handle_job_failure`."""
        self._worker._handle_stopped_job(job, queue, execution)


class RqJob(rq.job.Job):
    """RQ's job: what it calls under a private name can be replaced under a public one."""

    def deserialize_data(self) -> None:
        """Reads the function and its arguments from `data`; raises rq.exceptions.DeserializationError."""
        super()._deserialize_data()

    def call_function(self) -> Any:
        """Calls the job's function; returns what it returned."""
        return super()._execute()

    def note_status(self, status: JobStatus) -> None:
        """Sets what `get_status(refresh=False)` returns; nothing is written to Redis."""
        self._status = status

    @property
    def success_callback_name(self) -> str | None:
        """The dotted name of the function that is called after a success."""
        return self._success_callback_name

    @property
    def failure_callback_name(self) -> str | None:
        """The dotted name of the function that is called after a failure."""
        return self._failure_callback_name

    @property
    def stopped_callback_name(self) -> str | None:
        """The dotted name of the function that is called after a stop."""
        return self._stopped_callback_name

    def result_fields(self) -> dict[str, str]:
        """What is to be written beside RQ's own fields of a result."""
        return {}

    def _handle_success(self, result_ttl: Any, pipeline: Pipeline, *rest: Any, **named: Any) -> None:
        super()._handle_success(result_ttl, cast(Pipeline, _Adding(pipeline, self.result_fields())), *rest, **named)

    def _handle_failure(self, exc_string: str, pipeline: Pipeline, *rest: Any, **named: Any) -> None:
        super()._handle_failure(exc_string, cast(Pipeline, _Adding(pipeline, self.result_fields())), *rest, **named)

    def _deserialize_data(self) -> None:
        self.deserialize_data()

    def _execute(self) -> Any:
        return self.call_function()


class RqScheduler(RQScheduler):
    """RQ's scheduler, with public names for what it keeps private."""

    @property
    def stop_requested(self) -> bool:
        """Whether the scheduler's process is to end."""
        return self._stop_requested

    @property
    def queue_names(self) -> list[str]:
        """The queues for which it works where no other scheduler does, in a fixed order."""
        return sorted(self._queue_names)

    def note_locks(self, queues: set[str]) -> None:
        """Sets what `acquired_locks` returns, and `release_locks()` gives up; nothing is written to Redis."""
        self._acquired_locks = queues


def scheduler_process(scheduler: RQScheduler | None) -> BaseProcess | None:
    """The process of a worker's scheduler; None where it has started none."""
    return None if scheduler is None else scheduler._process


def new_execution(
    execution_id: str, job_id: str, connection: redis.Redis, worker_name: str, at: datetime, job: rq.job.Job | None
) -> Execution:
    """RQ's object for an execution that began at that time; with its job, where that was read already."""
    execution = Execution(execution_id, job_id, connection, worker_name)
    execution.created_at = execution.last_heartbeat = at
    execution._job = job
    return execution


def open_socket(connection: Any) -> socket.socket | None:
    """The socket of one of redis-py's connections; None where it is not connected, or there is no connection."""
    found: socket.socket | None = getattr(connection, "_sock", None)
    return found
