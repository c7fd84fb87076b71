"""How a processor says that trying again is of no use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rq.job import Job

from qtui_workers.errors import InvalidInput, NotFound


class Unrecoverable(Exception):
    """A failure that no further attempt would mend, whatever attempts are left: the job fails at once.

    Raised by processors; its text says what a person has to change before they retry the job.
    """


@contextmanager
def not_retried(job: Job | None) -> Iterator[None]:
    """Takes a job's remaining attempts where what runs inside raises Unrecoverable, InvalidInput or NotFound.

    A worker asks the very same object whether to retry (`rq.job.Job.should_retry`), so that this holds in any worker.
    The record in Redis keeps its count, for a person who retries the job.
    """
    try:
        yield
    except (Unrecoverable, InvalidInput, NotFound):
        if job is not None:
            job.retries_left = 0
        raise
