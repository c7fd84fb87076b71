"""Where a worker's horse stands: jobs are run by it, and it is replaced when it dies, has run enough, or holds too much."""

# mypy: allow-untyped-calls
# (some methods of RQ's worker have no types)

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from qtui_workers.engine import attempt_logs
from qtui_workers.engine.claim import Claim, Ending, failing, returned, stopped
from qtui_workers.engine.horse import Death, Horse, HorseDied
from qtui_workers.engine.performer import Performer
from qtui_workers.engine.unreadable import AWAY
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui_workers.engine.worker import Worker

log = logging.getLogger("rq.worker")

_ERRAND: Final = 90.0
"""Seconds that what is done beside the jobs may take: RQ gives a callback 60."""
_GRACE: Final = 15.0
"""Seconds that a job has to end after its timeout; then its horse is killed."""
_OVERTIME: Final = f"qtui: the job did not end within {_GRACE:g} s after its timeout, and its process was killed"


class HorseSupervisor:
    """Runs the claims of a worker, one at a time, in a process of their own."""

    def __init__(self, worker: Worker, performer: Performer, max_jobs: int | None, max_memory: int | None) -> None:
        self._worker = worker
        self._performer = performer
        self._max_jobs = max_jobs
        self._max_memory = max_memory
        self._horse: Horse | None = None
        self._errands: dict[Horse, tuple[str, float]] = {}
        """What each does, and until when it may (time.monotonic)."""

    def run(self, claim: Claim) -> Ending:
        """Runs a job to its end, which is one also where the horse dies of it; meanwhile the worker looks around."""
        horse = self._saddled()
        self._worker._horse_pid = horse.pid
        why = "died"
        try:
            horse.run(claim, tell_start=bool(claim.limit))
            described = self._worker.log_job_description
            attempt_logs.begins(claim, self._worker.name, described=described)  # beside the job, which need not wait for it
            answer = self._until_answered(horse, claim)
            if isinstance(answer, Ending):
                return answer
            why = answer
        except HorseDied:
            pass
        finally:
            self._worker._horse_pid = 0
        return self._without_answer(claim, why, self.clear())

    def settle(self, execution: str) -> bool:
        """Has the job that ran last ended by RQ's own code; False where its horse is gone."""
        with suppress(HorseDied):
            if self._horse is not None:
                self._horse.settle(execution)
                return self._horse.is_done()
        self.clear()
        return False

    def errand(self, what: str, work: Callable[[], None]) -> None:
        """Runs something beside the jobs, once, in a process of its own."""

        def settle(_: str) -> bool:
            self._worker.become_horse()
            try:
                work()
            except Exception as error:  # it may be the code of a job, which raises anything
                log.error("Worker %s: %s: %s", self._worker.name, type(error).__name__, printable(str(error), 300))
                raise
            return True

        horse = Horse(self._perform, settle)
        self._errands[horse] = (what, time.monotonic() + _ERRAND)
        with suppress(HorseDied):
            horse.settle("")

    def tend_errands(self, wait: float = 0.0) -> None:
        """Sees to those that have ended or take too long; `wait`: for so many seconds, until there are none."""
        until = time.monotonic() + wait
        for horse, (what, latest) in list(self._errands.items()):
            ready, _, _ = select.select([horse], [], [], max(0.0, until - time.monotonic()))
            if ready or wait or time.monotonic() >= latest:
                del self._errands[horse]
                done = False
                with suppress(HorseDied):
                    done = bool(ready) and horse.is_done()
                if not done:
                    log.error("Worker %s: %s did not come to its end", self._worker.name, what)
                horse.bury()

    def clear(self) -> Death:
        """Ends the horse."""
        horse, self._horse = self._horse, None
        return horse.bury() if horse else Death(0, 0)

    def _until_answered(self, horse: Horse, claim: Claim) -> Ending | str:
        """How the job ended, or why it must be ended."""
        worker, timeout = self._worker, claim.timeout
        end_at = time.monotonic() + timeout + _GRACE if timeout else float("inf")
        while True:
            if not worker.beat_if_due(claim):
                return "lost"
            worker.tick_if_due()
            moment = time.monotonic()
            if worker.is_away:
                end_at = max(end_at, moment + _GRACE)
            if moment >= worker.leave_at:
                return "stop"
            if moment >= end_at:
                return "overtime"
            if worker.wait(min(worker.next_beat, end_at, worker.leave_at) - moment, horse):
                answer = horse.answer()
                if isinstance(answer, Ending):
                    return answer
                worker.report_start(claim, answer)

    def _without_answer(self, claim: Claim, why: str, death: Death) -> Ending:
        if self._worker._stopped_job_id == claim.id:
            ending, text = stopped(claim), ""
        elif why in ("stop", "lost"):
            return returned(claim)
        else:
            text = _OVERTIME if why == "overtime" else _sentence(death.status)
            ending = failing(claim, text)
            self._tell_death(claim, death)
            self._worker.tell_trouble(text, job=claim.id, queue=claim.queue)
        if not self._performer.is_special(claim):
            self._worker._stopped_job_id = None
            return ending
        while True:
            try:
                return self._end_special(claim, ending, text)
            except AWAY as error:
                self._worker.gone(error)
                if time.monotonic() >= self._worker.leave_at:  # whoever finds its lease sees to it
                    return Ending("settled", ending.started, ending.ended)
                self._worker.wait(1.0)

    def _tell_death(self, claim: Claim, death: Death) -> None:
        """Calls what the worker was given for this (`rq.worker.BaseWorker.handle_work_horse_killed`)."""
        try:
            self._worker.handle_work_horse_killed(self._performer.job_of(claim), *death)
        except Exception as error:  # noqa: BLE001 - it may raise anything, and the job has to be ended
            log.error("job %s: the handler of killed horses failed: %s: %s", printable(claim.id), type(error).__name__, error)

    def _end_special(self, claim: Claim, ending: Ending, text: str) -> Ending:
        """Ends a special job whose horse died, as rq.worker.Worker.monitor_work_horse does."""
        worker = self._worker
        settled = Ending("settled", ending.started, ending.ended)
        if not worker.holds(claim.id, claim.queue, claim.execution):
            return settled  # the horse had come that far
        job = self._performer.job_of(claim)
        job.ended_at = datetime.fromtimestamp(ending.ended, UTC)
        execution, queue = self._performer.execution_of(claim, job), worker.queue_of(claim.queue)
        if ending.kind == "stopped":
            worker._handle_stopped_job(job, queue, execution)
        else:
            worker.handle_job_failure(job, queue, exc_string=text, execution=execution)
        return replace(settled, status=job._status.value if job._status else "", error=ending.error)

    def _saddled(self) -> Horse:
        """A horse that may run another job."""
        horse = self._horse
        if horse and self._is_spent(horse):
            log.info("Worker %s: its horse has run %d jobs; another takes its place", self._worker.name, horse.jobs)
            self.clear()
        if self._horse is None:
            self._horse = Horse(self._perform, self._performer.settle)
        return self._horse

    def _is_spent(self, horse: Horse) -> bool:
        too_many = self._max_jobs is not None and horse.jobs >= self._max_jobs
        return too_many or (self._max_memory is not None and horse.memory() > self._max_memory)

    def _perform(self, claim: Claim, tell_start: Callable[[], None] | None) -> Ending:
        """In the horse."""
        self._worker.become_horse()
        return self._performer.perform(claim, tell_start)


def _sentence(status: int) -> str:
    """In RQ's words (`rq.worker.Worker.monitor_work_horse`), which tools look for."""
    signalled = f" (signal {os.WTERMSIG(status)})" if os.WIFSIGNALED(status) else ""
    return f"Work-horse terminated unexpectedly; waitpid returned {status}{signalled}; "
