"""RQ's worker with an engine of our own: one script a job, long-lived horses, leases, and a stop that loses nothing."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import math
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from uuid import uuid4

import redis
import rq
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.serializers import DefaultSerializer, JSONSerializer, resolve_serializer
from rq.worker import DequeueStrategy
from rq.worker.base import WorkerStatus

from qtui_workers.define.discovery import discover
from qtui_workers.engine import attempt_logs
from qtui_workers.engine.attempt_logs import Standstill
from qtui_workers.engine.claim import Claim, Ending, Nothing, not_taken, returned, unreadable
from qtui_workers.engine.horse import Horse
from qtui_workers.engine.horse_supervisor import HorseSupervisor
from qtui_workers.engine.job import Job, Policy
from qtui_workers.engine.performer import Interrupted, Performer
from qtui_workers.engine.queue_watch import QueueWatch
from qtui_workers.engine.recovery import Recovery
from qtui_workers.engine.rq_endings import RqEndings
from qtui_workers.engine.unreadable import AWAY
from qtui_workers.engine.worker_store import Step, WorkerStore
from qtui_workers.enqueue.cron import Cron
from qtui_workers.rate.limiter import Limits, declarations, register
from qtui_workers.server import keys
from qtui_workers.server.redis_errors import label_of
from qtui_workers.text import printable

LEASE: Final = 30.0
"""Seconds within which the job of a worker that was killed is taken up again."""
_ASKING: Final = 0.2
"""Seconds between two questions for work where the server does not tell."""
_LONGEST_WAIT: Final = 2.0
"""Seconds between two tries to reach Redis: less than a beat, so that a lease is renewed before others take it."""

_LAST_WORDS: Final = 5.0
"""Seconds that what is done beside the jobs may take when the worker leaves."""
_LARGE: Final = 1_000_000
"""Bytes of a result from which on it may be what the server hangs up on …"""
_TRIES: Final = 6
"""… after so many tries, in some seconds."""

Ended = tuple[Claim, Ending] | None


class Worker(RqEndings):
    """RQ's worker for JSON jobs of registered processors, and for whatever else its policy allows.

    The worker's process talks to Redis and never runs what a job brings; a horse does. A signal, SIGTERM or SIGINT, lets
    the running job end, for at most `shutdown_timeout` seconds; then, and at a second signal a second later, the job is
    put back at the head of its queue. `recycle_jobs` and `recycle_memory` (bytes) are what a horse runs and holds before
    another takes its place. `in_process` runs jobs right here: faster, but only for jobs that neither crash nor hang; where
    such a worker is killed, its job is taken up only a minute after the job's timeout. With `cron` it is among those of
    which one enqueues the processors' cron jobs, but in burst.

    It takes what `rq.Worker` takes, so that `rq worker --worker-class` runs it or, with its own `policy`, a subclass. What
    replaces `perform_job` or RQ's handling of a job's end is asked; `execute_job` and other ways to fork are not. `worker_ttl`
    and `job_monitoring_interval` mean nothing here: signs of life follow from `lease`.
    """

    policy: Policy = Policy()
    """What it runs besides the registered processors, where the constructor is not told."""
    in_process = False

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
        job_class: type[rq.job.Job] | str | None = None,
        serializer: Any = None,
        **options: Any,
    ) -> None:
        own_kind = Job.under(policy or self.policy, job_class or self.job_class)
        reads = resolve_serializer(serializer)
        # RQ's default unpickles without asking the policy; a job that may be unpickled is so by its own class.
        reads = JSONSerializer if reads is DefaultSerializer else reads
        options = {"log_job_description": False} | options  # what the job was given is in it
        super().__init__(queues, name or _default_name(), job_class=own_kind, serializer=reads, **options)
        connection = self.connection
        # Queues that were given know their jobs by a class that asks nobody.
        self.queues = [self._queue(queue.name) for queue in self.queues]
        self._ordered_queues = self.queues[:]
        self.shutdown_timeout = shutdown_timeout
        if in_process is not None:
            self.in_process = in_process
        # A lease is renewed every sixth of its length, and found lost at two beats after its end.
        self._every = lease / 6
        length = 0 if self.in_process else max(1, round(lease * 2 / 3))
        processors = discover().processors.values()
        self.store = WorkerStore(connection, self.name, length, declarations(processors))
        self.limits = Limits(connection)
        self._watch = QueueWatch(connection)
        self.performer = Performer(self)
        self.horses = HorseSupervisor(self, self.performer, recycle_jobs, recycle_memory)
        self._recovery = Recovery(self)
        self._standstill = Standstill(self.name)
        self._cron = Cron(connection, processors if cron else (), name=self.name)
        self._next_tick = 0.0
        """When the cron jobs want to be looked at (time.monotonic)."""
        self._patience: Any = connection.get_retry()

    # The loop

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
        """Works until asked to stop, or in burst until the queues are empty; as `rq.worker.BaseWorker.work`."""
        # The loop tries again by itself, and has more to do meanwhile.
        self.connection.set_retry(Retry(NoBackoff(), 1))
        self._install_signal_handlers()
        self._dequeue_strategy = dequeue_strategy
        try:
            self.bootstrap(logging_level, date_format, log_format)
            versions = f"qtui {_own_version()}, rq {version('rq')}"
            self.log.info("Worker %s: %s, Redis at %s", self.name, versions, label_of(self.connection))
            register(self.connection, discover().processors.values())
            if with_scheduler:
                self._start_scheduler(burst)
            done = self._loop(burst, max_jobs, max_idle_time)
        finally:
            self.teardown()
        self.log.info("Worker %s: stopped after %d job%s", self.name, done, "" if done == 1 else "s")
        return done > 0

    def _loop(self, burst: bool, max_jobs: int | None, max_idle_time: int | None) -> int:
        done = 0
        self._next_tick = math.inf if burst else 0.0
        ended: Ended = None
        idle_since = time.monotonic()
        while True:
            self.beat_if_due(None)
            self.tick_if_due()
            step = self._step(ended, more=max_jobs is None or done < max_jobs)
            ended = None
            if isinstance(step.found, Claim) and self._stop_requested:
                ended = step.found, returned(step.found)
                continue
            self._standstill.note(step.found)
            if isinstance(step.found, Claim):
                self.reorder_queues(self.queue_of(step.found.queue))
                ended = self._run(step.found)
                done += 1
                idle_since = time.monotonic()
                continue
            if self._is_over(step.found, burst) or done == max_jobs:
                return done
            if max_idle_time is not None and time.monotonic() - idle_since >= max_idle_time:
                return done
            self._idle(step.found, max_idle_time)

    def _is_over(self, found: Nothing, burst: bool) -> bool:
        return self._stop_requested or (burst and found.wait is None)

    def _step(self, ended: Ended, *, more: bool) -> Step:
        """Ends a job and takes the next. It lands, however long Redis is away, unless the worker has to leave."""
        execution, asked, pause = uuid4().hex, time.monotonic(), 0.1
        unheard = False
        """Whether a job may have been taken in an answer that did not come."""
        tries = 0
        while True:
            tries += 1
            wanted = execution if unheard or (more and not self._stop_requested) else None
            names = [queue.name for queue in self._ordered_queues]
            try:
                step = self.store.step(ended, wanted, names, asked=asked)
                self.back()
                if not ended or self._is_written(*ended, step.came):
                    self._state = WorkerStatus.BUSY if isinstance(step.found, Claim) else WorkerStatus.IDLE
                    return step
                ended = None
                continue
            except (redis.RedisError, OSError) as error:
                self.gone(error)
                unheard = unheard or wanted is not None
                if ended and tries == _TRIES and isinstance(error, redis.ConnectionError) and self._hangs_up_on(ended[1]):
                    ended = ended[0], not_taken(*ended)
            if self._stop_requested and (time.monotonic() >= self.leave_at or not (ended or unheard)):
                if ended:
                    self.log.error("job %s: what came of it could not be written: it will run again", printable(ended[0].id))
                return Step("", Nothing())
            self.wait(pause)
            pause = min(pause * 2, _LONGEST_WAIT)

    def _hangs_up_on(self, ending: Ending) -> bool:
        """Whether the server is there, but hangs up when it gets a result as large as this."""
        if len(ending.payload) >= _LARGE:
            with suppress(redis.RedisError, OSError):
                return bool(self.connection.ping())
        return False

    def _is_written(self, claim: Claim, ending: Ending, came: str) -> bool:
        """Logs how a job ended; False where nothing was taken, as others wait for it, whom RQ's own code has to see to."""
        if came == "lost":
            attempt_logs.taken_away(claim, self.name)
            return True
        if came == "dependents":
            self.end_with_dependents(claim, ending)
        attempt_logs.ended(claim, ending, self.name)
        return came != "dependents"

    def _run(self, claim: Claim) -> Ended:
        """Runs a job; how it ended, where that is still to be written."""
        if not claim.readable:
            return claim, unreadable(claim, "its record holds no data")
        execution = self.performer.execution_of(claim, None)
        self.executions[execution.id] = execution
        try:
            ending = self._run_here(claim) if self.in_process else self.horses.run(claim)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self.horses.clear()
            return claim, unreadable(claim, f"{type(error).__name__}: {error}")
        finally:
            self.executions.pop(execution.id, None)
        if ending.kind == "settled":
            self.report_start(claim, time.monotonic())
            attempt_logs.ended(claim, ending, self.name)
            return None
        return claim, ending

    def _run_here(self, claim: Claim) -> Ending:
        attempt_logs.begins(claim, self.name, described=self.log_job_description)
        self.interruptible = True
        try:
            if self._stop_requested:  # since the job was asked for: no second signal will be sent
                return returned(claim)
            tell_start = (lambda: self.report_start(claim, time.monotonic())) if claim.limit else None
            return self.performer.perform(claim, tell_start)
        except Interrupted:
            return returned(claim)
        finally:
            self.interruptible = False

    def errand(self, what: str, work: Callable[[], None]) -> None:
        """Runs what may call the code of a job's callbacks in a process of its own; `what` it is, for the log."""
        self.horses.errand(what, work)

    def become_horse(self) -> None:
        """In a horse: RQ's code is told so, and waits for Redis as it expects."""
        if not self._is_horse:
            self._is_horse = True
            os.environ["RQ_WORKER_ID"] = self.name
            self.connection.set_retry(self._patience)

    def report_start(self, claim: Claim, seen: float) -> None:
        """Lets the limiter count from when the start was seen (time.monotonic), instead of the latest time that it could be.

        Lost, it costs rate only. The script that ends a job does the same.
        """
        if claim.limit:
            with suppress(redis.RedisError, OSError):
                self.limits.started(claim.limit, claim.execution, seen)

    # Waiting and looking around

    def _idle(self, found: Nothing, max_idle_time: int | None) -> None:
        """Waits until there may be work."""
        try:
            names, limits = self._watched(found), [keys.limit(name) for name in found.limits]
            if not self._watch.covers([*names, *limits]) and self._watch.arm(names, limits):
                return
        except (redis.RedisError, OSError) as error:
            self.gone(error)
        due = min(self.next_beat, self._next_tick) - time.monotonic()
        longest = [due, found.wait, max_idle_time, None if self._watch.armed else _ASKING]
        self.wait(min(seconds for seconds in longest if seconds is not None))

    def _watched(self, found: Nothing) -> list[str]:
        """What may bring work; jobs that come to a queue that a limit holds back do not."""
        queues = [keys.queue(queue.name) for queue in self.queues if queue.name not in found.held]
        return [*queues, keys.SUSPENDED, keys.PAUSED]

    def wait(self, seconds: float, horse: Horse | None = None) -> bool:
        """Waits for the horse, work, a command or a signal, but no longer; whether the horse has something to say."""
        commands = getattr(getattr(self.pubsub, "connection", None), "_sock", None)
        news = None if horse else self._watch.fileno()
        listening: list[Any] = [one for one in (self.waker, horse, commands, news) if one is not None]
        ready, _, _ = select.select(listening, [], [], max(0.0, min(seconds, 3600.0)))
        if self.waker in ready:
            self.woken()
        if commands in ready:
            self.hear_commands()
        if news in ready:
            self._watch.hear()
        return horse is not None and horse in ready

    def beat_if_due(self, claim: Claim | None) -> bool:
        """A sign of life of the worker and its job, where it is time, and what is to be looked after now and then.

        Returns whether the job is still its own, as far as is known.
        """
        if time.monotonic() < self.next_beat:
            return True
        self.next_beat = time.monotonic() + self._every
        try:
            beat = self.store.beat(claim, self._state, self.queue_names())
            if not beat.known:
                self.register_birth()
            if self.pubsub is None:
                self.subscribe()
            self.back()
            self._recovery.look(beat)
            self.tend_scheduler()
            self.horses.tend_errands()
            if claim is None and self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()
            return beat.held
        except (redis.RedisError, OSError) as error:
            self.gone(error)
            return True

    def tick_if_due(self) -> None:
        """Enqueues the cron jobs that are due, where this worker leads them."""
        if time.monotonic() < self._next_tick:
            return
        self._next_tick = time.monotonic() + 1.0
        try:
            self._next_tick = time.monotonic() + self._cron.tick()
        except (redis.RedisError, OSError) as error:
            self.gone(error)

    def hang_up(self) -> None:
        """Ends its connections; each is made anew when it is needed."""
        super().hang_up()
        self.store.close()
        self._watch.close()

    def teardown(self) -> None:
        """Says farewell, as far as Redis can still be told."""
        if not self.is_horse:
            self.horses.clear()
            self.horses.tend_errands(wait=_LAST_WORDS)
            self._watch.close()
            with suppress(redis.RedisError, OSError):
                self._cron.close()
            self.store.close()
        super().teardown()


def _own_version() -> str:
    try:
        return version("qtui-rq")
    except PackageNotFoundError:
        return "out of its sources"


def _default_name() -> str:
    """The host and the process, which a person recognizes, and what tells it from one that died under the same."""
    return f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:4]}"
