"""How many jobs that have ended are kept."""

from __future__ import annotations

from typing import NamedTuple

from rq.exceptions import DeserializationError
from rq.job import Job

from qtui_workers.define.discovery import discover


class Retention(NamedTuple):
    """How many jobs of a queue are kept; None: as many as their age allows."""

    finished: int | None = None
    failed: int | None = None


def retention_of(job: Job) -> Retention:
    """The retention that the job's processor declares; without bounds where the job has none, or cannot be read."""
    try:
        processor = discover().by_path.get(job.func_name or "") if job.instance is None else None
    except DeserializationError:
        return Retention()
    return Retention(processor.options.keep_finished, processor.options.keep_failed) if processor else Retention()
