"""Where a worker's horse stands: jobs are run by it, and it is replaced when it dies, has run enough, or holds too much."""

# mypy: allow-untyped-calls
# (some methods of RQ's worker have no types)

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from workers import keys
from workers.engine import telling
from workers.engine.claim import Claim, Ending, failing, returned, stopped
from workers.engine.horse import Horse, HorseDied
from workers.engine.perform import Performer
from workers.text import printable

if TYPE_CHECKING:
    from workers.worker import Worker

log = logging.getLogger("rq.worker")

_GRACE: Final = 15.0
"""Seconds that a job has to end after its timeout; then its horse is killed."""
_OVERTIME: Final = f"qtui: the job did not end within {_GRACE:g} s after its timeout, and its process was killed"


class Stable:
    """Runs the claims of a worker, one at a time, in a process of their own."""

    def __init__(self, worker: Worker, performer: Performer, max_jobs: int | None, max_memory: int | None) -> None:
        self._worker = worker
        self._performer = performer
        self._max_jobs = max_jobs
        self._max_memory = max_memory
        self._horse: Horse | None = None

    def run(self, claim: Claim) -> Ending:
        """Runs a job to its end, which is one also where the horse dies of it; meanwhile the worker looks around."""
        horse = self._saddled()
        self._worker._horse_pid = horse.pid
        why = "died"
        try:
            horse.run(claim, tell_start=bool(claim.limit))
            telling.begins(claim, self._worker.name)  # beside the job, which need not wait for it
            answer = self._until_answered(horse, claim)
            if isinstance(answer, Ending):
                return answer
            why = answer
        except HorseDied:
            pass
        finally:
            self._worker._horse_pid = 0
        return self._without_answer(claim, why, self.clear())

    def settle(self) -> bool:
        """Has the job that ran last ended by RQ's own code; False where its horse is gone."""
        with suppress(HorseDied):
            if self._horse is not None:
                self._horse.settle()
                self._horse.answer()
                return True
        self.clear()
        return False

    def errand(self, work: Callable[[], None], patience: float) -> bool:
        """Runs something once in a process of its own, for so many seconds at most; whether it came to its end."""

        def settle() -> None:
            self._worker.become_horse()
            try:
                work()
            except Exception as error:  # it may be the code of a job, which raises anything
                log.error("Worker %s: %s: %s", self._worker.name, type(error).__name__, printable(str(error), 300))
                raise

        horse = Horse(self._perform, settle, patience=patience)
        try:
            horse.settle()
            horse.answer()
        except HorseDied:
            return False
        finally:
            horse.bury()
        return True

    def clear(self) -> int:
        """Ends the horse; its wait status."""
        horse, self._horse = self._horse, None
        return horse.bury() if horse else 0

    def _until_answered(self, horse: Horse, claim: Claim) -> Ending | str:
        """How the job ended, or why it must be ended."""
        worker, timeout = self._worker, claim.timeout
        end_at = time.monotonic() + timeout + _GRACE if timeout else float("inf")
        while True:
            worker.beat_if_due(claim)
            worker.tick_if_due()
            moment = time.monotonic()
            if moment >= worker.leave_at:
                return "stop"
            if moment >= end_at:
                return "overtime"
            if worker.wait(min(worker.next_beat, end_at, worker.leave_at) - moment, horse):
                answer = horse.answer()
                if isinstance(answer, Ending):
                    return answer
                worker.report_start(claim)

    def _without_answer(self, claim: Claim, why: str, status: int) -> Ending:
        if self._worker._stopped_job_id == claim.id:
            ending, text = stopped(claim), ""
        elif why == "stop":
            return returned(claim)
        else:
            text = _OVERTIME if why == "overtime" else _death(status)
            ending = failing(claim, text)
            self._worker.tell_trouble(text, job=claim.id, queue=claim.queue)
        if claim.special:
            return self._end_special(claim, ending, text)
        self._worker._stopped_job_id = None
        return ending

    def _end_special(self, claim: Claim, ending: Ending, text: str) -> Ending:
        """Ends a special job whose horse died, as rq.worker.Worker.monitor_work_horse does."""
        worker = self._worker
        settled = Ending("settled", ending.started, ending.ended)
        if worker.connection.zscore(keys.registry("wip", claim.queue), f"{claim.id}:{claim.execution}") is None:
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


def _death(status: int) -> str:
    """In RQ's words (`rq.worker.Worker.monitor_work_horse`), which tools look for."""
    signalled = f" (signal {os.WTERMSIG(status)})" if os.WIFSIGNALED(status) else ""
    return f"Work-horse terminated unexpectedly; waitpid returned {status}{signalled}; "
