"""Looks closely at one queue: the job at its head, one that its deferred jobs wait for, its workers, why its jobs failed."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker import rows
from qtui.broker.diagnosis.queue_failures import QueueFailures
from qtui.broker.models import JobRow
from qtui.broker.workers import registered_workers
from qtui.broker.workers.workers_at_work import AtWork
from qtui_workers.reading import stored_payload
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode

SAMPLE: Final = 20
"""This many of the oldest deferred jobs are looked at, each with what it waits for."""
MOST_WORKERS: Final = 30
"""At most this many workers of a queue are looked at."""

_LOOK: Final = Script.load("look", "qtui.broker")


@dataclass(frozen=True, slots=True)
class QueueLook:
    """What was found."""

    queue: str
    start: str | None
    """The command that starts a worker which can run the job at the head; None if none waits, or it cannot be read."""
    blocked: JobRow | None
    """A job that ended without success, or is gone, and for which others stay deferred."""
    workers: tuple[AtWork, ...] = ()
    """Those that were looked at, by name; their jobs may be of other queues."""
    registered: int = 0
    """How many workers there are; 0 where none was to be looked at."""
    failures: QueueFailures | None = None
    """Why the newest failed jobs failed; None where nobody looked."""


def load(client: redis.Redis, queue: str, *, at: float = 0.0, most_workers: int = 0) -> QueueLook:
    """A look at one queue without its failures, in one round trip; `at` is the server's clock, for the age of heartbeats.

    Raises redis.RedisError if the server cannot answer.
    """
    fields = json.dumps(registered_workers.FIELDS)
    head, parent, registered, seen = _LOOK.read(
        client, queue=queue, spec=rows.SPEC, sample=SAMPLE, workers=most_workers, fields=fields
    )
    return QueueLook(
        queue,
        _start(queue, head) if head else None,
        rows.read(parent) if parent else None,
        _at_work(seen, at),
        registered,
    )


def _at_work(replies: list[list[Any]], at: float) -> tuple[AtWork, ...]:
    names = tuple(decode(reply[0]) for reply in replies)
    seen = registered_workers.rows(names, [part for reply in replies for part in reply[1:4]], at=at)
    jobs = [rows.read(reply[4]) if reply[4] else None for reply in replies]
    return tuple(AtWork(worker, job) for worker, job in zip(seen, jobs, strict=True))


def _start(queue: str, head: list[Any]) -> str | None:
    """The command for a queue whose head is this reply of `row.lua`, quoted for a shell."""
    row, name = rows.read(head), shlex.quote(queue)
    if row.function is None or row.problem:
        return None
    if not stored_payload.is_json(head[4]):
        return f"rq worker {name}"
    from qtui_workers.define.discovery import discover  # with pydantic and the bundled processors

    if row.attempts_allowed is not None or row.function in discover().by_path:
        return f"qtui-worker {name}"
    return f"qtui-worker {name} --allow {shlex.quote(row.function.partition('.')[0])}"
