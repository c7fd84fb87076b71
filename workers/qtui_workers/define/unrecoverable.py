"""Failures after which a job is not tried again, or not by this worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtui_workers.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from rq.job import Job


class Unrecoverable(Exception):
    """A failure that a further attempt would only repeat: the job fails at once, also where attempts are left.

    Raised by processors; its text names what a person has to change before they retry the job.
    """


class CannotRun(Exception):
    """This worker cannot run the job, but another may: one with other modules, another version of them, or other options."""


class OtherVersion(CannotRun, InvalidInput):
    """The payload is that of another version of the processor."""


@contextmanager
def not_retried(job: Job | None) -> Iterator[None]:
    """Removes a job's remaining attempts where the block raises Unrecoverable, InvalidInput or NotFound.

    It changes the object by which any worker decides whether to retry (`rq.job.Job.should_retry`). The number of retries in
    Redis stays as it is, for a person who retries the job.
    """
    try:
        yield
    except (Unrecoverable, InvalidInput, NotFound):
        if job is not None:
            job.retries_left = 0
        raise
