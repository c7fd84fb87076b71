"""RQ's objects for what a worker has claimed: the job, its execution and its queue."""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import redis
from rq.executions import Execution
from rq.queue import Queue

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.job import Job
from qtui_workers.engine.rq_adapter import new_execution


class JobReader:
    """Makes these objects with a worker's classes and connection."""

    def __init__(
        self, connection: redis.Redis, worker: str, job_class: type[Job], serializer: Any, queue_of: Callable[[str], Queue]
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._job_class = job_class
        self._serializer = serializer
        self.queue_of = queue_of
        """Returns the queue of that name."""

    def job_of(self, claim: Claim) -> Job:
        """The job as RQ has it after its preparation for execution; raises whatever its record makes RQ raise."""
        job = self._job_class(claim.id, connection=self._connection, serializer=None)
        job.serializer = self._serializer  # RQ would look it up for each job, which takes as long as all the rest
        job.restore(claim.fields)
        job.note_claim(self._worker, datetime.fromtimestamp(claim.begun, UTC))
        if not job.origin:
            job.origin = claim.queue
        return job

    def execution_of(self, claim: Claim, job: Job | None = None) -> Execution:
        """The execution that the claim has recorded."""
        at = datetime.fromtimestamp(claim.begun, UTC)
        return new_execution(claim.execution, claim.id, self._connection, self._worker, at, job)

    def fetch(self, job_id: str) -> Job:
        """The job as it is in Redis now; raises whatever its record makes RQ raise."""
        return cast(Job, self._job_class.fetch(job_id, connection=self._connection, serializer=self._serializer))
