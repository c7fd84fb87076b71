"""The worker as RQ, its commands and users' subclasses see it: RQ's methods, which call the parts that do the work."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from typing import Any, Final, cast
from uuid import uuid4

import redis
import rq
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.executions import Execution
from rq.job import JobStatus
from rq.serializers import DefaultSerializer, JSONSerializer, resolve_serializer
from rq.utils import now
from rq.worker import DequeueStrategy

from qtui_workers.define.declared_processors import read_declared_processors
from qtui_workers.engine import attempt_logs
from qtui_workers.engine.assembly import Assembly, WorkerOptions
from qtui_workers.engine.claim import Interrupted
from qtui_workers.engine.execution.plain_run import PlainRun
from qtui_workers.engine.job import Job, Policy
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.lease import LEASE
from qtui_workers.engine.maintenance.registries import clean_registries
from qtui_workers.engine.maintenance.scheduler import Scheduler, end_process
from qtui_workers.engine.process.alarm import Alarm
from qtui_workers.engine.process.signals import on_stop
from qtui_workers.engine.pulse import Pulse
from qtui_workers.engine.rq_adapter import ExcInfo, RqWorker, scheduler_process
from qtui_workers.engine.shutdown import Abandoned
from qtui_workers.engine.unreadable_jobs import AWAY
from qtui_workers.errors import InvalidInput, Reschedule
from qtui_workers.rate.limiter import register
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.server.redis_errors import label_of

REFUSE_AFTER: Final = 600.0
"""Seconds for which a job that workers cannot run is left for others before it fails."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
"""Seconds of the longest pause before the loop begins again."""


class Worker(RqWorker):
    """RQ's worker for JSON jobs of registered processors, and for whatever else its policy allows.

    The worker's process talks to Redis and never runs the code of a job; a horse does. After SIGTERM, SIGINT or SIGHUP
    the running job may go on for at most `shutdown_timeout` seconds; then, or at a second signal a second later, it is put
    back at the head of its queue. A horse that has run `recycle_jobs` jobs, or holds more than `recycle_memory` bytes, is
    replaced. `in_process` runs jobs in the worker's own process: faster, but only for jobs that neither crash nor hang; where
    such a worker is killed, its job is taken up only a minute after the job's timeout. With `cron` it takes part in the
    enqueuing of the processors' cron jobs, which only one worker does at a time; not in burst. A job that it cannot run (an
    unknown processor, function or payload field, or a pickle) is set aside for other workers, among the scheduled jobs; it
    fails when workers have refused it for `refuse_after` seconds, 0: at once.

    It accepts the arguments of `rq.Worker`, so that `rq worker --worker-class` runs it, or a subclass with its own `policy`. A
    subclass may replace `perform_job` and RQ's handling of a job's end; `execute_job` and other ways to fork are not called.
    `worker_ttl` and `job_monitoring_interval` have no effect: the times of heartbeats follow from `lease`.
    """

    policy: Policy = Policy()
    """What it runs besides the registered processors, where the constructor is not given any."""
    in_process = False
    death_penalty_class = Alarm
    refuse_after: float = REFUSE_AFTER
    """The `refuse_after` of a worker whose constructor is not given any."""

    def __init__(
        self,
        queues: str | rq.Queue | Sequence[str | rq.Queue],
        name: str | None = None,
        *,
        policy: Policy | None = None,
        lease: float = LEASE,
        shutdown_timeout: float = 30.0,
        in_process: bool | None = None,
        recycle_jobs: int | None = None,
        recycle_memory: int | None = None,
        cron: bool = True,
        refuse_after: float | None = None,
        pulse: Pulse | None = None,
        job_class: type[rq.job.Job] | str | None = None,
        serializer: Any = None,
        **options: Any,
    ) -> None:
        own_kind = Job.under(policy or self.policy, job_class or self.job_class)
        reads = resolve_serializer(serializer)
        # RQ's default unpickles whatever the policy says; our class of jobs unpickles only where the policy allows it.
        reads = JSONSerializer if reads is DefaultSerializer else reads
        options = {"log_job_description": False} | options  # it holds the job's arguments
        super().__init__(cast(Any, queues), name or _default_name(), job_class=own_kind, serializer=reads, **options)
        # Queues that were given to the constructor use a class of jobs without a policy.
        self.queues = [self._queue(queue.name) for queue in self.queues]
        self.shutdown_timeout = shutdown_timeout
        if in_process is not None:
            self.in_process = in_process
        jobs = JobReader(self.connection, self.name, own_kind, self.serializer, self.queue_of)
        for_parts = WorkerOptions(
            lease=lease,
            shutdown_timeout=shutdown_timeout,
            in_process=self.in_process,
            recycle_jobs=recycle_jobs,
            recycle_memory=recycle_memory,
            cron=cron,
            refuse_after=self.refuse_after if refuse_after is None else refuse_after,
        )
        self._parts = Assembly(self, for_parts, hooks=self, jobs=jobs, pulse=pulse or Pulse())
        self._parts.internals.order_queues(self.queues)

    # Working

    def run(self, *, burst: bool = False) -> None:
        """Works, with the scheduler, until a stop is requested; in burst, until the queues are empty.

        Where that ends because of an error of Redis, it begins again after a pause. Raises Refused where a worker of that name
        exists already.
        """
        pause = _FIRST_PAUSE
        while not self._parts.shutdown.requested:
            begun = time.monotonic()
            try:
                self.work(burst=burst, with_scheduler=True)
                return
            except (redis.RedisError, OSError) as error:
                self._parts.outage.begin(error)
            pause = _FIRST_PAUSE if time.monotonic() - begun > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
            self._parts.pulse.turn(pause)
            self._parts.shutdown.wait(pause)

    def work(
        self,
        burst: bool = False,
        logging_level: str | None = None,
        date_format: str = DEFAULT_LOGGING_DATE_FORMAT,
        log_format: str = DEFAULT_LOGGING_FORMAT,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,
        dequeue_strategy: DequeueStrategy = DequeueStrategy.DEFAULT,
    ) -> bool:
        """Works until a stop is requested, or in burst until the queues are empty; as `rq.worker.BaseWorker.work`."""
        # The loop repeats commands by itself, and has more to do meanwhile.
        self.connection.set_retry(Retry(NoBackoff(), 1))
        self._parts.internals.install_signal_handlers()
        on_stop(self.request_stop)
        self._parts.internals.set_dequeue_strategy(dequeue_strategy)
        try:
            with self._parts.shutdown.hurries():
                self.bootstrap(logging_level, date_format, log_format)
                versions = f"qtui {_own_version()}, rq {version('rq')}"
                self.log.info("Worker %s: %s, Redis at %s", self.name, versions, label_of(self.connection))
                register(self.connection, read_declared_processors().processors)
                if with_scheduler:
                    self._parts.internals.start_scheduler(burst=burst)
                self._parts.upkeep.begin(cron=not burst)
                self._parts.loop.run(burst=burst, max_jobs=max_jobs, max_idle_time=max_idle_time)
        except Abandoned:
            self._parts.outage.begin(redis.TimeoutError())
        finally:
            self.teardown()
        if self._parts.replaced:
            raise self._parts.replaced
        done = self._parts.loop.done
        self.log.info("Worker %s: stopped after %d job%s", self.name, done, "" if done == 1 else "s")
        return done > 0

    def teardown(self) -> None:
        """Ends what the worker has started, and its record, as far as Redis answers."""
        if self.is_horse:
            return
        self._parts.close()
        if self.scheduler:
            self.stop_scheduler()
        if not self._parts.outage.is_on:
            with suppress(redis.RedisError, OSError, Abandoned), self._parts.shutdown.hurries():
                self._parts.cron.close()
                self.register_death()
        self.unsubscribe()

    # Signals and commands: RQ's hooks

    def request_stop(self, signum: int, frame: Any) -> None:
        """Requests the worker's end: after the running job or `shutdown_timeout`; at a second signal, at once."""
        if os.getpid() != self.pid:  # a process of ours that has no handlers of its own yet
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            return
        self._parts.shutdown.request(signum)

    def subscribe(self) -> None:
        """Begins to listen for commands, without a thread."""
        self.pubsub = self._parts.commands.subscribe(self.handle_payload)

    def unsubscribe(self) -> None:
        """Stops listening for commands, whether or not Redis is there."""
        self._parts.commands.unsubscribe()
        self.pubsub = None

    def handle_payload(self, message: Any) -> None:
        """Carries out a command; one that cannot be read is ignored."""
        try:
            super().handle_payload(message)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - anybody can publish anything there
            self.log.error("Worker %s: a command cannot be read: %s: %s", self.name, type(error).__name__, error)

    # The worker's record and queues: RQ's hooks

    @property
    def dequeue_timeout(self) -> int:
        """Seconds that RQ adds to the time for a reply: nothing blocks in the server here."""
        return 1

    def validate_queues(self) -> None:
        """As RQ's; raises InvalidInput where queues or jobs have other keys than those that our scripts use."""
        super().validate_queues()
        wanted = {queue.key: keys.queue(queue.name) for queue in self.queues} | {self.job_class.key_for("ID"): keys.job("ID")}
        for key, known in wanted.items():
            if key != known:
                raise InvalidInput(f"this worker looks at {known}, never at {key}: use RQ's own prefixes of keys")

    def register_birth(self) -> None:
        """Adds this worker to the list of workers, also anew where its record has expired while Redis was away.

        Raises Refused where a worker of that name lives.
        """
        self._parts.name.take(patient=self.birth_date is None)
        super().register_birth()
        self.heartbeat()

    def register_death(self) -> None:
        """Writes that this worker has ended, unless the record is another's: this one was refused, or replaced."""
        if self._parts.name.is_held():
            super().register_death()

    def serialize(self) -> dict[str, Any]:
        """The worker's record, with the mark of this process."""
        return super().serialize() | {keys.FIELD_HOLDER: self._parts.name.holder}

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """As RQ's; but without a timeout the record expires after one lease without a heartbeat."""
        super().heartbeat(timeout or self._parts.name.ttl, pipeline)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Writes the worker's state, for others to see; where Redis is away, the worker goes on without that."""
        with suppress(*AWAY):
            super().set_state(state, pipeline)

    def set_shutdown_requested_date(self) -> None:
        """Writes that this worker is ending, for others to see; where Redis is away, the worker ends without that."""
        with suppress(*AWAY):
            super().set_shutdown_requested_date()

    def queue_of(self, name: str) -> rq.Queue:
        """The queue of that name, with this worker's classes."""
        for queue in self.queues:
            if queue.name == name:
                return queue
        return self._queue(name)

    def _queue(self, name: str) -> rq.Queue:
        return self.queue_class(name, connection=self.connection, job_class=self.job_class, serializer=self.serializer)

    # Scheduler and maintenance: RQ's hooks

    def start_scheduler(self, *, burst: bool) -> None:
        """As RQ's, with a scheduler of ours."""
        self.scheduler = scheduler = Scheduler(
            self.queues, connection=self.connection, logging_level=logging.WARNING, serializer=self.serializer
        )
        scheduler.begin(burst=burst)

    def stop_scheduler(self) -> None:
        """Ends the scheduler's process; at once where Redis is away, as it cannot release its locks then."""
        end_process(scheduler_process(self.scheduler), at_once=self._parts.outage.is_on)

    def run_maintenance_tasks(self) -> None:
        """RQ's maintenance, without the scheduler, which is checked more often."""
        self.clean_registries()
        self.clean_group_registries()

    def clean_registries(self) -> None:
        """RQ's maintenance of registries; a record that it cannot read does not end the worker."""
        self.last_cleaned_at = now()
        clean_registries(self.connection, self.queues, self.name)

    # A job's run and end: RQ's hooks

    @cached_property
    def is_customized(self) -> bool:
        """Whether a subclass or an option changes how jobs are run and ended: then RQ's own code does that for all.

        What a tool has put around RQ's own methods is called around plain jobs too (`finalize_success`).
        """
        own = [vars(self), *(vars(kind) for kind in takewhile(lambda kind: kind is not RqWorker, type(self).__mro__))]
        changed = any(name in names and names[name] is not known for names in own for name, known in _KNOWN.items())
        return changed or self.disable_default_exception_handler or self.default_result_ttl == 0

    def handle_exception(self, job: rq.job.Job, *exc_info: Any) -> None:
        """Logs what an attempt raised, without the job's arguments, then calls the exception handlers."""
        attempt_logs.log_error(Source.of(job, worker=self.name, attempt=getattr(job, "attempt", None)), *exc_info)
        self.handle_exception_silently(job, cast(ExcInfo, exc_info))

    def prepare_job_execution(self, job: rq.job.Job, remove_from_intermediate_queue: bool = False) -> None:
        """Does nothing for a job that was claimed: the script has written all, and another worker may have the job by now."""
        if not getattr(job, "claimed", False):
            super().prepare_job_execution(job, remove_from_intermediate_queue)

    def finalize_success(self, job: rq.job.Job, queue: rq.Queue, execution: Execution, return_value: Any) -> None:
        """Notes how a plain job ended, inside what tools have put around jobs; else as RQ's, if this worker still has the job."""
        run = self._parts.performer.plain_run(cast(Job, job))
        if run is not None and run.note_success(return_value):
            self.report_success(job, queue, execution)
        else:
            rq_method = partial(super().finalize_success, job, queue, execution, return_value)
            self._parts.endings.finalize(job, queue, execution, rq_method)

    def finalize_failure(self, job: rq.job.Job, queue: rq.Queue, execution: Execution, exc_info: ExcInfo) -> None:
        """The same for a job that raised, or that reschedules itself; raises Interrupted again, which puts the job back."""
        error = exc_info[1]
        assert error is not None
        run = self._parts.performer.plain_run(cast(Job, job))
        if isinstance(error, Interrupted) or (run is not None and run.ending is not None):
            raise error  # where the job has ended, it is the error of a tool around `handle_job_success`
        if run is not None and not run.wants_again:
            self._note_failure(run, queue, exc_info, error)
        elif isinstance(error, Reschedule) and isinstance(job, Job):
            job.later = error
            self.handle_execution_ended(job, queue, job.failure_callback_timeout)
            self._parts.endings.finalize(job, queue, execution, partial(self.handle_job_failure, job, queue, execution=execution))
        else:
            rq_method = partial(super().finalize_failure, job, queue, execution, exc_info)
            self._parts.endings.finalize(job, queue, execution, rq_method)

    def _note_failure(self, run: PlainRun, queue: rq.Queue, exc_info: ExcInfo, error: BaseException) -> None:
        if isinstance(error, Reschedule):
            run.note_rescheduled(error)
            return
        run.job.note_status(JobStatus.FAILED)
        try:
            self.handle_exception(run.job, *exc_info)
        finally:
            traceback = run.note_failure(error)
        self.report_failure(run.job, queue, run.execution, traceback)

    def handle_execution_ended(self, job: rq.job.Job, queue: rq.Queue, heartbeat_ttl: int) -> None:
        """As RQ's, repeated until the server accepts it; notes what the attempt used, for what RQ's own code writes about it."""
        if isinstance(job, Job):
            job.usage = self._parts.performer.used()
        self._parts.endings.repeat_until_accepted(partial(super().handle_execution_ended, job, queue, heartbeat_ttl))

    def handle_job_success(self, job: rq.job.Job, queue: rq.Queue, *arguments: Any, **named: Any) -> None:
        """As RQ's, repeated until the server accepts it; then the oldest jobs are removed where their processor wants it."""
        self._parts.endings.handle_success(job, queue, partial(super().handle_job_success, job, queue, *arguments, **named))

    def handle_job_failure(self, job: rq.job.Job, queue: rq.Queue, *arguments: Any, **named: Any) -> None:
        """As RQ's, repeated until the server accepts it; then the oldest jobs are removed where their processor wants it."""
        rq_method = partial(super().handle_job_failure, job, queue, *arguments, **named)
        self._parts.endings.handle_failure(job, queue, named.get("execution"), rq_method, named.get("exc_string") or "")


_REPLACEABLE: Final = ("perform_job", "prepare_job_execution", "handle_job_success", "handle_job_failure", "handle_job_retry")
_KNOWN: Final = {name: vars(Worker).get(name) for name in _REPLACEABLE}
"""The class's own methods of these names; None where it has none."""


def _own_version() -> str:
    try:
        return version("qtui-rq")
    except PackageNotFoundError:
        return "out of its sources"


def _default_name() -> str:
    """The host and the process, which a person recognizes, and a random part, as a dead worker may have had the same."""
    return f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:4]}"
