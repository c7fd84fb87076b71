"""What can be done with a cron job: run it once more, and forget one that nobody enqueues.

Its schedule is declared in code, so nothing here changes that: a program that declares it enqueues it again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import redis

from qtui.broker import edit
from qtui.broker.lists.schedule import CronRow
from qtui_workers.define.discovery import AnyProcessor, discover
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import NotFound, Refused
from qtui_workers.server import keys
from qtui_workers.text import encode


@dataclass(frozen=True, slots=True)
class Another:
    """One more job of a cron job."""

    description: str
    """Which job that is, in words."""
    enqueue: Callable[[redis.Redis], tuple[str, str]]
    """Puts it into its queue; returns the queue and the id. Raises as `edit.enqueue` and `QueueService.enqueue` do."""


def another(client: redis.Redis, row: CronRow) -> Another:
    """A copy of its last job; where that is gone, or there was none yet, a job of its processor, if that is known here.

    Raises Refused, with the reason, where there is neither.
    """
    if row.last_job:
        with suppress(NotFound):
            return _copy(edit.load(client, row.last_job))
    if found := _processor(row):
        return _declared(found)
    why = "its last job is gone" if row.last_job else "it has not run yet"
    raise Refused(
        f"{row.name} cannot be run from here: {why}, so that there is nothing to copy, and its code is not known to this qtui "
        "(QTUI_PROCESSORS)"
    )


def _copy(job: edit.Editable) -> Another:
    def enqueue(client: redis.Redis) -> tuple[str, str]:
        made = edit.enqueue(client, job, job.document)
        return made.queue, made.job_id

    return Another(f"A copy of its last job, {job.job_id}, is queued", enqueue)


def _declared(processor: AnyProcessor) -> Another:
    def enqueue(client: redis.Redis) -> tuple[str, str]:
        made = QueueService(client).enqueue(processor, {}, delay=0)
        return made.queue, made.id

    return Another(f"There is no job of it to copy: one as {processor.name} is declared here is queued", enqueue)


def _processor(row: CronRow) -> AnyProcessor | None:
    """The processor of a cron job, where it is known on this machine."""
    found = discover()
    return found.by_path.get(row.function) if row.function else found.processors.get(row.name)


def forget(client: redis.Redis, row: CronRow) -> None:
    """Remove what Redis still knows of a cron job that nobody enqueues; its jobs stay. Raises redis.RedisError."""
    with client.pipeline() as pipe:
        pipe.unlink(encode(keys.cron(row.name)), encode(keys.cron_job_history(row.name)))
        pipe.zrem(keys.CRON_JOBS, encode(row.name))
        pipe.execute()
