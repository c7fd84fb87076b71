"""Every worker with the job that it runs and what it did lately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtui.broker import rows
from qtui.broker.models import JobRow, WorkerRow
from qtui.broker.workers import registered_workers
from qtui.broker.workers.lanes import Lane, Lanes
from qtui_workers.server.replies import reply_of

if TYPE_CHECKING:
    import redis
    from redis.client import Pipeline


@dataclass(frozen=True, slots=True)
class AtWork:
    """A worker, and the job that it runs."""

    worker: WorkerRow
    job: JobRow | None
    lane: Lane = ()
    """What it did in the last minutes; empty where that was not requested."""

    @property
    def busy_since(self) -> float | None:
        """When its job began; None where it runs none, or that is not known."""
        return self.job.started_at if self.job else None


def load(client: redis.Redis, lanes: Lanes | None = None) -> tuple[AtWork, ...]:
    """Every registered worker, by name, in three round trips; `lanes` are continued up to now. Raises redis.RedisError."""
    found, at = registered_workers.load_at(client)
    busy = [row for row in found if row.current_job]

    def beside(pipe: Pipeline) -> None:
        if lanes is not None:
            pipe.execute_command(*lanes.command(at))  # type: ignore[no-untyped-call]  # redis-py's

    jobs, others = rows.named_beside(client, [(row.current_job or "", "") for row in busy], beside)
    running = {row.name: job for row, job in zip(busy, jobs, strict=True)}
    seen = [AtWork(row, running.get(row.name)) for row in found]
    if lanes is None:
        return tuple(seen)
    drawn = lanes.look([(each.worker, each.busy_since) for each in seen], _entries(others), at)
    return tuple(AtWork(each.worker, each.job, lane) for each, lane in zip(seen, drawn, strict=True))


def _entries(replies: list[Any]) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The new entries of the stream of events, oldest first."""
    return [(entry_id, fields or {}) for entry_id, fields in reversed(reply_of(replies[0]) or ())]
