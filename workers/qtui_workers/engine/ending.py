"""How a job ended: what the processes of a worker send each other and the server about it."""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Self, get_args

from rq.defaults import DEFAULT_FAILURE_TTL, DEFAULT_RESULT_TTL

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.process import frames
from qtui_workers.engine.process.attempt_usage import Usage
from qtui_workers.errors import Reschedule
from qtui_workers.rate.limiter import since
from qtui_workers.reporting.error_lines import error_line
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time, format_traceback
from qtui_workers.server.scripts import Argument
from qtui_workers.text import printable

Kind = Literal["finished", "failed", "stopped", "retry", "rescheduled", "returned", "refused", "held", "settled"]
"""`rescheduled`: to run again after `delay`, as the job itself wants it. `returned`: put back at the head of its queue.
`refused`: set aside for other workers, as this one cannot run it. `held`: put into hold. In these cases the attempt does not
count. `settled`: ended already by RQ's own code."""

_KINDS: Final[dict[bytes, Kind]] = {kind.encode(): kind for kind in get_args(Kind)}

UNREADABLE: Final = "qtui: the job's record cannot be read"
_KEPT_UNREADABLE: Final = 30 * 86_400
_LONGEST_TRACEBACK: Final = 1_000_000
_LONGEST_INTERVAL: Final = 30 * 86_400
_SHORTEST_REST: Final = 2
_LONGEST_REST: Final = 60
"""Seconds for which a job is set aside after its first refusal, doubled with each further one, and at most."""


class Ending(NamedTuple):
    """How a job ended; a tuple, as it is made several times a job."""

    kind: Kind
    started: float
    ended: float
    payload: bytes | None = None
    """The result or the traceback as RQ stores them (`rq.results.Result.serialize`); None where there is none."""
    ttl: int | None = None
    """Seconds that the result is kept; None: RQ's default, negative: for ever."""
    delay: int = 0
    """Seconds until the next attempt, or until the job that is rescheduled runs."""
    front: bool = False
    """Whether the next attempt goes to the head of the queue."""
    keep: int | None = None
    """How many jobs of its queue that ended in the same way are kept; None: all of them."""
    error: str | None = None
    """What was raised, in a line, for the stream of events and the worker's log."""
    lease_score: str | None = None
    """The score of the lease as it was read, where the lease is another worker's."""
    status: str | None = None
    """The status that RQ's own code gave to a job that is `settled`; None where that is not known."""
    code_ended: float | None = None
    """When the job's own code had ended (time.monotonic, which the processes of a machine share); None: not known."""
    cannot_run: bool = False
    """Whether it was not run, as this worker cannot run it."""
    usage: Usage | None = None
    """What the attempt used; None: not known."""

    def to_frame(self) -> list[bytes]:
        """The ending as the parts of a frame, for `from_frame`."""
        peak, cpu = (self.usage.peak_memory, self.usage.cpu) if self.usage else (None, None)
        numbers = (
            self.started,
            self.ended,
            self.ttl,
            self.delay,
            int(self.front),
            self.keep,
            self.code_ended,
            int(self.cannot_run),
            peak,
            cpu,
        )
        texts = (self.kind, self.error, self.status)
        return [*map(frames.text, texts), self.payload or b"", *map(frames.number, numbers)]

    @classmethod
    def from_frame(cls, parts: Sequence[bytes]) -> Self:
        """The ending that was sent; ValueError where the parts are no ending."""
        kind, error, status, payload, started, ended, ttl, delay, front, keep, code_ended, cannot_run, peak, cpu = parts
        found = _KINDS.get(kind)
        if found is None:
            raise ValueError("no ending")
        return cls(
            kind=found,
            started=float(started),
            ended=float(ended),
            payload=payload or None,
            ttl=frames.read_int(ttl),
            delay=int(delay),
            front=front == b"1",
            keep=frames.read_int(keep),
            error=frames.read_text(error),
            status=frames.read_text(status),
            code_ended=frames.read_float(code_ended),
            cannot_run=cannot_run == b"1",
            usage=Usage(frames.read_int(peak), float(cpu)) if cpu else None,
        )

    def arguments(self, claim: Claim, *, forced: bool) -> dict[str, Argument]:
        """The arguments of `lua/ending.lua`; `forced`: end the job also where other jobs wait for it."""
        refusal = claim.refusal
        default = DEFAULT_RESULT_TTL if self.kind == "finished" else DEFAULT_FAILURE_TTL
        ttl = default if self.ttl is None and self.kind == "finished" else self.ttl
        return {
            "kind": self.kind,
            "id": claim.id,
            "queue": claim.queue,
            "execution": claim.execution,
            "begun": repr(claim.begun),
            "started_iso": format_time(self.started),
            "ended_iso": format_time(self.ended),
            "ended": repr(self.ended),
            "took": f"{max(0.0, self.ended - self.started):.6f}",
            "payload": self.payload or b"",
            "result_ttl": "" if ttl is None else ttl,
            "default_ttl": default,
            "delay": self.delay,
            "front": int(self.front),
            "keep": "" if self.keep is None else self.keep,
            "error": self.error or "",
            "seen": self.lease_score or "",
            "forced": int(forced),
            "peak": "" if self.usage is None or self.usage.peak_memory is None else self.usage.peak_memory,
            "cpu": "" if self.usage is None else f"{self.usage.cpu:.6f}",
            "limit": claim.limit or "",
            "since": since(self.code_ended),
            "refused_since": claim.at if refusal is None else refusal.since,
            "refused_times": 1 if refusal is None else refusal.times + 1,
            "hold": claim.hold.hold if claim.hold else "",
            "hold_score": claim.hold.score if claim.hold else "",
        }


def failing(claim: Claim, text: str, *, started: float | None = None, may_retry: bool = True, keep: int | None = None) -> Ending:
    """A failed attempt: the job gets another attempt where any is left (`rq.job.Job.retry`), else it has failed."""
    ended = time.time()
    begun = claim.begun if started is None else started
    left = claim.number(b"retries_left") or 0
    if may_retry and left > 0:
        front = claim.fields.get(b"enqueue_at_front_on_retry") == b"1"
        return Ending("retry", begun, ended, delay=_delay(claim, left), front=front, error=brief(text))
    return Ending("failed", begun, ended, format_traceback(text), claim.number(b"failure_ttl"), keep=keep, error=brief(text))


def rescheduled(later: Reschedule, started: float) -> Ending:
    """A job that wants to run again later; the attempt does not count."""
    return Ending("rescheduled", started, time.time(), delay=later.seconds, error=printable(str(later), 300))


def stopped(claim: Claim) -> Ending:
    """A job that was stopped by a command: it gets no further attempt, even where some are left."""
    ending = failing(claim, "Job stopped by user, work-horse terminated.", may_retry=False)
    return ending._replace(kind="stopped")


def unreadable(claim: Claim, reason: str) -> Ending:
    """A job whose record cannot be read: it has failed, with the reason."""
    text = f"{UNREADABLE} ({printable(reason, 300)})"
    return Ending("failed", claim.begun, time.time(), format_traceback(text), _KEPT_UNREADABLE, error=text)


def not_taken(claim: Claim, ending: Ending) -> Ending:
    """The ending that is written instead of one whose result the server does not accept."""
    reason = f"qtui: the server does not take what came of this job: {len(ending.payload or b''):,} bytes"
    return failing(claim, reason, started=ending.started, may_retry=False)


def returned(claim: Claim) -> Ending:
    """A job that goes back to the head of its queue."""
    return Ending("returned", claim.begun, time.time())


def held(claim: Claim) -> Ending:
    """A job that must not run, as somebody holds such jobs."""
    return Ending("held", claim.begun, time.time(), error=claim.hold.hold if claim.hold else None)


def refused(claim: Claim, error: BaseException, refuse_after: float) -> Ending | None:
    """A job that is set aside, as this worker cannot run it; None where workers have refused it for that many seconds."""
    refusal = claim.refusal
    left = refuse_after - (0 if refusal is None else max(0, claim.at - refusal.since))
    if left <= 0:
        return None
    times = 0 if refusal is None else refusal.times
    delay = min(_SHORTEST_REST << min(times, 10), _LONGEST_REST, math.ceil(left))
    why = printable(f"{type(error).__name__}: {error}", 300)
    return Ending("refused", claim.begun, time.time(), delay=delay, error=why, cannot_run=True)


def traceback_of(error: BaseException) -> str:
    """A traceback as RQ formats it (`rq.job_lifecycle.format_exc_info`); of a very long one the beginning and the end."""
    text = "".join(traceback.format_exception(error))
    if len(text) <= _LONGEST_TRACEBACK:
        return text
    half = _LONGEST_TRACEBACK // 2
    return f"{text[:half]}\n  … {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


def brief(text: str) -> str | None:
    """What was raised, of a traceback: safe to show, at most 300 characters; None where the text is empty."""
    line = error_line(text)
    return None if line is None else printable(line, 300)


def _delay(claim: Claim, left: int) -> int:
    """Seconds before the next attempt.

    RQ's rule (`rq.job.Job.get_retry_interval`), but where the list is shorter than the attempts, its last entry is
    repeated instead of its first. What is random about the waits is in the list already (`qtui_workers.define.backoff`).
    """
    intervals = _intervals(claim.fields.get(b"retry_intervals"))
    if not intervals:
        return 0
    done = claim.number(keys.FIELD_ATTEMPT.encode()) or 0
    index = max(len(intervals) - left, min(done, len(intervals) - 1))
    return min(intervals[index], _LONGEST_INTERVAL)


def _intervals(raw: bytes | None) -> list[int]:
    try:
        found = json.loads(raw or b"[]")
        listed = found if isinstance(found, list) else [found]
        return [max(0, int(one)) for one in listed if isinstance(one, int | float)]
    except (ValueError, OverflowError, RecursionError):
        return []
