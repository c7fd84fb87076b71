"""RQ's scheduler, which enqueues nothing that was canceled or removed, and nothing twice, and ends with its worker."""

# mypy: allow-untyped-calls
# (most methods of RQ's scheduler have no types)

from __future__ import annotations

import logging
import math
import os
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any, Final

import redis

from qtui_workers.engine.maintenance.due_jobs import DueJobs
from qtui_workers.engine.process.signals import on_stop
from qtui_workers.engine.rq_adapter import RqScheduler, scheduler_process
from qtui_workers.server import keys
from qtui_workers.server.redis_errors import explain, label_of

log = logging.getLogger("rq.worker")

_TAKEOVER_EVERY: Final = 60.0
_RENEW_EVERY: Final = 15.0
"""Seconds between two renewals of the locks while nothing is scheduled."""
_LOCKED: Final = 60
"""Seconds besides its interval for which a scheduler keeps a lock that it does not renew, as RQ's."""
_TRIES: Final = 5
"""How often SIGTERM is sent to a scheduler's process, as it does not notice one just after its start."""
_EXIT_WITHIN: Final = 2.0
"""Seconds that the process has to end after each signal."""


class Scheduler(RqScheduler):
    """Puts delayed jobs and retries that are due into their queues, from a process of its own beside the worker.

    For each queue one scheduler does that, whether ours or RQ's: the one that has the lock of the queue.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._worker_pid = os.getpid()
        self._next_takeover = 0.0
        """When to check whether it may start (time.monotonic)."""
        self._due: DueJobs | None = None
        """Made when it is needed, as each process has its own connection."""
        self._away_since: float | None = None
        """When Redis went away (time.monotonic); None while it is there."""

    def enqueue_scheduled_jobs(self) -> None:
        """Takes the locks that are free, and enqueues what is due; raises redis.RedisError or OSError."""
        if self._due is None:
            self._due = DueJobs(self.connection, self.name, self.serializer, lock=self.interval + _LOCKED)
        while True:
            turn = self._due.enqueue(self.queue_names)
            self._note_locks(turn.held)
            if not turn.known and self.pid:
                self.register_birth()
            if not turn.more or self.stop_requested:
                return

    # In its own process

    def work(self) -> None:
        """Works until a stop is requested, or until its worker has died."""
        on_stop(self.request_stop)
        self.pid, self._due = os.getpid(), None
        renewed = -math.inf
        while not (self.stop_requested or self._orphaned()):
            try:
                if time.monotonic() - renewed >= _RENEW_EVERY or self._has_work():
                    self.enqueue_scheduled_jobs()
                    renewed = time.monotonic()
                self._note_answer()
            except (redis.RedisError, OSError) as error:  # away, loading, without memory
                self._note_outage(error)
            time.sleep(self.interval)
        with suppress(redis.RedisError, OSError):
            self.stop()

    def _has_work(self) -> bool:
        """Whether anything is scheduled in its queues: one command, however many they are."""
        return bool(self.connection.exists(*(keys.registry("scheduled", name) for name in self.queue_names)))

    def _note_locks(self, held: set[str]) -> None:
        if lost := sorted(self.acquired_locks - held):
            log.warning("Scheduler: another one enqueues the scheduled jobs of %s now", ", ".join(lost))
        self.note_locks(held)

    def _note_outage(self, error: Exception) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("Scheduler: %s Waiting for it.", explain(error, label_of(self.connection)))

    def _note_answer(self) -> None:
        if self._away_since is not None:
            log.info("Scheduler: Redis is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since = None

    def _orphaned(self) -> bool:
        return self._worker_pid not in (os.getpid(), os.getppid())

    # In the worker's process

    def start(self) -> Any:
        """Starts its process; where none can be started now, that is logged, and `take_over_if_due` tries it again."""
        try:
            return super().start()
        except OSError as error:
            log.error("Scheduler: no process can be started: %s; it is tried again", error.strerror)
            return None

    def begin(self, *, burst: bool) -> None:
        """Starts its process, unless other workers have schedulers for these queues; in burst it enqueues once what is due."""
        self._next_takeover = math.inf if burst else time.monotonic() + _TAKEOVER_EVERY
        if not burst:
            self.acquire_locks(auto_start=True)
            return
        try:
            self.enqueue_scheduled_jobs()
        finally:
            self.release_locks()

    def take_over_if_due(self) -> None:
        """Checks every minute whether its process has to start: it has none, and no other worker's scheduler is alive.

        RQ itself checks that every ten minutes.
        """
        if time.monotonic() < self._next_takeover:
            return
        self._next_takeover = time.monotonic() + _TAKEOVER_EVERY
        process = scheduler_process(self)
        if (process is None or not process.is_alive()) and not self._all_are_locked():
            self.acquire_locks(auto_start=True)

    def _all_are_locked(self) -> bool:
        """Whether each of the queues has a scheduler: one command, where to try each lock takes several for each queue."""
        locks = {self.get_locking_key(name) for name in self.queue_names}
        return int(self.connection.exists(*locks)) == len(locks)


def end_process(process: BaseProcess | None, *, at_once: bool = False) -> None:
    """Ends the process of a scheduler, and kills it where necessary, or `at_once`; its locks expire within about a minute."""
    for end in (*[BaseProcess.terminate] * (0 if at_once else _TRIES), BaseProcess.kill):
        if process is None or not process.is_alive():
            return
        end(process)
        process.join(_EXIT_WITHIN)
