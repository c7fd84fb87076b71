"""The events that a worker writes itself: of jobs that RQ's own code ends, and of its own trouble."""

from __future__ import annotations

from contextlib import suppress

import redis
from rq.job import Job

from qtui_workers.reporting import events
from qtui_workers.reporting.events import EventKind
from qtui_workers.reporting.source import Source


class WorkerEvents:
    """Writes the events of one worker; where Redis is away they are lost."""

    def __init__(self, connection: redis.Redis, worker: str) -> None:
        self._connection = connection
        self._worker = worker

    def trouble(self, error: str, *, job: str | None = None, queue: str | None = None) -> None:
        """Writes an event of trouble of the worker itself, perhaps with a job."""
        self._emit(EventKind.WORKER_ERROR, Source(job, queue, worker=self._worker), {"error": error})

    def ended(self, kind: EventKind, job: Job, *, error: str | None = None) -> None:
        """Writes an event of how a job has ended, with the same details as the script that ends plain jobs."""
        details: dict[str, str | float] = {"error": error} if error else {}
        if job.started_at and job.ended_at:
            details["seconds"] = (job.ended_at - job.started_at).total_seconds()
        if usage := getattr(job, "usage", None):
            details["cpu"] = round(usage.cpu, 6)
            if usage.peak_memory is not None:
                details["peak_memory"] = usage.peak_memory
        self._emit(kind, Source.of(job, worker=self._worker, attempt=getattr(job, "attempt", None)), details)

    def _emit(self, kind: EventKind, source: Source, details: events.Details) -> None:
        with suppress(redis.RedisError, OSError):
            events.emit(self._connection, kind, source, details)
