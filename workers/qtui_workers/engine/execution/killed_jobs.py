"""How a job ends when its horse died or had to be killed: stopped, put back, or failed with the reason."""

# mypy: allow-untyped-calls
# (some methods of RQ's worker have no types)

from __future__ import annotations

import logging
import time
from typing import Final, Literal

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending, failing, returned, stopped
from qtui_workers.engine.execution.horse import HorseExit
from qtui_workers.engine.execution.performer import Performer
from qtui_workers.engine.hooks import JobHooks
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.process.attempt_usage import Usage
from qtui_workers.engine.process.death_reason import why_it_died
from qtui_workers.engine.process.memory_cgroup import MemoryCgroup
from qtui_workers.engine.rq_adapter import WorkerInternals
from qtui_workers.engine.rq_endings import RqEndings
from qtui_workers.engine.unreadable_jobs import AWAY
from qtui_workers.engine.worker_events import WorkerEvents
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")

Reason = Literal["died", "stop", "lost", "overtime"]
"""`stop`: the worker has to end; `lost`: another worker has the job; `overtime`: the job did not end at its timeout."""

GRACE: Final = 15.0
"""Seconds that a job has to end after its timeout; then its horse is killed."""
_OVERTIME: Final = f"qtui: the job did not end within {GRACE:g} s after its timeout, and its process was killed"
_LOOK_EVERY: Final = 1.0


class KilledJobs:
    """Decides how such a job ended, and has RQ's own code end it where it is special."""

    def __init__(
        self,
        *,
        jobs: JobReader,
        hooks: JobHooks,
        internals: WorkerInternals,
        performer: Performer,
        endings: RqEndings,
        events: WorkerEvents,
    ) -> None:
        self._jobs = jobs
        self._hooks = hooks
        self._internals = internals
        self._performer = performer
        self._endings = endings
        self._events = events
        self._cgroup = MemoryCgroup()
        self._kills: int | None = None
        self._next_look = 0.0

    def end(self, claim: Claim, reason: Reason, horse: HorseExit) -> tuple[Ending, str]:
        """How a job ended whose horse is gone, and the error in full; `horse`: how the horse ended."""
        if self._internals.stopped_job_id == claim.id:
            return stopped(claim), ""
        if reason in ("stop", "lost"):
            return returned(claim), ""
        error = _OVERTIME if reason == "overtime" else self._why(horse)
        ending = failing(claim, error)
        self._tell(claim, horse, error, by_rq=self.needs_rq(claim, ending))
        self._events.trouble(error, job=claim.id, queue=claim.queue)
        return ending, error

    def look_at_memory(self) -> None:
        """Notes how often the kernel has killed for want of memory; called before each job, it looks once a second at most."""
        if time.monotonic() >= self._next_look:
            self._kills = self._cgroup.kills()
            self._next_look = time.monotonic() + _LOOK_EVERY

    def _why(self, horse: HorseExit) -> str:
        before, now = self._kills, self._cgroup.kills()
        self._kills = now
        killed = None if before is None or now is None else now > before
        peak = None if horse.usage is None else Usage.of_ended(horse.usage, 0.0).peak_memory
        return why_it_died(horse.status, for_memory=killed, peak=peak, limit=self._cgroup.limit())

    def needs_rq(self, claim: Claim, ending: Ending) -> bool:
        """Whether RQ's own code has to write that ending, and `end_by_rq` does it."""
        return ending.kind != "returned" and self._performer.is_special(claim)

    def end_by_rq(self, claim: Claim, ending: Ending, error: str) -> Ending | None:
        """Has RQ's own code end the job; None where Redis is away. Called in a horse, as it may call callbacks of the job."""
        try:
            return self._endings.end_without_horse(claim, ending, error)
        except AWAY:
            return None

    def _tell(self, claim: Claim, horse: HorseExit, error: str, *, by_rq: bool) -> None:
        """Calls the worker's handler of killed horses (`rq.worker.BaseWorker.handle_work_horse_killed`), and tools around jobs.

        `by_rq`: RQ's own code will end the job, and call these tools.
        """
        try:
            job = self._jobs.job_of(claim)
            self._hooks.handle_work_horse_killed(job, *horse)
            if not by_rq:
                queue, execution = self._jobs.queue_of(claim.queue), self._jobs.execution_of(claim, job)
                self._hooks.report_failure(job, queue, execution, error)
        except Exception as failure:  # noqa: BLE001 - these may raise anything, and the job has to be ended
            log.error("job %s: a handler of killed horses failed: %s: %s", printable(claim.id), type(failure).__name__, failure)
