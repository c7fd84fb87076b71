"""What of RQ's worker is about the worker itself: its record, signals, commands, scheduler and maintenance."""

# mypy: allow-untyped-calls
# (most methods of RQ's worker have no types)

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Any, Final

import redis
import rq
from redis.client import Pipeline
from rq import worker_registration
from rq.job_lifecycle import call_exception_handlers
from rq.rate_limit import RateLimitRegistry
from rq.utils import now

from qtui_workers.engine import attempt_logs
from qtui_workers.engine.performer import Interrupted
from qtui_workers.engine.scheduler import Scheduler
from qtui_workers.engine.unreadable import AWAY
from qtui_workers.errors import InvalidInput, Refused
from qtui_workers.reporting import events
from qtui_workers.reporting.events import EventKind
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.server.redis_errors import explain, label_of

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 30.0
"""Seconds between two beginnings of the loop."""
_TWICE_WITHIN: Final = timedelta(seconds=1)
"""Ctrl-C reaches every process of a group, and a pool passes its own on: signals this near are one."""
_LOCKS_EVERY: Final = 30.0


class Lifecycle(rq.Worker):
    """A worker that knows when to begin and to end, and stays up when Redis goes away.

    It has one thread: commands are heard and signals noticed where the loop waits, so that forking a horse is safe.
    """

    in_process: bool
    shutdown_timeout: float
    last_cleaned_at: Any  # RQ declares these as None only
    pubsub: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leave_at = float("inf")
        """When a running job is put back (time.monotonic)."""
        self.next_beat = 0.0
        """When a sign of life is due (time.monotonic)."""
        self._away_since: float | None = None
        """When Redis went away (time.monotonic); None while it is there."""
        self.interruptible = False
        """Whether a job runs in this very process."""
        self.waker, self._wake = socket.socketpair()
        self.waker.setblocking(False)
        self._wake.setblocking(False)
        self._noted = False
        self._next_locks = 0.0

    def validate_queues(self) -> None:
        """As RQ's; raises InvalidInput where queues or jobs are kept under names that our scripts do not look at."""
        super().validate_queues()
        wanted = {queue.key: keys.queue(queue.name) for queue in self.queues} | {self.job_class.key_for("ID"): keys.job("ID")}
        for key, known in wanted.items():
            if key != known:
                raise InvalidInput(f"this worker looks at {known}, never at {key}: use RQ's own prefixes of keys")

    def run(self, *, burst: bool = False) -> None:
        """Works, with the scheduler, until asked to stop; in burst, until the queues are empty.

        Where that ends because of an error, it begins anew after a wait. Raises Refused where a worker of that name is
        there already.
        """
        wait = _FIRST_WAIT
        while True:
            begun = time.monotonic()
            try:
                self.work(burst=burst, with_scheduler=True)
                return
            except (redis.RedisError, OSError) as error:
                self.gone(error)
            if self._stop_requested:
                return
            wait = _FIRST_WAIT if time.monotonic() - begun > _LONGEST_WAIT else min(wait * 2, _LONGEST_WAIT)
            threading.Event().wait(wait)

    # Signals

    def request_stop(self, signum: int, frame: Any) -> None:
        """Ends the worker after the running job, or after its `shutdown_timeout`; asked again, at once."""
        if os.getpid() != self.pid:  # a process of ours that has no handlers of its own yet
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            return
        moment = now()
        if not self._stop_requested:
            self._stop_requested = True
            self._shutdown_requested_date = moment
            self.leave_at = time.monotonic() + self.shutdown_timeout
            if self.interruptible:
                self._remind(signum)
        elif time.monotonic() >= self.leave_at or moment - (self._shutdown_requested_date or moment) >= _TWICE_WITHIN:
            self.leave_at = 0.0
            if self.interruptible:
                self.interruptible = False
                raise Interrupted
        with suppress(OSError):
            self._wake.send(b"!")

    def _remind(self, signum: int) -> None:
        """The loop does not run while a job runs in this process: a second signal is sent instead."""
        reminder = threading.Timer(self.shutdown_timeout, os.kill, (os.getpid(), signum))
        reminder.daemon = True
        reminder.start()

    def woken(self) -> None:
        """Takes note of a signal, where the loop waits."""
        with suppress(OSError):
            self.waker.recv(64)
        if self._stop_requested and not self._noted:
            self._noted = True
            patience = f"; at most {self.shutdown_timeout:g} s for the running job" if self.executions else ""
            self.log.info("Worker %s: stop requested%s", self.name, patience)
            if self._shutdown_requested_date:
                self.set_shutdown_requested_date()

    @property
    def dequeue_timeout(self) -> int:
        """Seconds that RQ adds to the patience for a reply: nothing blocks in the server here."""
        return 1

    # Its connection

    @property
    def is_away(self) -> bool:
        """Whether Redis did not answer when it was last asked."""
        return self._away_since is not None

    def gone(self, error: Exception) -> None:
        """Takes note that Redis is away, or refuses what is asked; logged once until it is back."""
        if isinstance(error, redis.ReadOnlyError):  # it is no primary any more: its name may stand for another one now
            self.hang_up()
        if self._away_since is None:
            self._away_since = time.monotonic()
            self.log.warning("Worker %s: %s Waiting for it.", self.name, explain(error, label_of(self.connection)))

    def back(self) -> None:
        """Takes note that Redis answers: a sign of life is due."""
        if self._away_since is not None:
            away = time.monotonic() - self._away_since
            self._away_since = None
            self.next_beat = 0.0
            self.log.info("Worker %s: Redis is back after %.1f s", self.name, away)
            self.tell_trouble(f"Redis was away, or refused this worker, for {away:.1f} s")

    def hang_up(self) -> None:
        """Ends its connections; each is made anew when it is needed."""
        self.unsubscribe()
        self.connection.connection_pool.disconnect()

    def tell_trouble(self, error: str, *, job: str = "", queue: str = "") -> None:
        """Tells those who watch the events of trouble that is the worker's own; where Redis is away it goes on without."""
        with suppress(redis.RedisError, OSError):
            events.emit(self.connection, EventKind.WORKER_ERROR, Source(job, queue, worker=self.name), {"error": error})

    # Its jobs

    def handle_exception(self, job: rq.job.Job, *exc_info: Any) -> None:
        """Logs what an attempt raised, then calls the exception handlers; RQ's way would log the job's arguments, too."""
        attempt_logs.raised(Source.of(job, worker=self.name, attempt=getattr(job, "attempt", 0)), *exc_info)
        call_exception_handlers(self._exc_handlers, job, *exc_info)

    # Its record

    def set_shutdown_requested_date(self) -> None:
        """Notes for others that this worker is leaving; where Redis is away it leaves without."""
        with suppress(*AWAY):
            super().set_shutdown_requested_date()

    def register_birth(self) -> None:
        """Enters this worker in the list of workers; its own entry of before a lost connection is replaced."""
        if self.birth_date is not None:
            self.connection.delete(self.key)
        try:
            super().register_birth()
        except ValueError:
            raise Refused(f"a worker named '{self.name}' is there already: choose another --name") from None

    def teardown(self) -> None:
        """Says farewell, as far as Redis can still be told."""
        if self.is_horse:
            return
        if self.scheduler:
            self.stop_scheduler()
        with suppress(redis.RedisError, OSError):
            self.register_death()
        self.unsubscribe()

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """What the worker is at, for others to see; where Redis is away it goes on without."""
        with suppress(*AWAY):
            super().set_state(state, pipeline)

    def queue_of(self, name: str) -> rq.Queue:
        """The queue of that name, with this worker's classes."""
        for queue in self.queues:
            if queue.name == name:
                return queue
        return self._queue(name)

    def _queue(self, name: str) -> rq.Queue:
        return self.queue_class(name, connection=self.connection, job_class=self.job_class, serializer=self.serializer)

    # Commands

    def subscribe(self) -> None:
        """Begins to listen for commands."""
        self.pubsub = self.connection.pubsub()
        self.pubsub.subscribe(**{self.pubsub_channel_name: self.handle_payload})

    def hear_commands(self) -> None:
        """Obeys the commands that have come; where the connection is lost, another beat subscribes again."""
        try:
            while self.pubsub.connection and self.pubsub.connection.can_read(0):
                self.pubsub.get_message(ignore_subscribe_messages=True, timeout=0)
        except (redis.RedisError, OSError):
            self.unsubscribe()

    def handle_payload(self, message: Any) -> None:
        """A command for this worker; one that cannot be read is ignored."""
        try:
            super().handle_payload(message)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - anybody can publish anything there
            self.log.error("Worker %s: a command cannot be read: %s: %s", self.name, type(error).__name__, error)

    def unsubscribe(self) -> None:
        """Stops listening, whether or not Redis can be told."""
        if self.pubsub is not None:
            with suppress(redis.RedisError, OSError):
                self.pubsub.close()
            self.pubsub = None

    # Scheduler and maintenance

    def _start_scheduler(self, burst: bool = False, *_: Any, **__: Any) -> None:
        """As RQ's, with a scheduler of ours: in burst it enqueues once what is due."""
        self.scheduler = scheduler = Scheduler(
            self.queues, connection=self.connection, logging_level=logging.WARNING, serializer=self.serializer
        )
        scheduler.acquire_locks()
        self._next_locks = float("inf") if burst else time.monotonic() + _LOCKS_EVERY
        if not scheduler.acquired_locks:
            return
        if not burst:
            scheduler.start()
            return
        try:
            scheduler.enqueue_scheduled_jobs()
        finally:
            scheduler.release_locks()

    def tend_scheduler(self) -> None:
        """Takes the scheduler's place over where the worker that had it is gone: RQ waits ten minutes."""
        if self.scheduler is None or self._stop_requested or time.monotonic() < self._next_locks:
            return
        self._next_locks = time.monotonic() + _LOCKS_EVERY
        process: BaseProcess | None = getattr(self.scheduler, "_process", None)
        if process is None or not process.is_alive():
            self.scheduler.acquire_locks(auto_start=True)

    def stop_scheduler(self) -> None:
        """Ends the scheduler's process: asked again, as its first moments are deaf, and then made to.

        Its locks expire by themselves within about a minute.
        """
        process: BaseProcess | None = getattr(self.scheduler, "_process", None)
        for end in (*[BaseProcess.terminate] * 5, BaseProcess.kill):
            if process is None or not process.is_alive():
                return
            end(process)
            process.join(2)

    def run_maintenance_tasks(self) -> None:
        """RQ's maintenance, but for the scheduler, which is tended more often."""
        self.clean_registries()
        self.clean_group_registries()

    def clean_registries(self) -> None:
        """RQ's maintenance of registries; a record that it cannot read ends it until next time, not the worker.

        What lost workers left is for `engine.recovery`: RQ fails what is between queue and start, and takes a lease that ran
        out for lost even when the server has only just come back.
        """
        self.last_cleaned_at = now()
        for queue in self.queues:
            if not queue.acquire_maintenance_lock():
                continue
            try:
                for registry in (queue.finished_job_registry, queue.failed_job_registry, queue.ready_job_registry):
                    registry.cleanup()
                worker_registration.clean_worker_registry(queue)
            except AWAY:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a record holds, the next job must get its turn
                self.log.error("Worker %s: maintenance ended early: %s: %s", self.name, type(error).__name__, error)
            queue.release_maintenance_lock()
        for registry in RateLimitRegistry.all(self.connection):
            registry.cleanup()
