"""Every key name in Redis, RQ's and ours, in one place.

RQ's names are those of rq 3.0 (`rq.queue`, `rq.registry`, `rq.results`, `rq.executions`); a test holds them to RQ's.
Ours live under `{RQ_KEY_PREFIX}:qtui:`, but for the extra fields of a job's hash, which go when the hash goes.
Importing this module does not import rq.
"""

from __future__ import annotations

import os
from typing import Final

PREFIX: Final = os.environ.get("RQ_KEY_PREFIX", "rq")
OURS: Final = f"{PREFIX}:qtui"

QUEUES: Final = f"{PREFIX}:queues"
"""A set of whole queue keys."""
WORKERS: Final = f"{PREFIX}:workers"
"""A set of whole worker keys."""
SUSPENDED: Final = f"{PREFIX}:suspended"
RATE_LIMIT_KEYS: Final = f"{PREFIX}:rl-keys"
"""A set of the names that RQ's own concurrency limits go by."""

QUEUE_PREFIX: Final = f"{PREFIX}:queue:"
JOB_PREFIX: Final = f"{PREFIX}:job:"
WORKER_PREFIX: Final = f"{PREFIX}:worker:"
RESULTS_PREFIX: Final = f"{PREFIX}:results:"

FIELD_ATTEMPT: Final = "qtui_attempt"
"""Field of a job's hash: attempts begun so far, counted by our worker."""
FIELD_ATTEMPTS: Final = "qtui_attempts"
"""Field of a job's hash: attempts allowed in all, written by our producer."""
FIELD_PROGRESS: Final = "qtui_progress"
"""Field of a job's hash: JSON `{"done": 3, "total": 10, "message": "…", "at": 1700000000.0}`."""


def queue(name: str) -> str:
    """The list of waiting job ids: the head is next, the tail is newest."""
    return QUEUE_PREFIX + name


def intermediate(name: str) -> str:
    """The list a job id passes through between the queue and its start."""
    return f"{QUEUE_PREFIX}{name}:intermediate"


def registry(kind: str, queue_name: str) -> str:
    """A sorted set of job ids: kind is wip, finished, failed, deferred, ready, scheduled or canceled."""
    return f"{PREFIX}:{kind}:{queue_name}"


def rate_limited(limit: str) -> str:
    """The sorted set of job ids that RQ's concurrency limit of that name holds back."""
    return f"{PREFIX}:rl:{limit}:rate_limited"


def job(job_id: str) -> str:
    """The hash of one job."""
    return JOB_PREFIX + job_id


def dependents(job_id: str) -> str:
    """The set of the ids that wait for this job."""
    return f"{JOB_PREFIX}{job_id}:dependents"


def dependencies(job_id: str) -> str:
    """The set of the ids that this job waits for (RQ writes a double colon here)."""
    return f"{PREFIX}:job::{job_id}:dependencies"


def results(job_id: str) -> str:
    """The stream of a job's outcomes, newest last."""
    return RESULTS_PREFIX + job_id


def executions(job_id: str) -> str:
    """The sorted set of a job's live executions."""
    return f"{PREFIX}:executions:{job_id}"


def worker(name: str) -> str:
    """The hash of one worker."""
    return WORKER_PREFIX + name


def log(job_id: str) -> str:
    """The capped stream of what a job printed and logged."""
    return f"{OURS}:log:{job_id}"
