"""Who would run what is put into a queue: the workers that listen to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import redis

from qtui.broker.models import WorkerRow
from qtui.broker.workers import registered_workers
from qtui_workers.server import keys
from qtui_workers.text import decode


@dataclass(frozen=True, slots=True)
class Listeners:
    """The workers of one queue."""

    queue: str
    ours: int
    """Living qtui-workers."""
    stock: int
    """Other living workers, such as `rq worker`."""
    busy: int
    """How many of the living ones run a job now."""
    silent: int
    """Registered ones that give no sign of life."""
    paused: bool
    """Whether qtui-workers take nothing from the queue until somebody resumes it."""
    suspended: bool
    """Whether all workers are suspended."""

    @property
    def at_work(self) -> bool:
        """Whether jobs that are put into the queue are run soon."""
        return self.ours + self.stock > 0 and not (self.suspended or self.paused)


def load(client: redis.Redis, queues: Iterable[str]) -> tuple[Listeners, ...]:
    """The workers of each of these queues, in three round trips."""
    with client.pipeline(transaction=False) as pipe:
        pipe.smembers(keys.PAUSED)
        pipe.exists(keys.SUSPENDED)
        paused, suspended = pipe.execute()
    names = {decode(name) for name in paused}
    known = registered_workers.load(client)
    return tuple(_of(queue, known, queue in names, bool(suspended)) for queue in queues)


def _of(queue: str, known: tuple[WorkerRow, ...], paused: bool, suspended: bool) -> Listeners:
    all_of_it = [row for row in known if queue in row.queues]
    alive = [row for row in all_of_it if not row.is_silent]
    ours = sum(bool(row.knows_holds) for row in alive)  # only qtui-workers know holds
    busy = sum(row.current_job is not None for row in alive)
    return Listeners(queue, ours, len(alive) - ours, busy, len(all_of_it) - len(alive), paused, suspended)
