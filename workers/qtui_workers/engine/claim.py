"""A job that this worker holds, and how it ended: what the processes of a worker tell each other and the server."""

from __future__ import annotations

import json
import struct
import time
import traceback
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal, Self, get_args

from rq.defaults import DEFAULT_FAILURE_TTL, DEFAULT_RESULT_TTL
from rq.exceptions import TimeoutFormatError
from rq.utils import parse_timeout

from qtui_workers.rate.limiter import since
from qtui_workers.reporting.source import Source, called
from qtui_workers.server import keys
from qtui_workers.text import decode, printable

Kind = Literal["finished", "failed", "stopped", "retry", "returned", "settled"]
"""`returned`: put back at the head of its queue, attempts unchanged. `settled`: RQ's own code has ended it already."""

DEFAULT_TIMEOUT: Final = 180
UNREADABLE: Final = "qtui: the job's record cannot be read"
_KEPT_UNREADABLE: Final = 30 * 86_400
_LONGEST_TRACEBACK: Final = 1_000_000
_LONGEST_INTERVAL: Final = 30 * 86_400
_SPECIAL: Final = (
    b"success_callback_name",
    b"failure_callback_name",
    b"stopped_callback_name",
    b"webhooks",
    b"repeats_left",
    b"rate_limit_key",
)
"""Fields of a job that RQ's own code ends."""

Fields = dict[bytes, bytes]


class Interrupted(BaseException):
    """The job that runs in the worker's own process has to end now, and will run again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job taken, with its hash as it was before."""

    id: str
    queue: str
    execution: str
    begun: float
    """Seconds since the epoch."""
    fields: Fields
    dependents: int = 0
    asked: float = 0.0
    """When it was asked for (time.monotonic, which the processes of a machine share)."""
    limit: str = ""
    """The limiter that let it through."""

    @property
    def readable(self) -> bool:
        """Whether there is anything to run."""
        return bool(self.fields.get(b"data"))

    @property
    def special(self) -> bool:
        """Whether RQ's own code runs and ends it: callbacks, dependents, repeats, webhooks, RQ's limits, nothing kept."""
        kept_not = b"0" in (self.fields.get(b"result_ttl"), self.fields.get(b"failure_ttl"))
        return kept_not or bool(self.dependents) or any(self.fields.get(name) for name in _SPECIAL)

    @property
    def timeout(self) -> float | None:
        """Seconds that an attempt may take; None: for ever."""
        raw = decode(self.fields.get(b"timeout"))
        try:
            seconds = parse_timeout(raw) if raw else DEFAULT_TIMEOUT
        except TimeoutFormatError:
            seconds = DEFAULT_TIMEOUT
        return None if seconds is None or seconds < 0 else float(min(seconds, 10**9))

    @property
    def attempt(self) -> int:
        """Which attempt this is, the first being 1."""
        return (self.number(keys.FIELD_ATTEMPT.encode()) or 0) + 1

    @property
    def attempts(self) -> int:
        """How many the job may have in all, as things stand."""
        return self.attempt + max(0, self.number(b"retries_left") or 0)

    def source(self, worker: str) -> Source:
        """Whom a line about it is about."""
        return Source(self.id, self.queue, called(decode(self.fields.get(b"description"))), worker, self.attempt)

    def number(self, name: bytes) -> int | None:
        """A whole number of its hash; None where it is missing or not one."""
        try:
            return int(self.fields[name])
        except (KeyError, ValueError):
            return None

    def to_frame(self) -> list[bytes]:
        """As `from_frame` reads it."""
        flat = [part for pair in self.fields.items() for part in pair]
        texts = (self.id, self.queue, self.execution, self.limit)
        numbers = (self.begun, self.asked, self.dependents)
        return [*map(_bytes, texts), *(repr(number).encode() for number in numbers), *flat]

    @classmethod
    def from_frame(cls, parts: Sequence[bytes]) -> Self:
        """The claim that was sent."""
        job_id, queue, execution, limit, begun, asked, dependents, *flat = parts
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        texts = (decode(job_id), decode(queue), decode(execution))
        return cls(*texts, float(begun), fields, int(dependents), float(asked), decode(limit))


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no job to take now."""

    wait: float | None = None
    """Seconds until a limit lets a waiting job through."""
    suspended: bool = False
    paused: bool = False
    """Jobs wait, but in paused queues only."""
    held: tuple[str, ...] = ()
    """Queues in which jobs wait that a limit holds back."""
    limits: tuple[str, ...] = ()
    """The limiters that hold them back."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended."""

    kind: Kind
    started: float
    ended: float
    payload: bytes = b""
    """The result or the traceback as RQ stores them (`rq.results.Result.serialize`)."""
    ttl: int | None = None
    """Seconds that the result is kept; None: RQ's default, negative: for ever."""
    delay: int = 0
    """Seconds until the next attempt."""
    front: bool = False
    """Whether the next attempt goes to the head of the queue."""
    keep: int | None = None
    """How many jobs of its queue that ended the same way are kept."""
    error: str = ""
    """The last line of the traceback, for the stream of events."""
    seen: str = ""
    """The score of the lease as it was seen, where it is another worker's."""
    status: str = ""
    """What RQ's own code made of a job that is `settled`; '' where that is not known."""
    over: float = 0.0
    """When the job's own code was over (time.monotonic, which the processes of a machine share); 0: not known."""

    def to_frame(self) -> list[bytes]:
        """As `from_frame` reads it."""
        numbers = (self.started, self.ended, self.over, self.ttl, self.delay, int(self.front), self.keep)
        texts = (self.kind.encode(), self.payload, _bytes(self.error), _bytes(self.status))
        return [*texts, *(b"" if n is None else repr(n).encode() for n in numbers)]

    @classmethod
    def from_frame(cls, parts: Sequence[bytes]) -> Self:
        """The ending that was sent; ValueError where it is none."""
        kind, payload, error, status, started, ended, over, ttl, delay, front, keep = parts
        found = next((known for known in get_args(Kind) if known == decode(kind)), None)
        if found is None:
            raise ValueError("no ending")
        kept = int(keep) if keep else None
        times = (float(started), float(ended))
        texts = (decode(error), "", decode(status))
        return cls(found, *times, payload, int(ttl) if ttl else None, int(delay), front == b"1", kept, *texts, over=float(over))

    def arguments(self, claim: Claim, *, forced: bool) -> list[str | bytes | int]:
        """What `lua/ending.lua` reads; forced: also where other jobs wait for this one."""
        default = DEFAULT_RESULT_TTL if self.kind == "finished" else DEFAULT_FAILURE_TTL
        ttl = default if self.ttl is None and self.kind == "finished" else self.ttl
        return [
            self.kind, claim.id, claim.queue, claim.execution, repr(claim.begun),
            iso(self.started), iso(self.ended), repr(self.ended), f"{max(0.0, self.ended - self.started):.6f}",
            self.payload, "" if ttl is None else ttl, default,
            self.delay, int(self.front), "" if self.keep is None else self.keep, self.error, self.seen, int(forced),
            claim.limit, since(self.over),
        ]  # fmt: skip


def failing(claim: Claim, text: str, *, started: float | None = None, may_retry: bool = True, keep: int | None = None) -> Ending:
    """A failed attempt: the job gets another where it has any left (`rq.job.Job.retry`), else it has failed."""
    ended = time.time()
    begun = claim.begun if started is None else started
    left = claim.number(b"retries_left") or 0
    if may_retry and left > 0:
        front = claim.fields.get(b"enqueue_at_front_on_retry") == b"1"
        return Ending("retry", begun, ended, delay=_delay(claim, left), front=front, error=last_line(text))
    return Ending("failed", begun, ended, packed(text), claim.number(b"failure_ttl"), keep=keep, error=last_line(text))


def stopped(claim: Claim) -> Ending:
    """A job that somebody stopped: no further attempt, whatever is left."""
    ending = failing(claim, "Job stopped by user, work-horse terminated.", may_retry=False)
    return replace(ending, kind="stopped")


def unreadable(claim: Claim, reason: str) -> Ending:
    """A job whose record cannot be read is among the failed ones, with the reason."""
    text = f"{UNREADABLE} ({printable(reason, 300)})"
    return Ending("failed", claim.begun, time.time(), packed(text), _KEPT_UNREADABLE, error=text)


def not_taken(claim: Claim, ending: Ending) -> Ending:
    """What is written instead of a result that the server does not take."""
    reason = f"qtui: the server does not take what came of this job: {len(ending.payload):,} bytes"
    return failing(claim, reason, started=ending.started, may_retry=False)


def returned(claim: Claim) -> Ending:
    """A job that goes back to where it was taken from."""
    return Ending("returned", claim.begun, time.time())


def traceback_of(error: BaseException) -> str:
    """As RQ formats it (`rq.job_lifecycle.format_exc_info`), of a very long one only the end."""
    return "".join(traceback.format_exception(error))[-_LONGEST_TRACEBACK:]


def packed(text: str) -> bytes:
    """A traceback as RQ stores it."""
    return b64encode(zlib.compress(text.encode("utf-8", "replace")))


def last_line(text: str) -> str:
    """What a traceback comes to: safe to show, at most 300 characters."""
    return printable(text.rstrip().rpartition("\n")[2], 300)


def _delay(claim: Claim, left: int) -> int:
    """Seconds before the next attempt.

    RQ's rule (`rq.job.Job.get_retry_interval`), but where the list is shorter than the attempts its last entry is
    repeated instead of its first. Chance had its part when the list was made (`qtui_workers.define.backoff`).
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


def iso(at: float) -> str:
    """A time as RQ writes it (`rq.utils.utcformat`)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_iso(raw: bytes | None) -> float | None:
    """A time that RQ wrote, in seconds since the epoch; None where it is none."""
    try:
        return datetime.fromisoformat(decode(raw)).timestamp()
    except ValueError:
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def pack(parts: Sequence[bytes]) -> bytes:
    """A frame: its length, then each part with its own."""
    body = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return struct.pack(">I", len(body)) + body


def unpack(body: bytes) -> list[bytes]:
    """The parts of a frame without its length; ValueError where it is none."""
    parts, at = [], 0
    while at < len(body):
        if at + 4 > len(body):
            raise ValueError("no frame")
        end = at + 4 + int.from_bytes(body[at : at + 4], "big")
        if end > len(body):
            raise ValueError("no frame")
        parts.append(body[at + 4 : end])
        at = end
    return parts
