"""How RQ's own code ends special jobs here: those with callbacks, repeats, webhooks, dependents, RQ's limits."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from rq import Queue
from rq.executions import Execution
from rq.job import Job, JobStatus

from qtui_workers.engine.claim import last_line
from qtui_workers.engine.lifecycle import Lifecycle
from qtui_workers.engine.performer import Interrupted
from qtui_workers.engine.retention import kept
from qtui_workers.engine.unreadable import AWAY
from qtui_workers.reporting import events
from qtui_workers.reporting.events import EventKind
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui_workers.engine.claim import Claim, Ending
    from qtui_workers.engine.horse_supervisor import HorseSupervisor
    from qtui_workers.engine.performer import Performer
    from qtui_workers.engine.worker_store import WorkerStore

_REFUSED: Final = (redis.OutOfMemoryError, redis.ReadOnlyError)
"""What the server does not take now, but will."""
_PAUSE: Final = 1.0


class RqEndings(Lifecycle):
    """A worker that ends a special job only while it holds it, however long that takes, and keeps as many as wanted.

    RQ's code runs in a horse; whoever wants it to give up ends the horse.
    """

    store: WorkerStore
    performer: Performer
    horses: HorseSupervisor

    @cached_property
    def has_own_ways(self) -> bool:
        """Whether a subclass, a tool or an option changes how jobs are run and ended: then none is plain."""
        changed = any(getattr(getattr(self, name), "__func__", None) is not known for name, known in _KNOWN.items())
        return changed or self.disable_default_exception_handler or self.default_result_ttl == 0

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """Nothing for a job that was claimed: the script has noted it all, and it may be somebody else's again."""
        if not getattr(job, "claimed", False):
            super().prepare_job_execution(job, remove_from_intermediate_queue)

    def _finalize_success(self, job: Job, queue: Queue, execution: Execution, return_value: Any) -> None:
        with self._endless_patience():
            if self._holds(job, queue, execution):
                super()._finalize_success(job, queue, execution, return_value)

    def _finalize_failure(self, job: Job, queue: Queue, execution: Execution, exc_info: Any) -> None:
        if isinstance(exc_info[1], Interrupted):  # no failure of the job: it is put back
            raise exc_info[1]
        with self._endless_patience():
            if self._holds(job, queue, execution):
                super()._finalize_failure(job, queue, execution, exc_info)

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """As RQ's, also where the server is out of memory."""
        self._insist(lambda: super(RqEndings, self).handle_execution_ended(job, queue, heartbeat_ttl))

    def handle_job_success(self, job: Job, queue: Queue, *arguments: Any, **named: Any) -> None:
        """As RQ's, once the server takes it; then the oldest are removed where their processor wants it."""
        self._insist(lambda: super(RqEndings, self).handle_job_success(job, queue, *arguments, **named))
        self._tell(EventKind.COMPLETED, job)
        self._keep_newest(job, queue, "finished")

    def handle_job_failure(self, job: Job, queue: Queue, *arguments: Any, **named: Any) -> None:
        """As RQ's, once the server takes it; then the oldest are removed where their processor wants it."""
        self._insist(lambda: super(RqEndings, self).handle_job_failure(job, queue, *arguments, **named))
        over = job.get_status(refresh=False) in (JobStatus.FAILED, JobStatus.STOPPED)
        self._tell(EventKind.FAILED if over else EventKind.RETRYING, job, error=last_line(named.get("exc_string") or ""))
        self._keep_newest(job, queue, "failed")

    def end_with_dependents(self, claim: Claim, ending: Ending) -> None:
        """Ends a job for which others began to wait while it ran."""
        if self.performer.settle(claim.execution) if self.in_process else self.horses.settle(claim.execution):
            return
        if self.store.step((claim, ending), None, [], forced=True).came != "done":
            return
        try:
            job = self.job_class.fetch(claim.id, connection=self.connection, serializer=self.serializer)
            self.queue_of(claim.queue).enqueue_dependents(job)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record holds, the next job must get its turn
            self.log.error("job %s: what waits for it cannot be enqueued: %s", printable(claim.id), printable(str(error)))

    def _tell(self, kind: EventKind, job: Job, **details: str) -> None:
        """The event of an end, as the script of a plain job tells it."""
        took = {"seconds": (job.ended_at - job.started_at).total_seconds()} if job.started_at and job.ended_at else {}
        source = Source.of(job, worker=self.name, attempt=getattr(job, "attempt", 0))
        with suppress(redis.RedisError, OSError):
            events.emit(self.connection, kind, source, took | {name: text for name, text in details.items() if text})

    def holds(self, job_id: str, queue: str, execution: str) -> bool:
        """Whether a job that this worker began is still its own (`holds_lease` of `lua/lease.lua`)."""
        if self.connection.zscore(keys.registry("wip", queue), f"{job_id}:{execution}") is not None:
            return True
        return self.connection.hmget(keys.job(job_id), "status", "worker_name") == [b"canceled", self.name.encode()]

    def _holds(self, job: Job, queue: Queue, execution: Execution) -> bool:
        held = self.holds(job.id, queue.name, execution.id)
        if not held:
            self.log.warning("%s: job %s was taken away meanwhile: nothing is written", queue.name, printable(job.id))
        return held

    def _keep_newest(self, job: Job, queue: Queue, registry: str) -> None:
        finished, failed = kept(job)
        keep = finished if registry == "finished" else failed
        if keep is not None and job.get_status(refresh=False) in (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED):
            self.store.trim(keys.registry(registry, queue.name), job.id, keep)

    def _insist(self, action: Callable[[], None]) -> None:
        """Does what is all or nothing until the server takes it, or this worker has to leave."""
        while True:
            try:
                return action()
            except _REFUSED:
                if time.monotonic() >= self.leave_at:
                    raise
                threading.Event().wait(_PAUSE)

    @contextmanager
    def _endless_patience(self) -> Iterator[None]:
        before: Any = self.connection.get_retry()
        self.connection.set_retry(Retry(ConstantBackoff(_PAUSE), -1))
        try:
            yield
        finally:
            self.connection.set_retry(before)


_STEPS: Final = ("perform_job", "prepare_job_execution", "handle_job_success", "handle_job_failure", "handle_job_retry")
_KNOWN: Final = {name: getattr(RqEndings, name) for name in _STEPS}
