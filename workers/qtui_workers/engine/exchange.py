"""Ending one job and taking the next, in one round trip that is repeated until Redis has carried it out."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from typing import Final

import redis
from rq.worker.base import WorkerStatus

from qtui_workers.engine import attempt_logs
from qtui_workers.engine.claim import Claim, NoJob
from qtui_workers.engine.ending import Ending, not_taken
from qtui_workers.engine.execution.job_runner import JobRunner
from qtui_workers.engine.execution.wakeups import Wakeups
from qtui_workers.engine.outage import Outage
from qtui_workers.engine.refused_queues import Refusals
from qtui_workers.engine.rq_adapter import WorkerInternals
from qtui_workers.engine.rq_endings import RqEndings
from qtui_workers.engine.shutdown import Shutdown
from qtui_workers.engine.worker_store import Outcome, WorkerStore
from qtui_workers.server.redis_errors import NEWER_FORMAT, explain, label_of
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
"""Seconds between two tries to reach Redis: less than between two heartbeats, so that a lease is renewed in time."""
_LARGE: Final = 1_000_000
"""A result of so many bytes or more may be the reason why the server closes the connection."""
_TRIES: Final = 6
"""After so many tries, in some seconds, a large result is taken for that reason."""

Ended = tuple[Claim, Ending]


class Exchange:
    """Ends jobs in Redis, and takes jobs."""

    def __init__(
        self,
        connection: redis.Redis,
        worker: str,
        *,
        store: WorkerStore,
        internals: WorkerInternals,
        runner: JobRunner,
        endings: RqEndings,
        shutdown: Shutdown,
        outage: Outage,
        wakeups: Wakeups,
        refusals: Refusals,
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._store = store
        self._internals = internals
        self._runner = runner
        self._endings = endings
        self._shutdown = shutdown
        self._outage = outage
        self._wakeups = wakeups
        self._refusals = refusals
        self._unlogged: Ended | None = None
        """How the job ended that was ended last, where that is not logged yet."""

    def log_end(self) -> None:
        """Logs how the last job ended, where that is still to be done: the next one is given to its horse before that."""
        ended, self._unlogged = self._unlogged, None
        if ended:
            attempt_logs.log_end(*ended, self._worker)

    def end_and_take(self, ended: Ended | None, *, more: bool) -> Claim | NoJob:
        """Ends a job and, with `more`, takes the next one, unless the worker was requested to stop.

        It repeats that for as long as Redis is away, unless the worker has to end. Raises RedisUnavailable where newer
        programs write to this Redis, in a format that this one does not know.
        """
        self.log_end()
        execution, requested_at, pause = os.urandom(16).hex(), time.monotonic(), _FIRST_PAUSE
        may_have_taken = False
        """Whether a job may have been taken by a try whose reply was lost."""
        tries = 0
        while True:
            tries += 1
            wanted = execution if may_have_taken or (more and not self._shutdown.requested) else None
            queues = [queue.name for queue in self._internals.ordered_queues if self._refusals.takes_from(queue.name)]
            self._shutdown.holds_job = bool(ended or wanted)
            try:
                step = self._store.step(ended, wanted, queues, requested_at=requested_at)
                self._outage.end()
                if ended:
                    self._conclude(*ended, step.outcome)
                if isinstance(step.found, NoJob):
                    self.log_end()
                if isinstance(step.found, NoJob) and step.found.newer:
                    raise explain(redis.ResponseError(NEWER_FORMAT), label_of(self._connection))
                if not ended or step.outcome != "dependents":
                    self._note_status(step.found)
                    self._shutdown.holds_job = isinstance(step.found, Claim)
                    return step.found
                ended = None  # the script took no job, as other jobs wait for the one that ended
                continue
            except (redis.RedisError, OSError) as error:
                self._outage.begin(error)
                may_have_taken = may_have_taken or (wanted is not None and self._store.may_have_run)
                self._shutdown.holds_job = bool(ended or may_have_taken)
                if ended and tries == _TRIES and isinstance(error, redis.ConnectionError) and self._is_refused(ended[1]):
                    ended = ended[0], not_taken(*ended)
            if self._shutdown.requested and (self._shutdown.is_due() or not (ended or may_have_taken)):
                if ended:
                    log.error("job %s: how it ended could not be written: it will run again", printable(ended[0].id))
                return NoJob()
            self._wakeups.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _conclude(self, claim: Claim, ending: Ending, outcome: Outcome | None) -> None:
        """Notes how a job has ended, for `log_end`; a job for which other jobs began to wait while it ran is ended only here."""
        if outcome == "lost":
            attempt_logs.log_taken_away(claim, self._worker)
            return
        if outcome == "dependents":
            self._end_with_dependents(claim, ending)
        self._unlogged = claim, ending

    def _end_with_dependents(self, claim: Claim, ending: Ending) -> None:
        """Has RQ's own code end the job, in the process that ran it.

        Where that process is gone, the script ends the job, and RQ's own code enqueues the jobs that wait for it.
        """
        if self._runner.settle(claim.execution):
            return
        if self._store.step((claim, ending), None, [], forced=True).outcome == "done":
            self._endings.enqueue_dependents(claim)

    def _is_refused(self, ending: Ending) -> bool:
        """Whether the server answers, but closes the connection when it receives a result as large as this."""
        if len(ending.payload or b"") >= _LARGE:
            with suppress(redis.RedisError, OSError):
                return bool(self._connection.ping())
        return False

    def _note_status(self, found: Claim | NoJob) -> None:
        self._internals.note_status(WorkerStatus.BUSY if isinstance(found, Claim) else WorkerStatus.IDLE)
