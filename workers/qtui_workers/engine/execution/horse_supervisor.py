"""Running jobs in a horse, which is replaced when it dies, has run enough jobs, or holds too much memory."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from qtui_workers.define.discovery import import_bundled
from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending, returned
from qtui_workers.engine.execution.horse import CannotStart, Horse, HorseDied, Perform
from qtui_workers.engine.execution.job_runner import ReportStart
from qtui_workers.engine.execution.killed_jobs import GRACE, KilledJobs, Reason
from qtui_workers.engine.execution.performer import Performer
from qtui_workers.engine.execution.process_shortage import Shortage
from qtui_workers.engine.execution.stack_requests import StackRequests
from qtui_workers.engine.execution.wakeups import Wakeups
from qtui_workers.engine.outage import Outage
from qtui_workers.engine.process.attempt_usage import Usage
from qtui_workers.engine.rq_adapter import WorkerInternals
from qtui_workers.engine.shutdown import Shutdown
from qtui_workers.engine.upkeep import Upkeep

log = logging.getLogger("rq.worker")

_PAUSE: Final = 1.0
"""Seconds between two tries to end a job while Redis is away."""


class HorseSupervisor:
    """Runs a worker's jobs, one at a time, in a process of their own; meanwhile it runs the worker's upkeep."""

    def __init__(
        self,
        worker: str,
        *,
        performer: Performer,
        killed_jobs: KilledJobs,
        internals: WorkerInternals,
        shutdown: Shutdown,
        outage: Outage,
        upkeep: Upkeep,
        wakeups: Wakeups,
        in_horse: Callable[[], None],
        announce: Callable[[Claim], None],
        report_start: ReportStart,
        shortage: Shortage,
        stacks: StackRequests,
        max_jobs: int | None,
        max_memory: int | None,
    ) -> None:
        """`in_horse` is called in the horse before each job; `announce` logs that an attempt begins.

        A horse that has run `max_jobs` jobs, or holds more than `max_memory` bytes, is replaced.
        """
        self._worker = worker
        self._performer = performer
        self._killed_jobs = killed_jobs
        self._internals = internals
        self._shutdown = shutdown
        self._outage = outage
        self._upkeep = upkeep
        self._wakeups = wakeups
        self._in_horse = in_horse
        self._announce = announce
        self._report_start = report_start
        self._shortage = shortage
        self._stacks = stacks
        self._max_jobs = max_jobs
        self._max_memory = max_memory
        self._horse: Horse | None = None

    def run(self, claim: Claim) -> Ending:
        """Runs a job and returns how it ended, also where the horse dies meanwhile, or none can be started."""
        try:
            horse = self._ready_horse()
        except CannotStart as cause:
            self._shortage.note(cause)
            return returned(claim)
        self._internals.note_horse(horse.pid)
        self._killed_jobs.look_at_memory()
        reason: Reason = "died"
        try:
            horse.run(claim, report_start=claim.limit is not None)
            self._announce(claim)  # the job runs already, and does not wait for this
            answer = self._await_ending(horse, claim)
            if isinstance(answer, Ending):
                if answer.kind == "refused":
                    self.discard()  # the next horse imports again: what the job needs may be installed by then
                horse.cpu += answer.usage.cpu if answer.usage else 0.0
                return answer
            reason = answer
        except HorseDied:
            pass
        finally:
            self._internals.note_horse(0)
        self._horse = None
        ended = horse.end()
        ending, error = self._killed_jobs.end(claim, reason, ended)
        if ended.usage:
            ending = ending._replace(usage=Usage.of_ended(ended.usage, horse.cpu))
        if self._killed_jobs.needs_rq(claim, ending):
            ending = self._end_by_rq(claim, ending, error)
        self._internals.note_stopped_job(None)
        return ending

    def rest(self) -> float:
        """Seconds for which no job may be taken: since no horse could be started, one has to be there first."""
        if self._shortage.is_over:
            return 0.0
        if self._shortage.rest <= 0:
            try:
                self._ready_horse()
                self._shortage.end()
            except CannotStart as error:
                self._shortage.note(error)
        return self._shortage.rest

    def settle(self, execution: str) -> bool:
        """Has RQ's own code end that execution in the horse; False where another one ran last, or the horse is gone."""
        with suppress(HorseDied):
            if self._horse is not None:
                self._horse.settle(execution)
                return self._horse.receive_settled()
        self.discard()
        return False

    def memory(self) -> int | None:
        """Bytes that the horse holds."""
        return self._horse.memory() if self._horse else None

    def discard(self) -> None:
        """Ends the horse; the next job gets another."""
        horse, self._horse = self._horse, None
        if horse is not None:
            horse.end()

    def _end_by_rq(self, claim: Claim, ending: Ending, error: str) -> Ending:
        """Ends a special job in another horse; where that fails, the worker that finds its lease overdue ends it."""
        settled = Ending("settled", ending.started, ending.ended)

        def end(_claim: Claim, _on_start: Callable[[], None] | None) -> Ending:
            self._in_horse()
            return self._killed_jobs.end_by_rq(claim, ending, error) or returned(claim)

        while True:
            answer = self._run_once(end, claim)
            if not isinstance(answer, Ending):
                return settled
            if answer.kind != "returned":
                return answer
            if self._shutdown.is_due():
                return settled
            self._wakeups.wait(_PAUSE)

    def _run_once(self, perform: Perform, claim: Claim) -> Ending | Reason:
        """Runs that in a horse of its own; where none can be started now, it is as if Redis were away."""
        try:
            horse = Horse(perform, self._performer.settle)
        except CannotStart as error:
            self._shortage.note(error)
            self._upkeep.run_due(claim)
            return returned(claim)
        try:
            horse.run(claim)
            return self._await_ending(horse, claim)
        except HorseDied:
            return "died"
        finally:
            horse.end()

    def _await_ending(self, horse: Horse, claim: Claim) -> Ending | Reason:
        """How the job ended, or why its horse has to be killed."""
        timeout = claim.timeout
        end_at = time.monotonic() + timeout + GRACE if timeout else math.inf
        while True:
            self._upkeep.run_due(claim)
            if self._upkeep.is_lost(claim):
                return "lost"
            moment = time.monotonic()
            if self._outage.is_on:
                end_at = max(end_at, moment + GRACE)
            if moment >= self._shutdown.deadline:
                return "stop"
            if moment >= end_at:
                return "overtime"
            next_look = self._stacks.advance(claim, horse)
            if self._wakeups.wait(min(self._upkeep.next_beat, end_at, self._shutdown.deadline, next_look) - moment, horse):
                answer = horse.receive()
                if isinstance(answer, Ending):
                    return answer
                self._report_start(claim, answer)

    def _ready_horse(self) -> Horse:
        """A horse that may run another job."""
        if self._horse and self._is_used_up(self._horse):
            log.info("Worker %s: its horse has run %d jobs; another takes its place", self._worker, self._horse.jobs)
            self.discard()
        if self._horse is None:
            import_bundled()  # once, instead of in each horse; not before the worker listens
            self._horse = Horse(self._perform, self._performer.settle)
        return self._horse

    def _is_used_up(self, horse: Horse) -> bool:
        if self._max_jobs is not None and horse.jobs >= self._max_jobs:
            return True
        memory = horse.memory() if self._max_memory is not None else None
        return memory is not None and self._max_memory is not None and memory > self._max_memory

    def _perform(self, claim: Claim, on_start: Callable[[], None] | None) -> Ending:
        """Runs a job; called in the horse."""
        self._in_horse()
        return self._performer.perform(claim, on_start)
