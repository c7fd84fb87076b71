"""What a processor can know about its job, and how it logs a piece of work."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from qtui_workers.errors import Reschedule
from qtui_workers.text import printable

if TYPE_CHECKING:
    from rq.job import Job


def current_job_id() -> str:
    """The id of the running job, the same in all its attempts: an effect that is stored with it is recognized when it repeats.

    Outside a job, each call returns a new id.
    """
    job = _current()
    return job.id if job else uuid4().hex


def current_attempt() -> int:
    """Which attempt of its job is running, the first being 1; 1 outside a job."""
    job = _current()
    return 1 if job is None else attempt_of(job)


def _current() -> Job | None:
    from rq import get_current_job  # loads RQ, which modules of processors do not need while jobs are only enqueued

    return get_current_job()


def attempt_of(job: Job) -> int:
    """The number of a job's running attempt, the first being 1.

    Our worker counts attempts; under a stock one it follows from the retries that are left (`rq.job.Job.retry`).
    """
    counted = getattr(job, "attempt", None)
    if counted:
        return int(counted)
    retries = len(job.retry_intervals or [])
    return max(1, retries - (job.retries_left or 0) + 1)


def enqueued_at() -> datetime:
    """When the running job was created, in UTC; now, outside a job."""
    job = _current()
    return (job.created_at if job else datetime.now(UTC)).astimezone(UTC)


@contextmanager
def logged(log: logging.Logger, what: str) -> Iterator[None]:
    """Logs the beginning of a piece of work, and its end with the seconds it took, its failure, or that it is put off."""
    begun = time.monotonic()
    log.info("%s: begins", what)
    try:
        yield
    except Reschedule as later:
        log.warning("%s: put off for %d s: %s", what, later.seconds, printable(str(later), 500))
        raise
    except Exception as error:
        log.error("%s: failed: %s", what, printable(str(error) or type(error).__name__, 500))
        raise
    log.info("%s: done in %.2f s", what, time.monotonic() - begun)
