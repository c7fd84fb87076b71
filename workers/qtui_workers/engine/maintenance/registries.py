"""RQ's maintenance of registries, which goes on with the next queue after a record that it cannot read."""

# mypy: allow-untyped-calls
# (most methods of RQ have no types)

from __future__ import annotations

import logging
from collections.abc import Iterable

import redis
from rq import worker_registration
from rq.queue import Queue
from rq.rate_limit import RateLimitRegistry

from qtui_workers.engine.unreadable_jobs import AWAY

log = logging.getLogger("rq.worker")


def clean_registries(connection: redis.Redis, queues: Iterable[Queue], worker: str) -> None:
    """Removes what has expired from the registries of those queues; raises redis.RedisError or OSError.

    The jobs of lost workers are left to `engine.maintenance.recovery`: RQ would fail those between queue and start, and would
    take an expired lease for lost even where the server has only just come back.
    """
    for queue in queues:
        if not queue.acquire_maintenance_lock():
            continue
        try:
            for registry in (queue.finished_job_registry, queue.failed_job_registry, queue.ready_job_registry):
                registry.cleanup()
            worker_registration.clean_worker_registry(queue)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record holds, the next queue must get its turn
            log.error("Worker %s: maintenance ended early: %s: %s", worker, type(error).__name__, error)
        queue.release_maintenance_lock()
    for registry in RateLimitRegistry.all(connection):
        registry.cleanup()
