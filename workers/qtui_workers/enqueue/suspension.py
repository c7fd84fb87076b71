"""Suspending all workers, of every kind, as `rq suspend` does: none takes a job; running ones end as usual.

A qtui-worker obeys at once; an rq worker that already waits for a job still takes that one.
"""

from __future__ import annotations

import redis

from qtui_workers.server import keys


def suspend(connection: redis.Redis, seconds: int | None = None) -> bool:
    """Suspends all workers, for so many seconds or until `end`. Returns whether they were not suspended before."""
    before = is_in_force(connection)
    connection.set(keys.SUSPENDED, 1, ex=seconds)
    return not before


def is_in_force(connection: redis.Redis) -> bool:
    """Whether all workers are suspended."""
    return bool(connection.exists(keys.SUSPENDED))


def end(connection: redis.Redis) -> bool:
    """All workers take jobs again. Returns whether they were suspended."""
    return bool(connection.unlink(keys.SUSPENDED))
