"""The statuses of a job: one row each, with all that programs and scripts have to know about it.

How a status is shown to people is defined in `qtui.broker.status`. Importing this module does not import rq.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, Self

Place = Literal["queue", "registry", "limit", "failed registry", "hash"]
"""Where the ids of the jobs of a status are: in the queue's list; in a sorted set of that status; with RQ's concurrency
limits; in the registry of failed jobs; or nowhere, so that only the job's own hash holds the status."""

Phase = Literal["created", "waits", "runs", "ended"]
Outcome = Literal["finished", "failed"]


class Status(StrEnum):
    """Every status of RQ 3 (`rq.job.JobStatus`): its word, place, registry, phase, outcome and time."""

    place: Place
    registry: str | None
    """The `kind` of the registry that holds its ids (`keys.registry`); None where no registry does."""
    phase: Phase
    outcome: Outcome | None
    """How the job's last run ended; None where it has not ended."""
    time: str | None
    """The field of the job's hash that holds since when the job has this status; None where no field does."""

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
        """Whether the job does not run yet, and still may."""
        return self.phase == "waits"

    @property
    def runs(self) -> bool:
        """Whether a worker runs the job."""
        return self.phase == "runs"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job by itself."""
        return self.phase == "ended"

    @property
    def failed(self) -> bool:
        """Whether the job counts as failed, and so has an error to show."""
        return self.outcome == "failed"

    @property
    def times(self) -> tuple[str, ...]:
        """The fields of the job's hash that say since when it has this status; of those that it has the first counts."""
        began = ("started_at", "enqueued_at", "created_at")
        return ("ended_at", *began) if self.ended else began if self.runs else began[1:]


FACTS: Final = ("place", "registry", "phase", "outcome", "time", "waits", "runs", "ended", "failed")
"""The facts of a status that scripts can read, as `statuses.FACT[STATUS]` (`server.scripts`)."""


_BY_WORD: Final = {status.value: status for status in Status}


def parse(text: str | None) -> Status | None:
    """The status of that word; None where RQ has no such status."""
    return _BY_WORD.get(text or "")
