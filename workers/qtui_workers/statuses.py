"""The statuses of a job: one row each, with all that programs and scripts have to know of it.

How a status looks to a person stands in `qtui.broker.status`. Importing this module does not import rq.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, Self

Place = Literal["queue", "registry", "limit", "failed registry", "hash"]
"""Where the ids of a status are found: the queue's list; a sorted set of its own; RQ's concurrency limits; among the failed;
or nowhere but in the job's own hash."""

Phase = Literal["created", "waits", "runs", "ended"]
Outcome = Literal["finished", "failed"]


class Status(StrEnum):
    """Every status of RQ 3 (`rq.job.JobStatus`): its word, place, registry, phase, outcome and time."""

    place: Place
    registry: str | None
    """The `kind` of `keys.registry` where its ids are; None where they are in none."""
    phase: Phase
    outcome: Outcome | None
    """How its last run ended; None where it has not."""
    time: str | None
    """The field of the job's hash that says since when it has this status; None where none does."""

    def __new__(
        cls,
        word: str,
        place: Place,
        registry: str | None,
        phase: Phase,
        outcome: Outcome | None = None,
        time: str | None = None,
    ) -> Self:
        """A row of the table."""
        status = str.__new__(cls, word)
        status._value_ = word
        status.place, status.registry, status.phase, status.outcome, status.time = place, registry, phase, outcome, time
        return status

    CREATED = "created", "hash", None, "created"
    DEFERRED = "deferred", "registry", "deferred", "waits"
    SCHEDULED = "scheduled", "registry", "scheduled", "waits"
    RATE_LIMITED = "rate_limited", "limit", None, "waits"
    READY_TO_ENQUEUE = "ready_to_enqueue", "registry", "ready", "waits"
    QUEUED = "queued", "queue", None, "waits", None, "enqueued_at"
    STARTED = "started", "registry", "wip", "runs", None, "started_at"
    FINISHED = "finished", "registry", "finished", "ended", "finished", "ended_at"
    FAILED = "failed", "registry", "failed", "ended", "failed", "ended_at"
    STOPPED = "stopped", "failed registry", "failed", "ended", "failed", "ended_at"
    CANCELED = "canceled", "registry", "canceled", "ended"

    @property
    def waits(self) -> bool:
        """Whether it may still be run, and is not yet."""
        return self.phase == "waits"

    @property
    def runs(self) -> bool:
        """Whether a worker has it."""
        return self.phase == "runs"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.phase == "ended"

    @property
    def failed(self) -> bool:
        """Whether it counts as failed: it has an error to show."""
        return self.outcome == "failed"


FACTS: Final = ("place", "registry", "phase", "outcome", "time", "waits", "runs", "ended", "failed")
"""What a script may know of a status, as `statuses.FACT[STATUS]` (`server.scripts`)."""


_BY_WORD: Final = {status.value: status for status in Status}


def parse(text: str | None) -> Status | None:
    """The status of that word, or None where RQ has none."""
    return _BY_WORD.get(text or "")
