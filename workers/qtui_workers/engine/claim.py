"""A job that a worker has taken, or why it got none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, NamedTuple

from rq.exceptions import TimeoutFormatError
from rq.utils import parse_timeout

from qtui_workers.enqueue.holds import HeldClaim
from qtui_workers.rate.limiter import in_time
from qtui_workers.reporting.source import Source, called
from qtui_workers.server import keys
from qtui_workers.server.rq_format import parse_int
from qtui_workers.text import decode

DEFAULT_TIMEOUT: Final = 180
_SPECIAL: Final = (
    b"success_callback_name",
    b"failure_callback_name",
    b"stopped_callback_name",
    b"webhooks",
    b"repeats_left",
    b"rate_limit_key",
)
"""A job that has one of these fields is run and ended by RQ's own code."""

_ATTEMPT: Final = keys.FIELD_ATTEMPT.encode()
_REFUSED: Final = keys.FIELD_REFUSED.encode()

Fields = dict[bytes, bytes]


class Interrupted(BaseException):
    """The job that runs in the worker's own process has to end now, and will run again."""


class Refusal(NamedTuple):
    """What a job has on record of the workers that could not run it since it last ran."""

    since: int
    """When the first of them took it, in seconds of the server's clock."""
    times: int


class Claim(NamedTuple):
    """A job that was taken, with its hash as it was before; a tuple, as it is made several times a job."""

    id: str
    queue: str
    execution: str
    begun: float
    """Seconds since the epoch."""
    fields: Fields
    dependents: int = 0
    """How many jobs wait for it."""
    requested_at: float | None = None
    """When it was requested (time.monotonic, which the processes of a machine share); None: it is another worker's."""
    limit: str | None = None
    """The limiter that let it through; None: it is not limited."""
    at: int = 0
    """When it was taken, in seconds of the server's clock."""
    hold: HeldClaim | None = None
    """The hold that holds it, so that it must not run."""

    @property
    def readable(self) -> bool:
        """Whether it has a function and arguments."""
        return bool(self.fields.get(b"data"))

    @property
    def special(self) -> bool:
        """Whether RQ's own code runs and ends it: callbacks, dependents, repeats, webhooks, RQ's limits, or it is not kept."""
        kept_not = b"0" in (self.fields.get(b"result_ttl"), self.fields.get(b"failure_ttl"))
        return kept_not or bool(self.dependents) or any(map(self.fields.get, _SPECIAL))

    @property
    def refusal(self) -> Refusal | None:
        """The refusals so far; None where there were none."""
        raw = self.fields.get(_REFUSED)
        if raw is None:
            return None
        try:
            found = json.loads(raw)
            return found and Refusal(int(found["since"]), int(found["times"]))
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            return None

    @property
    def may_start(self) -> bool:
        """Whether its limiter, if it has one, still has a slot for it (`qtui_workers.rate.limiter`)."""
        return self.limit is None or (self.requested_at is not None and in_time(self.requested_at))

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
        return (self.number(_ATTEMPT) or 0) + 1

    @property
    def attempts(self) -> int:
        """How many attempts the job may have in all: those so far, and those that are left."""
        return self.attempt + max(0, self.number(b"retries_left") or 0)

    def source(self, worker: str) -> Source:
        """The source that log lines and events about the job have."""
        return Source(self.id, self.queue, called(decode(self.fields.get(b"description"))), worker, self.attempt)

    def number(self, name: bytes) -> int | None:
        """A whole number of its hash; None where it is missing or not one."""
        return parse_int(self.fields.get(name))


@dataclass(frozen=True, slots=True)
class NoJob:
    """There is no job to take now."""

    wait: float | None = None
    """Seconds until a limit lets a waiting job through."""
    suspended: bool = False
    paused: bool = False
    """Jobs wait, but in paused queues only."""
    newer: bool = False
    """Newer programs write to this Redis, in a format that this one does not know."""
    held: tuple[str, ...] = ()
    """Queues in which jobs wait that a limit holds back."""
    limits: tuple[str, ...] = ()
    """The limiters that hold them back."""
