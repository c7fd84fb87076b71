"""What happened to a job: its attempts, the waits between them, and each step; one source for the dashboard and `qtui job`."""

from __future__ import annotations

import redis

from qtui.broker.models import JobDetail, TimelineStep
from qtui.broker.one_job import attempts, timeline
from qtui.broker.one_job.attempts import JobEvents, KnownAttempt, Span
from qtui_workers.records import Record


class JobHistory(Record):
    """What happened to a job, as far as its results, its hash and the events show."""

    tried: tuple[KnownAttempt, ...] = ()
    """Its attempts, oldest first, also the one that runs."""
    spans: tuple[Span, ...] = ()
    """Waits and attempts without a gap."""
    moments: tuple[TimelineStep, ...] = ()
    """Every step whose time is known, in time order."""


def load(client: redis.Redis, detail: JobDetail, events: JobEvents | None = None) -> JobHistory:
    """The history of a job; `events` keeps what was read of the events. Raises redis.RedisError."""
    events = events or JobEvents(detail.row.id)
    tried = attempts.known(detail, events.look(client, detail))
    return JobHistory(tried, attempts.spans(detail.row, tried), timeline.moments(detail.row, tried))
