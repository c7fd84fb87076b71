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
from importlib.metadata import version
from typing import Any, Final
from uuid import uuid4

import redis
import rq
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.serializers import JSONSerializer
from rq.worker import DequeueStrategy
from rq.worker.base import WorkerStatus

from workers import keys
from workers.cron import Cron
from workers.discovery import discover
from workers.engine import telling
from workers.engine.claim import Claim, Ending, Nothing, returned, unreadable
from workers.engine.horse import Horse
from workers.engine.ledger import Ledger, Step
from workers.engine.lifecycle import Lifecycle
from workers.engine.perform import Interrupted, Performer
from workers.engine.recovery import Recovery
from workers.engine.stable import Stable
from workers.engine.telling import Standstill
from workers.engine.watch import Watch
from workers.job import Job, Policy
from workers.limiter import Limits, declarations, register
from workers.refusals import label_of
from workers.text import printable

LEASE: Final = 30.0
"""Seconds within which the job of a worker that was killed is taken up again."""
_ASKING: Final = 0.2
"""Seconds between two questions for work where the server does not tell."""
_LONGEST_WAIT: Final = 2.0
"""Seconds between two tries to reach Redis: less than a beat, so that a lease is renewed before others take it."""

Ended = tuple[Claim, Ending] | None


class Worker(Lifecycle):
    """RQ's worker for JSON jobs of registered processors, and for whatever else its policy allows.

    The worker's process talks to Redis and never runs what a job brings; a horse does. A signal, SIGTERM or SIGINT, lets
    the running job end, for at most `shutdown_timeout` seconds; then, and at a second signal a second later, the job is
    put back at the head of its queue. `max_jobs` and `max_memory` (bytes) are what a horse runs and holds before another
    takes its place. `in_process` runs jobs right here: faster, but only for jobs that neither crash nor hang. With `cron` it
    is among those of which one enqueues the processors' cron jobs, but in burst.
    """

    def __init__(
        self,
        queues: Sequence[str],
        *,
        connection: redis.Redis,
        name: str | None = None,
        policy: Policy | None = None,
        lease: float = LEASE,
        shutdown_timeout: float = 30.0,
        in_process: bool = False,
        max_jobs: int | None = None,
        max_memory: int | None = None,
        cron: bool = True,
    ) -> None:
        super().__init__(
            list(queues),
            name=name or _default_name(),
            connection=connection,
            job_class=Job.under(policy or Policy()),
            serializer=JSONSerializer,
            log_job_description=False,  # the arguments are in it
        )
        self.shutdown_timeout = shutdown_timeout
        self.in_process = in_process
        # A lease is renewed every sixth of its length, and found lost at two beats after its end.
        self._every = lease / 6
        length = 0 if in_process else max(1, round(lease * 2 / 3))
        processors = discover().processors.values()
        self.ledger = Ledger(connection, self.name, length, declarations(processors))
        self._limits = Limits(connection)
        self._watch = Watch(connection)
        self._performer = Performer(self)
        self._stable = Stable(self, self._performer, max_jobs, max_memory)
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
            versions = f"qtui {version('qtui-rq')}, rq {version('rq')}"
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
        if burst and found.wait is None and not self._stop_requested:
            self._stop_requested = True
        return self._stop_requested

    def _step(self, ended: Ended, *, more: bool) -> Step:
        """Ends a job and takes the next. It lands, however long Redis is away, unless the worker has to leave."""
        execution, asked, pause = uuid4().hex, time.monotonic(), 0.1
        while True:
            wanted = execution if more and not self._stop_requested else None
            names = [queue.name for queue in self._ordered_queues]
            try:
                step = self.ledger.step(ended, wanted, names, asked=asked)
                self.back()
                if not ended or self._is_written(*ended, step.came):
                    self._state = WorkerStatus.BUSY if isinstance(step.found, Claim) else WorkerStatus.IDLE
                    return step
                ended = None
                continue
            except (redis.RedisError, OSError) as error:
                self.gone(error)
            if self._stop_requested and (ended is None or time.monotonic() >= self.leave_at):
                if ended:
                    self.log.error("job %s: what came of it could not be written: it will run again", printable(ended[0].id))
                return Step("", Nothing())
            self.wait(pause)
            pause = min(pause * 2, _LONGEST_WAIT)

    def _is_written(self, claim: Claim, ending: Ending, came: str) -> bool:
        """Logs how a job ended; False where nothing was taken, as others wait for it, whom RQ's own code has to see to."""
        if came == "lost":
            telling.taken_away(claim, self.name)
            return True
        if came == "dependents":
            self._end_with_dependents(claim, ending)
        telling.ended(claim, ending, self.name)
        return came != "dependents"

    def _end_with_dependents(self, claim: Claim, ending: Ending) -> None:
        """Ends a job for which others began to wait while it ran."""
        if self.in_process:
            self._performer.settle()
        elif not self._stable.settle():
            self.ledger.step((claim, ending), None, [], forced=True)
            job = self.job_class.fetch(claim.id, connection=self.connection, serializer=self.serializer)
            self.queue_of(claim.queue).enqueue_dependents(job)

    def _run(self, claim: Claim) -> Ended:
        """Runs a job; how it ended, where that is still to be written."""
        if not claim.readable:
            return claim, unreadable(claim, "its record holds no data")
        execution = self._performer.execution_of(claim, None)
        self.executions[execution.id] = execution
        try:
            ending = self._run_here(claim) if self.in_process else self._stable.run(claim)
        finally:
            self.executions.pop(execution.id, None)
        if ending.kind == "settled":
            telling.ended(claim, ending, self.name)
            return None
        return claim, ending

    def _run_here(self, claim: Claim) -> Ending:
        telling.begins(claim, self.name)
        self.interruptible = True
        try:
            return self._performer.perform(claim, lambda: self.report_start(claim))
        except Interrupted:
            return returned(claim)
        finally:
            self.interruptible = False

    def errand(self, work: Callable[[], None]) -> bool:
        """Runs what may call the code of a job's callbacks in a process of its own; whether it came to its end in time."""
        return self._stable.errand(work, patience=2 * self._every)

    def become_horse(self) -> None:
        """In a horse: RQ's code is told so, and waits for Redis as it expects."""
        if not self._is_horse:
            self._is_horse = True
            self.connection.set_retry(self._patience)

    def report_start(self, claim: Claim) -> None:
        """Lets the limiter count from the start, instead of the latest time that it could be; lost, it costs rate only."""
        if claim.limit:
            with suppress(redis.RedisError, OSError):
                self._limits.started(claim.limit, claim.execution)

    # Waiting and looking around

    def _idle(self, found: Nothing, max_idle_time: int | None) -> None:
        """Waits until there may be work."""
        try:
            if not self._watch.armed and self._watch.arm(self._watched()):
                return
        except (redis.RedisError, OSError) as error:
            self.gone(error)
        due = min(self.next_beat, self._next_tick) - time.monotonic()
        longest = [due, found.wait, max_idle_time, None if self._watch.armed else _ASKING]
        self.wait(min(seconds for seconds in longest if seconds is not None))

    def _watched(self) -> list[str]:
        return [*(keys.queue(queue.name) for queue in self.queues), keys.SUSPENDED, keys.PAUSED]

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

    def beat_if_due(self, claim: Claim | None) -> None:
        """A sign of life of the worker and its job, where it is time, and what is to be looked after now and then."""
        if time.monotonic() < self.next_beat:
            return
        self.next_beat = time.monotonic() + self._every
        try:
            beat = self.ledger.beat(claim, self._state, self.queue_names())
            if not beat.known:
                self.register_birth()
            if self.pubsub is None:
                self.subscribe()
            self.back()
            self._recovery.look(beat)
            self.tend_scheduler()
            if claim is None and self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()
        except (redis.RedisError, OSError) as error:
            self.gone(error)

    def tick_if_due(self) -> None:
        """Enqueues the cron jobs that are due, where this worker leads them."""
        if time.monotonic() < self._next_tick:
            return
        self._next_tick = time.monotonic() + 1.0
        try:
            self._next_tick = time.monotonic() + self._cron.tick()
        except (redis.RedisError, OSError) as error:
            self.gone(error)

    def queue_of(self, name: str) -> rq.Queue:
        """The queue of that name, with this worker's classes."""
        for queue in self.queues:
            if queue.name == name:
                return queue
        return self.queue_class(name, connection=self.connection, job_class=self.job_class, serializer=self.serializer)

    def teardown(self) -> None:
        """Says farewell, as far as Redis can still be told."""
        if not self.is_horse:
            self._stable.clear()
            self._watch.close()
            with suppress(redis.RedisError, OSError):
                self._cron.close()
            self.ledger.close()
        super().teardown()


def _default_name() -> str:
    """The host and the process, which a person recognizes, and what tells it from one that died under the same."""
    return f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:4]}"
