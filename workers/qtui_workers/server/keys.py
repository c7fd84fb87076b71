"""Every key name in Redis, RQ's and ours, in one place.

RQ's names are those of rq 3.0 (`rq.queue`, `rq.registry`, `rq.results`, `rq.executions`); a test compares them with RQ's.
Ours begin with `{RQ_KEY_PREFIX}:qtui:`, except the extra fields of a job's hash, which are removed with the hash.
Importing this module does not import rq.
"""

from __future__ import annotations

import os
from typing import Final

PREFIX: Final = os.environ.get("RQ_KEY_PREFIX", "rq")
ALL: Final = f"{PREFIX}:*"
"""The pattern of all keys of RQ and qtui, as in a rule of an ACL."""
OURS: Final = f"{PREFIX}:qtui"

QUEUES: Final = f"{PREFIX}:queues"
"""A set of the full keys of queues."""
WORKERS: Final = f"{PREFIX}:workers"
"""A set of the full keys of workers."""
SUSPENDED: Final = f"{PREFIX}:suspended"
PAUSED: Final = f"{OURS}:paused"
"""A set of the names of paused queues (`qtui_workers.enqueue.pause`)."""
RATE_LIMIT_KEYS: Final = f"{PREFIX}:rl-keys"
"""A set of the names of RQ's own concurrency limits."""
EVENTS: Final = f"{OURS}:events"
"""The capped stream of the events of all jobs and workers (`qtui_workers.reporting.events`)."""

ACKNOWLEDGED: Final = f"{OURS}:acknowledged"
"""A hash: for each cause of failures that people know, by its fingerprint, JSON `{"at": 1700000000.0, "note": "…"}`."""

HOLDS: Final = f"{OURS}:holds"
"""A hash: for each hold, by what it holds, what is written into the jobs that it holds (`FIELD_HELD`)."""
HELD_FROM: Final = "10000000000"
"""The scores of held jobs in the registry of deferred jobs: this and the time when each was held. All others are below."""
TRASH: Final = f"{OURS}:trash"
"""A sorted set of the batches of removed jobs that can be put back, by when each was removed (seconds of the server's clock)."""
AUDIT: Final = f"{OURS}:audit"
"""The capped stream of the changes that operators made, each as JSON (`qtui.broker.audit`)."""

FORMAT: Final = f"{OURS}:format"
"""The highest number of a format in which programs write here (`qtui_workers/lua/format.lua`); without it 1."""
KNOWN_FORMAT: Final = "1"
"""The format of this version. It is raised where an older program would misread what this version writes."""

LIMITS: Final = f"{OURS}:limits"
"""A hash: for each queue that has one, the name of the limiter of its starts."""
LIMITERS: Final = f"{OURS}:limiters"
"""A set of the names of all limiters."""

STAGED: Final = f"{OURS}:staged"
"""A sorted set of the batches that are being enqueued, by when jobs were last added to each (seconds of the server's clock)."""

CRON_SCHEDULERS: Final = f"{PREFIX}:cron_schedulers"
"""A sorted set of the names of RQ's cron schedulers, by their last heartbeat."""
CRON_JOBS: Final = f"{PREFIX}:cron_jobs"
"""A sorted set of the names of cron jobs, by when each was last enqueued."""

QUEUE_PREFIX: Final = f"{PREFIX}:queue:"
JOB_PREFIX: Final = f"{PREFIX}:job:"
WORKER_PREFIX: Final = f"{PREFIX}:worker:"
RESULTS_PREFIX: Final = f"{PREFIX}:results:"

FIELD_ATTEMPT: Final = "qtui_attempt"
"""Field of a job's hash: attempts begun so far, counted by our worker."""
FIELD_ATTEMPTS: Final = "qtui_attempts"
"""Field of a job's hash: attempts allowed in all, written by our producer."""
FIELD_UNIQUE: Final = "qtui_unique"
"""Field of a job's hash: a digest of its content, where there is to be only one job of it (`lua/unique.lua`)."""
FIELD_PROGRESS: Final = "qtui_progress"
"""Field of a job's hash: JSON `{"done": 3, "total": 10, "message": "…", "at": 1700000000.0}`."""

FIELD_USED: Final = "qtui_used"
"""Field of a result: bytes of memory at the attempt's peak ('-' where that is not known), a space, seconds of processor time."""
FIELD_HOLDER: Final = "qtui_holder"
"""Field of a worker's hash: the mark of the process that has the name (`qtui_workers.engine.worker_name`)."""
FIELD_MEMORY: Final = "qtui_memory"
"""Field of a worker's hash: bytes that its process holds, a blank, bytes that its horse holds; each '-' where not known."""
FIELD_LOG: Final = "qtui_log"
"""Field of the hash of a job that has ended: its log, where it is short (`qtui_workers.reporting.job_log`)."""
FIELD_HELD: Final = "qtui_held"
"""Field of a deferred job's hash: the hold that it waits for, JSON `{"hold": "shop.charge", "by": "ann@web-1", "at":
1700000000.0, "reason": "…"}` (`qtui_workers.enqueue.holds`)."""
FIELD_LET: Final = "qtui_let"
"""Field of a job's hash: `1` where a person lets its next attempt through all holds."""
FIELD_EDITED_FROM: Final = "qtui_edited_from"
"""Field of a job's hash: the id of the job of which it is an edited copy."""
FIELD_EDITED_AS: Final = "qtui_edited_as"
"""Field of a job's hash: the ids of its edited copies, the newest last, with blanks between them."""
FIELD_BATCH: Final = "qtui_batch"
"""Field of the hash of a job that a retry has spread: JSON `{"batch": "…", "status": "failed", …}`, what the job was before."""
FIELD_REFUSED: Final = "qtui_refused"
"""Field of a job's hash: JSON `{"since": 1700000000, "times": 2, "why": "…"}`, while workers that cannot run the job leave it
for others; `since` is in seconds of the server's clock."""


def queue(name: str) -> str:
    """The list of waiting job ids: the head is next, the tail is newest."""
    return QUEUE_PREFIX + name


def intermediate(name: str) -> str:
    """The list in which a job id is between the queue and its start."""
    return f"{QUEUE_PREFIX}{name}:intermediate"


def first_seen(queue_name: str, job_id: str) -> str:
    """When RQ's maintenance first saw a job in the intermediate list (`rq.intermediate_queue`)."""
    return f"{QUEUE_PREFIX}{queue_name}:intermediate:first_seen:{job_id}"


def queue_workers(name: str) -> str:
    """The set of the full keys of the workers that work on a queue."""
    return f"{WORKERS}:{name}"


def registry(kind: str, queue_name: str) -> str:
    """A sorted set of job ids: kind is wip, finished, failed, deferred, ready, scheduled or canceled."""
    return f"{PREFIX}:{kind}:{queue_name}"


def rate_limit(limit: str) -> str:
    """The hash of one of RQ's concurrency limits: `concurrency`."""
    return f"{PREFIX}:rl:{limit}"


def rate_limit_allowed(limit: str) -> str:
    """The sorted set of the ids of the jobs that RQ's concurrency limit of that name has let through."""
    return f"{PREFIX}:rl:{limit}:allowed"


def rate_limited(limit: str) -> str:
    """The sorted set of job ids that RQ's concurrency limit of that name holds back."""
    return f"{PREFIX}:rl:{limit}:rate_limited"


def job(job_id: str) -> str:
    """The hash of one job."""
    return JOB_PREFIX + job_id


def dependents(job_id: str) -> str:
    """The set of the ids of the jobs that wait for this job."""
    return f"{JOB_PREFIX}{job_id}:dependents"


def dependencies(job_id: str) -> str:
    """The set of the ids of the jobs that this job waits for (RQ writes a double colon here)."""
    return f"{PREFIX}:job::{job_id}:dependencies"


def results(job_id: str) -> str:
    """The stream of a job's outcomes, newest last."""
    return RESULTS_PREFIX + job_id


def executions(job_id: str) -> str:
    """The sorted set of a job's live executions."""
    return f"{PREFIX}:executions:{job_id}"


def execution(job_id: str, execution_id: str) -> str:
    """The hash of one execution of a job."""
    return f"{PREFIX}:execution:{job_id}:{execution_id}"


def group(name: str) -> str:
    """The set of the ids of a group's jobs."""
    return f"{PREFIX}:group:{name}"


def worker(name: str) -> str:
    """The hash of one worker."""
    return WORKER_PREFIX + name


def worker_executions(name: str) -> str:
    """The set of the executions that a worker runs, each as JOB:EXECUTION."""
    return f"{WORKER_PREFIX}{name}:executions"


def commands(worker_name: str) -> str:
    """The channel on which a worker receives commands, JSON objects (`rq.command`)."""
    return f"{PREFIX}:pubsub:{worker_name}"


def log(job_id: str) -> str:
    """The capped stream of what a job printed and logged, while it runs; a long one stays a stream when the job has ended."""
    return f"{OURS}:log:{job_id}"


def stack(request: str) -> str:
    """The answer to a request for the Python stack of a running job, for a minute (`qtui_workers.reporting.stack`)."""
    return f"{OURS}:stack:{request}"


def ends(kind: str, queue_name: str) -> str:
    """The sorted set of the ids of a registry, by when each job ended (`qtui_workers/lua/retention.lua`)."""
    return f"{OURS}:ends:{kind}:{queue_name}"


def limit(name: str) -> str:
    """The hash of one limiter: `max`, `per_us`, and what `qtui_workers/lua/limit.lua` stores about the server."""
    return f"{OURS}:limit:{name}"


def limit_log(name: str) -> str:
    """The sorted set of the newest starts that a limiter admitted, by their times (µs of the server's clock)."""
    return f"{OURS}:limit-log:{name}"


def limit_waiting(name: str) -> str:
    """The sorted set of the callers that wait for a limiter, by when each should try again (µs of the server's clock)."""
    return f"{OURS}:limit-waiting:{name}"


def limit_workers(name: str) -> str:
    """The same for the workers that have jobs of that limiter to do."""
    return f"{OURS}:limit-workers:{name}"


def unique(processor: str) -> str:
    """The hash of the ids of a processor's jobs by the digests of their contents (`qtui_workers/lua/unique.lua`)."""
    return f"{OURS}:unique:{processor}"


def trash(batch: str) -> str:
    """The list of what is known of the removed jobs of a batch, a chunk an entry (`qtui/broker/lua/trash.lua`)."""
    return f"{TRASH}:{batch}"


def trash_about(batch: str) -> str:
    """The hash of a batch of removed jobs: `about` (JSON: who removed what) and `jobs` (how many are left)."""
    return f"{TRASH}:{batch}:about"


def trash_places(batch: str) -> str:
    """The list of where jobs of a batch that were put back at the head of queues are to stand (`qtui/broker/lua/undo.lua`)."""
    return f"{TRASH}:{batch}:places"


def trash_walk(batch: str) -> str:
    """The name of the newest undo that brings jobs of a batch to their places: an older one then ends."""
    return f"{TRASH}:{batch}:walk"


def trashed(batch: str, key: str) -> str:
    """The name that a key of a removed job has in the trash."""
    return f"{TRASH}:{batch}:{key}"


def staged(batch: str) -> str:
    """The list of the job ids of a batch that is not in its queue yet."""
    return f"{STAGED}:{batch}"


def scheduler(name: str) -> str:
    """The hash of one scheduler (`rq.scheduler`)."""
    return f"{PREFIX}:scheduler:{name}"


def scheduler_lock(queue_name: str) -> str:
    """The name of the scheduler that enqueues the scheduled jobs of a queue; it expires where the scheduler does not renew it."""
    return f"{PREFIX}:scheduler-lock:{queue_name}"


def cron(name: str) -> str:
    """The hash of one cron job: who enqueues it, until when, its schedule, and its last tick (`qtui_workers.enqueue.cron`)."""
    return f"{OURS}:cron:{name}"


def cron_scheduler(name: str) -> str:
    """The hash of one cron scheduler, with its cron jobs as JSON."""
    return f"{PREFIX}:cron_scheduler:{name}"


def cron_job_history(name: str) -> str:
    """The sorted set of the ids of the jobs that a cron job has created, by when each was enqueued."""
    return f"{PREFIX}:cron_job:{name}:jobs"
