"""One run of a plain job: RQ's own code runs it, inside whatever tools have put around that, and how it ended is noted here."""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from rq.defaults import UNSERIALIZABLE_RETURN_VALUE_PAYLOAD
from rq.executions import Execution
from rq.job import JobStatus, Retry
from rq.utils import now

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending, failing, rescheduled, traceback_of
from qtui_workers.engine.job import Job
from qtui_workers.engine.retention import retention_of
from qtui_workers.errors import Reschedule
from qtui_workers.server.rq_format import format_result


@dataclass(slots=True, eq=False)
class PlainRun:
    """A job whose ending the script will write; until then only this process knows how it ended."""

    claim: Claim
    job: Job
    execution: Execution
    default_ttl: int
    """Seconds that a result is kept where the job does not say so."""
    started: float
    ending: Ending | None = None
    """How it ended; None: not yet, or RQ's own code has ended it."""
    error: BaseException | None = None
    wants_again: bool = False
    """Whether it has returned a Retry: then RQ's own code ends it."""

    def note_success(self, value: Any) -> bool:
        """Notes what the job has returned; False where RQ's own code has to end it, as it wants to run again."""
        code_ended = time.monotonic()
        if isinstance(value, Retry):
            self.wants_again = True
            return False
        ending = _succeeded(self.job, value, self.started, code_ended, self.job.get_result_ttl(self.default_ttl))
        self._note(ending, JobStatus.FINISHED)
        return True

    def note_failure(self, error: BaseException) -> str:
        """Notes what the job has raised; returns the traceback."""
        code_ended, text = time.monotonic(), traceback_of(error)
        keep = retention_of(self.job).failed
        self.error = error
        ending = failing(self.claim, text, started=self.started, may_retry=self.job.should_retry, keep=keep)
        self._note(ending._replace(code_ended=code_ended), JobStatus.FAILED)
        return text

    def note_rescheduled(self, later: Reschedule) -> None:
        """Notes that the job wants to run again later; the attempt does not count."""
        self._note(rescheduled(later, self.started)._replace(code_ended=time.monotonic()), JobStatus.SCHEDULED)

    def _note(self, ending: Ending, status: JobStatus) -> None:
        self.job.ended_at = now()
        self.job.note_status(status)
        self.ending = ending


def _succeeded(job: Job, value: Any, started: float, code_ended: float, ttl: int) -> Ending:
    """The ending of a job that has returned a value, which is written as by rq.results.Result.serialize."""
    payload = None
    if value is not None:
        try:
            serialized = job.serializer.dumps(value)
        except Exception:  # noqa: BLE001 - a serializer may raise anything
            serialized = job.serializer.dumps(UNSERIALIZABLE_RETURN_VALUE_PAYLOAD)
        payload = format_result(serialized)
    return Ending("finished", started, time.time(), payload, ttl, keep=retention_of(job).finished, code_ended=code_ended)
