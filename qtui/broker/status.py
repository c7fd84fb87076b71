"""The statuses of a job: one row each, from which tabs, colours and counts derive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Tone = Literal["idle", "busy", "good", "bad", "warn", "muted"]
"""What a status means to an operator; the theme gives it a colour."""

Home = Literal["queue", "registry", "rate limit", "failed registry", "hash"]
"""Where the ids of a status are found: the queue's list; a sorted set of its own; RQ's concurrency limits;
among the failed; or nowhere but in the job's own hash."""


class Status(StrEnum):
    """Every status of RQ 3 (`rq.job.JobStatus`), in the order of a job's life."""

    CREATED = "created"
    DEFERRED = "deferred"
    SCHEDULED = "scheduled"
    RATE_LIMITED = "rate_limited"
    READY_TO_ENQUEUE = "ready_to_enqueue"
    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    CANCELED = "canceled"

    @property
    def fact(self) -> StatusFact:
        """All that is known of this status."""
        return STATUSES[self]


@dataclass(frozen=True, slots=True)
class StatusFact:
    """A row of the table of statuses."""

    title: str
    """The word a person sees."""
    short: str
    """The same in at most seven letters, for the head of a column."""
    glyph: str
    """One cell wide."""
    tone: Tone
    home: Home
    registry: str | None
    """The `kind` for `keys.registry`, where its home is a registry or the failed registry."""
    hint: str
    """What it means, in a sentence."""


STATUSES: Final[dict[Status, StatusFact]] = {
    Status.QUEUED: StatusFact("queued", "QUEUED", "·", "idle", "queue", None, "Waits for a worker."),
    Status.STARTED: StatusFact("started", "STARTED", "▸", "busy", "registry", "wip", "A worker runs it now."),
    Status.FAILED: StatusFact(
        "failed",
        "FAILED",
        "✗",
        "bad",
        "registry",
        "failed",
        "It raised, timed out or lost its worker, and has no attempts left.",
    ),
    Status.STOPPED: StatusFact(
        "stopped",
        "STOPPED",
        "■",
        "warn",
        "failed registry",
        "failed",
        "A person stopped it while it ran.",
    ),
    Status.SCHEDULED: StatusFact(
        "scheduled",
        "SCHED",
        "◷",
        "idle",
        "registry",
        "scheduled",
        "Runs at a set time, or waits for its next attempt.",
    ),
    Status.DEFERRED: StatusFact("deferred", "DEFER", "⋯", "muted", "registry", "deferred", "Waits for other jobs to finish."),
    Status.READY_TO_ENQUEUE: StatusFact(
        "ready",
        "READY",
        "◇",
        "idle",
        "registry",
        "ready",
        "What it waited for is done; it is about to be queued.",
    ),
    Status.RATE_LIMITED: StatusFact(
        "rate limited", "LIMITED", "◑", "warn", "rate limit", None, "Held back by RQ's concurrency limit."
    ),
    Status.FINISHED: StatusFact(
        "finished",
        "FINISHED",
        "✓",
        "good",
        "registry",
        "finished",
        "Done; its result is kept for a while.",
    ),
    Status.CANCELED: StatusFact(
        "canceled", "CANCEL", "⊘", "muted", "registry", "canceled", "A person called it off before it ran."
    ),
    Status.CREATED: StatusFact("created", "CREATED", "○", "muted", "hash", None, "Stored, but in no queue yet."),
}

COUNTED: Final = tuple(s for s, fact in STATUSES.items() if fact.home in ("queue", "registry"))
"""The statuses whose number a queue knows at once, in the order of the tabs."""


def parse(text: str | None) -> Status | None:
    """The status of that name, or None where RQ has none."""
    try:
        return Status(text or "")
    except ValueError:
        return None
