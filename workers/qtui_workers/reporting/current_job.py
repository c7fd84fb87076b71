"""What a processor may ask about its job, and how it logs a piece of work."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from rq import get_current_job

from qtui_workers.text import printable


def current_job_id() -> str:
    """The id of the running job: the same in all its attempts, and so what makes an effect recognizable as done before.

    Outside a job a new one each time.
    """
    job = get_current_job()
    return job.id if job else uuid4().hex


def enqueued_at() -> datetime:
    """When the running job was created, in UTC; now, outside a job."""
    job = get_current_job()
    return (job.created_at if job else datetime.now(UTC)).astimezone(UTC)


@contextmanager
def logged(log: logging.Logger, what: str) -> Iterator[None]:
    """Logs the beginning of a piece of work, and its end with the seconds it took, or its failure."""
    begun = time.monotonic()
    log.info("%s: begins", what)
    try:
        yield
    except Exception as error:
        log.error("%s: failed: %s", what, printable(str(error) or type(error).__name__, 500))
        raise
    log.info("%s: done in %.2f s", what, time.monotonic() - begun)
