"""RQ's scheduler, which outlives an absence of Redis and an unreadable job, but not its worker."""

# mypy: allow-untyped-calls
# (most methods of RQ's scheduler have no types)

from __future__ import annotations

import logging
import os
import time
from typing import Any

import redis
from rq.job import Job
from rq.scheduler import RQScheduler
from rq.utils import current_timestamp

from qtui_workers.engine.unreadable import AWAY, set_aside
from qtui_workers.server.redis_errors import explain, label_of

log = logging.getLogger("rq.worker")


class Scheduler(RQScheduler):
    """Puts delayed jobs and retries that are due into their queues, from a process of its own beside the worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._worker_pid = os.getpid()
        self._away_since: float | None = None
        """When Redis went away (time.monotonic); None while it is there."""

    def work(self) -> None:
        """Works until it is asked to stop or its worker is gone."""
        while True:
            try:
                super().work()
                return
            except (redis.RedisError, OSError) as error:  # away, loading, without memory
                if self._stop_requested or self._orphaned():
                    return
                if self._away_since is None:
                    self._away_since = time.monotonic()
                    log.warning("Scheduler: %s Waiting for it.", explain(error, label_of(self.connection)))
                time.sleep(self.interval)

    def heartbeat(self) -> None:
        """A sign of life, every second; an orphan takes it as its cue to leave."""
        super().heartbeat()
        if self._away_since is not None:
            log.info("Scheduler: Redis is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since = None
        if self._orphaned():
            self.request_stop()

    def enqueue_scheduled_jobs(self) -> None:
        """Enqueues what is due; what cannot be read is set aside, and the rest goes a second later."""
        try:
            super().enqueue_scheduled_jobs()
        except AWAY:
            raise
        except Exception:  # noqa: BLE001 - whatever a record holds, the others must get their turn
            for registry in self._scheduled_job_registries:
                for job_id in registry.get_jobs_to_schedule(current_timestamp()):
                    self._check(registry.name, job_id)

    def _check(self, queue: str, job_id: str) -> None:
        try:
            Job.fetch_many([job_id], connection=self.connection, serializer=self.serializer)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            set_aside(self.connection, queue, job_id, f"{type(error).__name__}: {error}")

    def _orphaned(self) -> bool:
        return self._worker_pid not in (os.getpid(), os.getppid())
