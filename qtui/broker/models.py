"""What is read from Redis: plain facts, compared with `==` to find out whether anything has changed.

All times are seconds since the epoch, UTC; all durations are seconds; None is "not known", never 0 or an empty text.
Text is unchanged: code that shows it passes it through `qtui_workers.text.printable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from qtui.broker.status import Status
from qtui_workers.records import Record

if TYPE_CHECKING:
    from qtui_workers.reading.hold import Hold
    from qtui_workers.reporting.job_log import LogLine

ALIKE: Final = 2.0
"""Seconds between two jobs that RQ may have in either order, as it rounds the time of expiry."""
Lifetimes = tuple[tuple[float, float], ...]
"""For how long ended jobs are kept, in seconds: spans from the shortest to the longest (`lifetimes.lua`); -1 for ever."""
LEASE: Final = 120
"""Seconds: no worker promises its next sign of life for later. An older one is that of another attempt."""


class ServerInfo(Record):
    """The server behind a connection (from INFO); what INFO does not say is None."""

    engine: Literal["redis", "valkey"] | None
    version: str | None
    memory_used: int | None
    """Bytes."""
    memory_max: int | None
    """Bytes; None where no limit is set."""
    operations_per_second: int | None


class QueueRow(Record):
    """One queue with its counts."""

    name: str
    counts: dict[Status, int]
    """One count for every status that has its own list or registry in a queue (`status.COUNTED`)."""
    workers: int
    """Number of living workers that listen to the queue."""
    oldest_seconds: float | None = None
    """Seconds for which the job at the head of the queue has waited."""
    paused: bool = False
    silent: int = 0
    """Number of registered workers of the queue that give no sign of life."""
    busy: int = 0
    """How many of the living workers that listen run a job, of this queue or another."""
    lost: int = 0
    """Started jobs whose worker has given no sign of life for longer than it may."""
    overdue: int = 0
    """Scheduled jobs that should have been queued more than `overview_steps.LATE` seconds ago."""
    held: int = 0
    """Number of deferred jobs that wait in a hold."""
    scheduler: bool = False
    """Whether a living scheduler enqueues what is due in the queue."""
    enqueued_per_second: float | None = None
    finished_per_second: float | None = None
    """Successes only."""
    failed_per_second: float | None = None
    lately_finished: int | None = None
    """How many jobs finished in the last 30 to 60 seconds."""
    lately_failed: int | None = None
    moved_at: float | None = None
    """When jobs were last seen to enter or end, by the server's clock; None: not since the first look."""

    def count(self, status: Status) -> int:
        """Jobs in a status; 0 for a status that is not counted."""
        return self.counts.get(status, 0)


class Overview(Record):
    """Every queue and the server, at one moment."""

    server: ServerInfo
    queues: tuple[QueueRow, ...]
    workers: int
    """Number of living ones."""
    suspended: bool
    at: float
    """The server's clock; ours where the server refuses to give it."""
    silent: int = 0
    """Number of registered workers that give no sign of life."""
    own_clock: bool = False
    """Whether the time is by our own clock, because the server refuses to give its own."""


class Progress(Record):
    """The progress that a job reports."""

    done: float
    total: float | None
    message: str = ""

    @property
    def fraction(self) -> float | None:
        """0 to 1, or None where the total is not known."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total and self.total > 0 else None


class JobRow(Record):
    """One job as lists show it."""

    id: str
    queue: str | None
    status: Status | None
    """None: the hash is gone, or RQ has no such status; `problem` says which."""
    function: str | None = None
    description: str | None = None
    created_at: float | None = None
    enqueued_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    scheduled_for: float | None = None
    """When a scheduled job is due."""
    attempts: int | None = None
    """Attempts begun so far."""
    attempts_allowed: int | None = None
    """Total number of attempts: those begun and those left."""
    retries_left: int | None = None
    progress: Progress | None = None
    error: str | None = None
    """What the newest attempt raised, in a line (`qtui_workers.reporting.error_lines`)."""
    refused: str | None = None
    """Why the workers that have taken a waiting job left it for others, as a sentence; `error` has it too."""
    held: Hold | None = None
    """The hold in which it waits."""
    worker: str | None = None
    meta: Mapping[str, str] = MappingProxyType({})
    """Of a job that runs: what it has in its meta besides its progress, each as a short text without secrets."""
    timeout: float | None = None
    heartbeat_at: float | None = None
    """The last heartbeat of its worker for this job."""
    lease_until: float | None = None
    """Of a started job: by when the next such heartbeat is due."""
    problem: str | None = None
    """What is wrong with the record itself, as a sentence: "the job's hash is gone"."""

    @property
    def moment(self) -> float | None:
        """The time that lists show; depending on the status, when the job ended, began, is due or was enqueued."""
        if self.status is Status.SCHEDULED:
            return self.scheduled_for
        if self.status and self.status.runs:
            return self.started_at
        if self.status and self.status.outcome:
            return self.ended_at or self.started_at
        return self.enqueued_at or self.created_at

    def silence(self, now: float) -> float | None:
        """Seconds without a sign of life of a started job whose worker should have given one; None if all is well."""
        if not (self.status and self.status.runs) or self.lease_until is None or self.lease_until > now:
            return None
        known = self.heartbeat_at is not None and 0 <= self.lease_until - self.heartbeat_at <= LEASE
        return now - (self.heartbeat_at if known and self.heartbeat_at is not None else self.lease_until)

    @property
    def took(self) -> float | None:
        """How long the last attempt ran, in seconds; None if not known."""
        if self.started_at is None or self.ended_at is None or self.ended_at < self.started_at:
            return None
        return self.ended_at - self.started_at


class Window(Record):
    """Some rows of a list that may be much longer."""

    queue: str | None
    """None: all queues."""
    status: Status
    total: int
    offset: int
    rows: tuple[JobRow, ...]
    scanned: int | None = None
    """Number of jobs read by a search, for a status without a list of its own; None for other statuses."""
    complete: bool = True
    """False: the search ended at its limit; `total` counts only the jobs found until then."""
    problem: str | None = None
    """Why the list could not be read at all, as a sentence: a key of the wrong type."""
    in_order: int | None = None
    """So many jobs are in the order of their time; how the others follow, `then` says. None: all are, as far as is known."""
    then: Literal["by expiry", "queue by queue"] = "by expiry"
    """By expiry: of ended jobs that are kept for different times, as RQ has them; the newest are in order, also `oldest_first`.
    Queue by queue: of very many queues, where the first of the list are in order."""
    lifetimes: Lifetimes = ()
    """For how long the jobs of the list were seen to be kept."""
    oldest_first: bool = False
    """Whether the offset is counted from the oldest."""

    @property
    def is_in_order(self) -> bool:
        """Whether these rows are in the order of their time, as far as can be seen."""
        if self.in_order is not None:
            from_end = self.then == "by expiry" and self.oldest_first
            deepest = self.total - self.offset if from_end else self.offset + len(self.rows)
            return not self.rows or deepest <= self.in_order
        if not self.status.ended or self.scanned is not None:
            return True
        ends = [row.ended_at for row in self.rows if row.ended_at is not None]
        steps = [later - earlier for earlier, later in pairwise(ends)]
        return not (any(step > ALIKE for step in steps) and any(step < -ALIKE for step in steps))


class EndedAttempt(Record):
    """One ended attempt of a job, from RQ's results stream."""

    outcome: Literal["ok", "failed", "stopped", "retried", "gave up"] | None
    """None: RQ has no result of that type."""
    ended_at: float | None
    started_at: float | None = None
    worker: str | None = None
    result: Any = None
    """Plain data (see `payload.decode`)."""
    traceback: str | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    """Of the processor. Both are known of attempts that a qtui-worker ran."""


class TimelineStep(Record):
    """One step in the life of a job."""

    at: float
    what: str
    """created, enqueued, started, ended…, with the attempt's number and worker where known."""
    status: Status | None = None
    """The status whose glyph and tone are shown with this step."""


class JobDetail(Record):
    """All of one job."""

    row: JobRow
    payload: Any
    """`{"args": [...], "kwargs": {...}}` as plain data; for a job of our processors just the payload."""
    payload_bytes: int | None
    """Size of `data` as stored; None where the job has none."""
    meta: Any
    result: Any
    """The newest successful return value as plain data; None where there is none."""
    failed_reason: str | None
    traceback: str | None
    """The newest traceback."""
    attempts: tuple[EndedAttempt, ...] = ()
    """Oldest first."""
    logs: tuple[LogLine, ...] = ()
    """The newest log lines, oldest first."""
    depends_on: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()
    edited_from: tuple[str, ...] = ()
    """The job of which it is an edited copy, if it is one."""
    edited_as: tuple[str, ...] = ()
    """Its edited copies, the oldest first."""
    heartbeat_at: float | None = None
    ttl: float | None = None
    """Seconds until the job's hash expires; None: it never expires."""
    problems: tuple[str, ...] = ()
    """What could not be read, each as a sentence."""
    facts: Mapping[str, str] = MappingProxyType({})
    """Other fields of the hash worth showing, such as result_ttl, by name."""


class WorkerRow(Record):
    """One registered worker."""

    name: str
    host: str | None
    pid: int | None
    status: str | None
    queues: tuple[str, ...]
    current_job: str | None
    successful: int | None
    failed: int | None
    started_at: float | None
    heartbeat_seconds: float | None
    """Seconds since its last heartbeat."""
    stale: bool
    """Whether the worker is considered dead (see `workers.load`)."""
    version: str | None
    knows_holds: bool | None = None
    """Whether it leaves held jobs alone, as every qtui-worker does; None: it has no record."""
    memory: int | None = None
    """Bytes that its own process held at its last heartbeat, as a qtui-worker reports."""
    horse_memory: int | None = None
    """Bytes that its horse held then: the process in which its jobs run; it shares with the worker what was there before."""
    stopping: bool = False
    """Whether it was requested to shut down, and takes no more jobs."""
    late: bool = False
    """Whether its next heartbeat is overdue (`workers.GRACE`)."""

    @property
    def is_silent(self) -> bool:
        """Whether it gives no sign of life, so that nobody should count on it."""
        return self.stale or self.late
