"""Looks at the jobs that decide whether a queue moves: the one at its head, and one that its deferred jobs wait for."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker import rows
from qtui.broker.models import JobRow
from qtui_workers.define.discovery import discover
from qtui_workers.reading import payload
from qtui_workers.server.scripts import Script

SAMPLE: Final = 20
"""This many of the oldest deferred jobs are looked at, each with what it waits for."""

_LOOK: Final = Script.load("look", "qtui.broker")


@dataclass(frozen=True, slots=True)
class QueueLook:
    """What was found."""

    queue: str
    start: str | None
    """The command that starts a worker which can run the job at the head; None if none waits, or it cannot be read."""
    blocked: JobRow | None
    """A job that ended without success, or is gone, and for which others stay deferred."""


def load(client: redis.Redis, queue: str) -> QueueLook:
    """A look at one queue, in one round trip; raises redis.RedisError if the server cannot answer."""
    head, parent = _LOOK.read(client, queue=queue, spec=rows.SPEC, sample=SAMPLE)
    return QueueLook(queue, _start(queue, head) if head else None, rows.read(parent) if parent else None)


def _start(queue: str, head: list[Any]) -> str | None:
    """The command for a queue whose head is this reply of `row.lua`, quoted for a shell."""
    row, name = rows.read(head), shlex.quote(queue)
    if row.function is None or row.problem:
        return None
    if not payload.is_json(head[4]):
        return f"rq worker {name}"
    if row.attempts_allowed is not None or row.function in discover().by_path:
        return f"qtui-worker {name}"
    return f"qtui-worker {name} --allow {shlex.quote(row.function.partition('.')[0])}"
