"""Takes up the jobs of lost workers: those whose lease has expired, and those that were left between queue and start."""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

import logging
import time
from typing import Any

import redis
from rq.callbacks import execute_failure_callback
from rq.exceptions import AbandonedJobError
from rq.job import JobStatus
from rq.rate_limit import release_slot

from qtui_workers.engine import attempt_logs
from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending, failing, unreadable
from qtui_workers.engine.hooks import JobHooks
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.maintenance.side_tasks import SideTasks
from qtui_workers.engine.worker_store import HeartbeatReply, Overdue, WorkerStore
from qtui_workers.server import keys
from qtui_workers.server.rq_format import parse_time
from qtui_workers.text import decode, encode, printable

log = logging.getLogger("rq.worker")


class Recovery:
    """Ends the attempts of workers that were lost: the job gets another attempt where any is left, else it has failed.

    Two heartbeats in a row have to find a lease overdue: after an outage of the server, a worker that is alive renews its
    lease between them.
    """

    def __init__(
        self,
        connection: redis.Redis,
        worker: str,
        *,
        store: WorkerStore,
        jobs: JobReader,
        hooks: JobHooks,
        side_tasks: SideTasks,
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._store = store
        self._jobs = jobs
        self._hooks = hooks
        self._side_tasks = side_tasks
        self._seen: set[Overdue] = set()

    def take_up(self, beat: HeartbeatReply) -> None:
        """Takes up the jobs that a heartbeat has found; raises redis.RedisError or OSError."""
        overdue = set(beat.overdue)
        for lease in overdue & self._seen:
            try:
                self._recover(lease)
            except (redis.RedisError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a record holds, the others must get their turn
                log.error("job %s cannot be taken up: %s: %s", printable(lease.job_id), type(error).__name__, error)
        self._seen = overdue
        for queue in beat.stranded:
            for job_id in self._store.requeue_stranded(queue):
                log.warning("%s: job %s was left between queue and start; it is back at the head", queue, printable(job_id))

    def _recover(self, lease: Overdue) -> None:
        claim = self._claim(lease)
        lost = decode(claim.fields.get(b"worker_name"))
        ending = _ending(claim, lost)._replace(lease_score=lease.score)
        if self._store.end_job_of(lost, claim, ending) != "done" or ending.kind == "settled":
            return
        attempt_logs.log_end(claim, ending, self._worker, how=f"lost its worker {printable(lost, 100)}: ")
        if ending.kind == "failed" or claim.special:
            self._side_tasks.start(f"what follows the loss of job {printable(claim.id)}", lambda: self._follow_up(claim, ending))

    def _claim(self, lease: Overdue) -> Claim:
        fields: Any
        try:
            fields = self._connection.hgetall(encode(keys.job(lease.job_id)))
        except redis.ResponseError:  # no hash
            fields = {}
        counted = keys.FIELD_ATTEMPT.encode()
        started = parse_time(fields.get(b"started_at"))
        claim = Claim(lease.job_id, lease.queue, lease.execution, time.time() if started is None else started, fields)
        begun = max(0, (claim.number(counted) or 0) - 1)  # as before this attempt
        return claim._replace(fields=fields | {counted: b"%d" % begun} if fields else fields)

    def _follow_up(self, claim: Claim, ending: Ending) -> None:
        """Does what RQ does besides ending the job itself (`rq.registry.StartedJobRegistry.cleanup`)."""
        final = ending.kind == "failed"
        job = self._jobs.fetch(claim.id)
        try:
            execute_failure_callback(job, self._hooks.death_penalty_class, AbandonedJobError, AbandonedJobError(), None)
        finally:
            if final:
                self._jobs.queue_of(claim.queue).enqueue_dependents(job)
                job.send_webhooks(JobStatus.FAILED, exc_string=_sentence(""))
            release_slot(job)


def _ending(claim: Claim, lost: str) -> Ending:
    if claim.fields and not claim.readable:
        return unreadable(claim, "its record holds no data")
    if claim.fields and claim.fields.get(b"status") != b"started":
        return Ending("settled", claim.begun, time.time())
    return failing(claim, _sentence(lost))


def _sentence(lost: str) -> str:
    name = f" {printable(lost, 100)}" if lost else ""
    return f"qtui: the worker{name} was lost while it ran this job: it was killed, or lost its machine or its connection"
