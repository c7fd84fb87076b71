"""What a worker logs about its jobs: the beginning and the end of each attempt, and why no job is taken."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from qtui_workers.engine.claim import Claim, NoJob
from qtui_workers.engine.ending import UNREADABLE, Ending
from qtui_workers.reporting.quick_records import Origin, quick_record
from qtui_workers.reporting.source import Source
from qtui_workers.text import decode, printable

log = logging.getLogger("rq.worker")


def log_begin(claim: Claim, worker: str, *, described: bool = False) -> None:
    """Logs that an attempt begins; `described`: with the job's arguments, like RQ's `log_job_description`."""
    source = claim.source(worker)
    shown = replace(source, function=decode(claim.fields.get(b"description"))) if described else source
    fields = source.fields() | {"status": "started"}
    _tell(logging.INFO, "%s begins, attempt %d of %d", _head(shown), claim.attempt, claim.attempts, fields=fields)


def log_error(source: Source, *error: Any) -> None:
    """Logs what an attempt raised, with its traceback, but without the arguments of the job."""
    log.warning("%s raised", _head(source), exc_info=error, extra=source.fields())


def log_taken_away(claim: Claim, worker: str) -> None:
    """Logs that the job was removed while it ran, or that another worker found it lost and has taken it."""
    source = claim.source(worker)
    log.warning("%s was taken away meanwhile: nothing is written", _head(source), extra=source.fields())


def log_end(claim: Claim, ending: Ending, worker: str, *, how: str = "") -> None:
    """Logs how an attempt ended, and what follows; in the line, `how` is before that."""
    source, took = claim.source(worker), ending.ended - ending.started
    waits = {
        "retry": "scheduled" if ending.delay else "queued",
        "returned": "queued",
        "rescheduled": "scheduled",
        "refused": "scheduled",
        "held": "deferred",
    }
    status = ending.status or waits.get(ending.kind, ending.kind)
    level, what = _outcome(claim, ending, took)
    fields = source.fields() | {"seconds": round(took, 6), "status": status}
    _tell(level, "%s %s%s", _head(source), how, what, fields=fields)


def _tell(level: int, message: str, *values: object, fields: Mapping[str, object]) -> None:
    """As `log.log`, which would look for its caller on the stack each time: that is always this place."""
    if log.isEnabledFor(level):
        log.handle(quick_record(log, _PLACES[level], message, values, fields))


_PLACES: Final = {
    level: Origin(log.name, level, __file__, _tell.__code__.co_firstlineno, _tell.__name__)
    for level in (logging.INFO, logging.WARNING, logging.ERROR)
}


def _outcome(claim: Claim, ending: Ending, took: float) -> tuple[int, str]:
    why = f" ({ending.error})" if ending.error else ""
    match ending.status or ending.kind:
        case "finished":
            return logging.INFO, f"finished in {took:.3f} s"
        case "failed":
            level = logging.WARNING if (ending.error or "").startswith(UNREADABLE) else logging.ERROR
            return level, f"failed for good after {took:.3f} s in attempt {claim.attempt} of {claim.attempts}{why}"
        case "retry":
            soon = f"in {ending.delay} s" if ending.delay else "follows"
            return logging.WARNING, f"failed after {took:.3f} s{why}; attempt {claim.attempt + 1} of {claim.attempts} {soon}"
        case "rescheduled":
            return logging.INFO, f"is put off for {ending.delay} s after {took:.3f} s; the attempt does not count{why}"
        case "refused":
            return logging.WARNING, f"cannot be run here{why}: it is left for other workers, and due again in {ending.delay} s"
        case "held":
            return logging.INFO, f"is held{why}: it did not run"
        case "stopped":
            return logging.WARNING, f"was stopped after {took:.3f} s"
        case "returned":
            return logging.WARNING, f"was put back at the head of its queue after {took:.3f} s"
        case status:
            return logging.INFO, f"ended in {took:.3f} s{why}" + (f" and is {status} now" if ending.status else "")


def _head(source: Source) -> str:
    called = f" ({printable(source.function, 200)})" if source.function else ""
    return f"{printable(str(source.queue), 200)}: job {printable(str(source.job), 200)}{called}"


class Standstill:
    """Logs why a worker takes no job although jobs wait: once, and again when the reason has changed."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._why = ""

    def note(self, found: Claim | NoJob) -> None:
        """Takes note of what the worker received when it requested a job."""
        why = _reason(found) if isinstance(found, NoJob) else ""
        if isinstance(found, Claim) and self._why == _LIMITED:
            return  # a limit lets jobs through one by one
        if why != self._why:
            self._why = why
            log.info("Worker %s: %s", self._worker, why or "nothing holds jobs back any more")


_LIMITED: Final = "the jobs that wait are over a rate limit; they start as it lets them through"


def _reason(found: NoJob) -> str:
    if found.suspended:
        return "all workers are suspended: it takes no job until they are resumed (rq resume)"
    if found.wait is not None:
        return _LIMITED
    return "jobs wait in paused queues only" if found.paused else ""
