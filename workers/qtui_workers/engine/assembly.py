"""The parts of a worker, put together: each part knows only what it is given here."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from qtui_workers.define.declared_processors import read_declared_processors
from qtui_workers.engine import attempt_logs
from qtui_workers.engine.claim import Claim
from qtui_workers.engine.commands import Commands
from qtui_workers.engine.exchange import Exchange
from qtui_workers.engine.execution.horse_supervisor import HorseSupervisor
from qtui_workers.engine.execution.job_runner import InProcessRunner, JobRunner
from qtui_workers.engine.execution.killed_jobs import KilledJobs
from qtui_workers.engine.execution.performer import Performer
from qtui_workers.engine.execution.process_shortage import Shortage
from qtui_workers.engine.execution.stack_requests import InProcessStacks, StackRequests, is_stack_request
from qtui_workers.engine.execution.start_detection import report_start
from qtui_workers.engine.execution.wakeups import Wakeups
from qtui_workers.engine.hooks import JobHooks
from qtui_workers.engine.idle_check import IdleCheck
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.loop import Loop
from qtui_workers.engine.maintenance.recovery import Recovery
from qtui_workers.engine.maintenance.scheduler import Scheduler
from qtui_workers.engine.maintenance.side_tasks import SideTasks
from qtui_workers.engine.outage import Outage
from qtui_workers.engine.process.resident_memory import resident
from qtui_workers.engine.pulse import Pulse
from qtui_workers.engine.queue_watch import QueueWatch
from qtui_workers.engine.refused_queues import Refusals
from qtui_workers.engine.rq_adapter import RqWorker, WorkerInternals
from qtui_workers.engine.rq_endings import RqEndings
from qtui_workers.engine.shutdown import Shutdown
from qtui_workers.engine.upkeep import Upkeep
from qtui_workers.engine.worker_events import WorkerEvents
from qtui_workers.engine.worker_name import WorkerName
from qtui_workers.engine.worker_store import HeartbeatReply, WorkerStore
from qtui_workers.enqueue.cron import Cron
from qtui_workers.errors import Refused
from qtui_workers.rate.limiter import Limits, claim_limits
from qtui_workers.server.connection import retry_of, shorten_patience

log = logging.getLogger("rq.worker")

_LEAST_PATIENCE: Final = 1.0
"""Seconds for which a worker waits for a reply at least, however short its lease is."""
_QUIET: Final = 0.6
"""Of a lease, between two heartbeats while no job runs: shorter than the lease of a job, which is two thirds of it."""
_SIDE_TASKS_WITHIN: Final = 5.0
"""Seconds that side tasks may still take when the worker ends."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The options of `engine.worker.Worker` that its parts need; times are seconds, memory is bytes."""

    lease: float
    shutdown_timeout: float
    in_process: bool
    recycle_jobs: int | None
    recycle_memory: int | None
    cron: bool
    refuse_after: float

    @property
    def patience(self) -> float:
        """How long the worker waits for a reply: it has to notice that a connection is dead while its lease still lasts."""
        return max(_LEAST_PATIENCE, self.lease / 6)

    @property
    def job_lease(self) -> int:
        """How long a lease on a job lasts; 0: as long as the job may take.

        The heartbeat comes every sixth of `lease`; a lease counts as lost at the second heartbeat after its end.
        """
        return 0 if self.in_process else max(1, round(self.lease * 2 / 3))


class Assembly:
    """Makes the parts of one worker, and holds the few actions that need several of them.

    `hooks` is the worker too: the methods that a subclass may replace are looked up when they are called.
    """

    def __init__(self, worker: RqWorker, options: WorkerOptions, *, hooks: JobHooks, jobs: JobReader, pulse: Pulse) -> None:
        self._worker, self._options, self._hooks, self._jobs, self.pulse = worker, options, hooks, jobs, pulse
        name, connection = worker.name, worker.connection
        self._horse_retry = retry_of(connection)
        """How RQ's code, which runs in horses, repeats commands."""
        self._restore_patience = (lambda: None) if options.in_process else shorten_patience(connection, options.patience)
        processors = read_declared_processors().processors
        self._limits = Limits(connection)
        self.internals = WorkerInternals(worker)
        self.shutdown = Shutdown(self.internals, options.shutdown_timeout, self._acknowledge_stop)
        self.name = WorkerName(connection, name, options.lease, wait=self.shutdown.wait)
        self.replaced: Refused | None = None
        """Why the worker had to end: another one has its name."""
        self._store = WorkerStore(connection, name, self.name, options.job_lease, claim_limits(processors))
        self._events = WorkerEvents(connection, name)
        self._refusals = Refusals(name, self._events)
        self.outage = Outage(name, connection, disconnect=self._disconnect, over=self._after_outage)

        # What is done beside the jobs
        self._stacks = StackRequests(connection)
        self.commands = self._subscription(is_stack_request if options.in_process else self._stacks.hear)
        self._watch = QueueWatch(connection, IdleCheck(options.lease, options.patience))
        self._wakeups = Wakeups(self.shutdown, self.commands, self._watch, pulse)
        self.cron = Cron(connection, processors if options.cron else (), name=name)
        self.upkeep = self._make_upkeep()
        self._side_tasks = SideTasks(name, in_horse=self._become_horse)
        self._recovery = Recovery(connection, name, store=self._store, jobs=jobs, hooks=hooks, side_tasks=self._side_tasks)

        # How jobs are run and ended
        self.endings = self._make_endings()
        self.performer = Performer(jobs, hooks, self.internals, self._limits, options.refuse_after)
        self._runner: JobRunner = self._make_in_process_runner() if options.in_process else self._make_horse_supervisor()
        pulse.begin(self._takes_jobs)
        self._exchange = self._make_exchange()
        self.loop = self._make_loop()

    def _subscription(self, also: Callable[[Any], bool] | None = None) -> Commands:
        """A subscription to the worker's commands; `also` receives each message first."""
        idle = IdleCheck(self._options.lease, self._options.patience)
        return Commands(self._worker.connection, self._worker.pubsub_channel_name, idle, also)

    def _make_upkeep(self) -> Upkeep:
        lease = self._options.lease
        return Upkeep(lease / 6, lease * _QUIET, beat=self._beat, after_beat=self._after_beat, cron=self.cron, outage=self.outage)

    def _make_endings(self) -> RqEndings:
        return RqEndings(
            self._worker.connection, self._worker.name, store=self._store, jobs=self._jobs, hooks=self._hooks,
            internals=self.internals, shutdown=self.shutdown, events=self._events,
        )  # fmt: skip

    def _report_start(self, claim: Claim, seen: float) -> None:
        report_start(self._limits, claim, seen)

    def _make_in_process_runner(self) -> InProcessRunner:
        stacks = InProcessStacks(self._worker.connection, self._subscription())
        return InProcessRunner(
            self.performer, self.shutdown, announce=self._announce, report_start=self._report_start, stacks=stacks
        )

    def _make_horse_supervisor(self) -> HorseSupervisor:
        killed_jobs = KilledJobs(
            jobs=self._jobs, hooks=self._hooks, internals=self.internals, performer=self.performer, endings=self.endings,
            events=self._events,
        )  # fmt: skip
        return HorseSupervisor(
            self._worker.name, performer=self.performer, killed_jobs=killed_jobs, internals=self.internals,
            shutdown=self.shutdown, outage=self.outage, upkeep=self.upkeep, wakeups=self._wakeups, stacks=self._stacks,
            in_horse=self._become_horse, announce=self._announce, report_start=self._report_start,
            shortage=Shortage(self._worker.name, self._events), max_jobs=self._options.recycle_jobs,
            max_memory=self._options.recycle_memory,
        )  # fmt: skip

    def _make_exchange(self) -> Exchange:
        return Exchange(
            self._worker.connection, self._worker.name, store=self._store, internals=self.internals, runner=self._runner,
            endings=self.endings, shutdown=self.shutdown, outage=self.outage, wakeups=self._wakeups, refusals=self._refusals,
        )  # fmt: skip

    def _make_loop(self) -> Loop:
        worker, jobs = self._worker, self._jobs
        return Loop(
            worker.name, jobs=jobs, exchange=self._exchange, runner=self._runner, upkeep=self.upkeep, wakeups=self._wakeups,
            watch=self._watch, shutdown=self.shutdown, outage=self.outage, refusals=self._refusals,
            report_start=self._report_start, queue_names=worker.queue_names, executions=worker.executions,
            job_taken=lambda claim: worker.reorder_queues(jobs.queue_of(claim.queue)),
        )  # fmt: skip

    def close(self) -> None:
        """Ends what the worker has started, and its own connections."""
        self.pulse.end()
        self._runner.discard()
        self._side_tasks.reap(wait=0.0 if self.outage.is_on else _SIDE_TASKS_WITHIN)
        self._watch.close()
        self._store.close()

    def _disconnect(self) -> None:
        """Ends all connections; each is made anew when it is needed."""
        self._worker.unsubscribe()
        self._worker.connection.connection_pool.disconnect()
        self._store.close()
        self._watch.close()

    def _beat(self, claim: Claim | None) -> HeartbeatReply:
        own, horse = resident(os.getpid()), self._runner.memory()
        memory = " ".join("-" if size is None else str(size) for size in (own, horse))
        return self._store.beat(claim, self._worker.get_state(), self._worker.queue_names(), memory)

    def _after_beat(self, beat: HeartbeatReply, idle: bool) -> None:
        """What is done after each heartbeat; raises redis.RedisError or OSError."""
        worker = self._worker
        if not beat.known:
            try:
                worker.register_birth()
            except Refused as error:
                self.replaced = error
                self.shutdown.end_at_once()
                return
        self._watch.check()
        self.commands.check()
        if not self.commands.subscribed:
            worker.subscribe()
        self.outage.end()
        self._recovery.take_up(beat)
        if isinstance(worker.scheduler, Scheduler) and not self.shutdown.requested:
            worker.scheduler.take_over_if_due()
        self._side_tasks.reap()
        if idle and worker.should_run_maintenance_tasks:
            worker.run_maintenance_tasks()

    def _after_outage(self, seconds: float) -> None:
        self.upkeep.beat_soon()
        self._events.trouble(f"Redis was away, or refused this worker, for {seconds:.1f} s")

    def _acknowledge_stop(self) -> None:
        patience = f"; at most {self._options.shutdown_timeout:g} s for the running job" if self._worker.executions else ""
        log.info("Worker %s: stop requested%s", self._worker.name, patience)
        if self.internals.stop_requested_at:
            self._worker.set_shutdown_requested_date()

    def _takes_jobs(self) -> bool:
        return not (self.outage.is_on or self.shutdown.requested or self.replaced)

    def _announce(self, claim: Claim) -> None:
        if self._options.in_process:
            self.pulse.turn(math.inf)  # the loop turns again when the job has ended, whenever that is
        self._exchange.log_end()
        attempt_logs.log_begin(claim, self._worker.name, described=self._worker.log_job_description)

    def _become_horse(self) -> None:
        """Called in a horse, so that RQ's code knows that it runs in one, and repeats commands as it expects."""
        if not self._worker.is_horse:
            self.internals.become_horse()
            os.environ["RQ_WORKER_ID"] = self._worker.name
            self._worker.connection.set_retry(self._horse_retry)
            self._restore_patience()
