"""RQ's scheduler, which survives an outage of Redis and an unreadable job, and ends with its worker."""

# mypy: allow-untyped-calls
# (most methods of RQ's scheduler have no types)

from __future__ import annotations

import logging
import math
import os
import time
from multiprocessing.process import BaseProcess
from typing import Any, Final

import redis
from rq.job import Job
from rq.utils import current_timestamp

from qtui_workers.engine.rq_adapter import RqScheduler, scheduler_process
from qtui_workers.engine.signals import on_stop
from qtui_workers.engine.unreadable import AWAY, set_aside
from qtui_workers.server.redis_errors import explain, label_of

log = logging.getLogger("rq.worker")

_TAKEOVER_EVERY: Final = 30.0
_TRIES: Final = 5
"""How often SIGTERM is sent to a scheduler's process, as it does not notice one just after its start."""
_EXIT_WITHIN: Final = 2.0
"""Seconds that the process has to end after each signal."""


class Scheduler(RqScheduler):
    """Puts delayed jobs and retries that are due into their queues, from a process of its own beside the worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._worker_pid = os.getpid()
        self._next_takeover = 0.0
        """When to check whether it may start (time.monotonic)."""
        self._away_since: float | None = None
        """When Redis went away (time.monotonic); None while it is there."""

    def work(self) -> None:
        """Works until a stop is requested, or until its worker has died."""
        on_stop(self.request_stop)
        while True:
            try:
                super().work()
                return
            except (redis.RedisError, OSError) as error:  # away, loading, without memory
                if self.stop_requested or self._orphaned():
                    return
                if self._away_since is None:
                    self._away_since = time.monotonic()
                    log.warning("Scheduler: %s Waiting for it.", explain(error, label_of(self.connection)))
                time.sleep(self.interval)

    def heartbeat(self) -> None:
        """The heartbeat, every second; where its worker has died, it requests its own end."""
        super().heartbeat()
        if self._away_since is not None:
            log.info("Scheduler: Redis is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since = None
        if self._orphaned():
            self.request_stop()

    def enqueue_scheduled_jobs(self) -> None:
        """Enqueues what is due; a job that cannot be read is set aside, and the others are enqueued a second later."""
        try:
            super().enqueue_scheduled_jobs()
        except AWAY:
            raise
        except Exception:  # noqa: BLE001 - whatever a record holds, the others must get their turn
            for registry in self.scheduled_job_registries:
                for job_id in registry.get_jobs_to_schedule(current_timestamp()):
                    self._set_aside_if_unreadable(registry.name, job_id)

    # In the worker's process

    def begin(self, *, burst: bool) -> None:
        """Starts its process, unless other workers have schedulers for these queues; in burst it enqueues once what is due."""
        self.acquire_locks()
        self._next_takeover = math.inf if burst else time.monotonic() + _TAKEOVER_EVERY
        if not self.acquired_locks:
            return
        if not burst:
            self.start()
            return
        try:
            self.enqueue_scheduled_jobs()
        finally:
            self.release_locks()

    def take_over_if_due(self) -> None:
        """Checks every 30 s whether its process has to start: it has none, and no other worker's scheduler is alive.

        RQ itself checks that every ten minutes.
        """
        if time.monotonic() < self._next_takeover:
            return
        self._next_takeover = time.monotonic() + _TAKEOVER_EVERY
        process = scheduler_process(self)
        if process is None or not process.is_alive():
            self.acquire_locks(auto_start=True)

    # In its own process

    def _set_aside_if_unreadable(self, queue: str, job_id: str) -> None:
        try:
            Job.fetch_many([job_id], connection=self.connection, serializer=self.serializer)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            set_aside(self.connection, queue, job_id, f"{type(error).__name__}: {error}")

    def _orphaned(self) -> bool:
        return self._worker_pid not in (os.getpid(), os.getppid())


def end_process(process: BaseProcess | None, *, at_once: bool = False) -> None:
    """Ends the process of a scheduler, and kills it where necessary, or `at_once`; its locks expire within about a minute."""
    for end in (*[BaseProcess.terminate] * (0 if at_once else _TRIES), BaseProcess.kill):
        if process is None or not process.is_alive():
            return
        end(process)
        process.join(_EXIT_WITHIN)
