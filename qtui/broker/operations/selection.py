"""Which jobs an operation applies to: single ones, or all in a status; and their ids, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker import jobs
from qtui.broker.status import Status
from qtui_workers.server.redis_errors import is_wrong_type
from qtui_workers.text import decode, encode

PAGE: Final = 5_000
"""Ids read in one round trip."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Single jobs, by their ids."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """All jobs of a status in a queue, or in every queue (None)."""

    queue: str | None
    status: Status


Selection = Chosen | Matching


@dataclass(frozen=True, slots=True)
class Targets:
    """The ids of a selection in one queue, oldest first."""

    ids: tuple[str, ...]
    queue: str | None = None
    """None if single jobs were chosen: their hashes name their queues."""
    status: Status | None = None
    """None if single jobs were chosen."""


def take(client: redis.Redis, selection: Selection) -> tuple[Targets, ...]:
    """The ids that a selection matches now; raises redis.RedisError if the server fails."""
    if isinstance(selection, Chosen):
        ids = tuple(dict.fromkeys(selection.ids))
        return (Targets(ids),) if ids else ()
    if selection.status.place not in ("queue", "registry"):
        return _search(client, selection.queue, selection.status)
    names = jobs.queue_names(client) if selection.queue is None else (selection.queue,)
    found = (Targets(_ids(client, name, selection.status), name, selection.status) for name in names)
    return tuple(target for target in found if target.ids)


def _search(client: redis.Redis, queue: str | None, status: Status) -> tuple[Targets, ...]:
    found, _, _ = jobs.search(client, queue, status, bound=10**9)
    by_queue: dict[str, list[str]] = {}
    for job_id, name in reversed(found):
        by_queue.setdefault(name, []).append(job_id)
    return tuple(Targets(tuple(ids), name, status) for name, ids in by_queue.items())


def _ids(client: redis.Redis, queue: str, status: Status) -> tuple[str, ...]:
    """The ids of a queue's list or registry, oldest first.

    They are read from the newest to the oldest: if a job leaves the old end meanwhile, no other job is missed, and if one
    is added at the new end, some are read twice and kept once.
    """
    key = encode(jobs.place(queue, status))
    found: dict[str, None] = {}
    start = 0
    while True:
        page = _page(client, key, status, start)
        found.update(dict.fromkeys(_job_id(member, status) for member in page))
        if len(page) < PAGE:
            return tuple(reversed(found))
        start += PAGE


def _job_id(member: bytes, status: Status) -> str:
    """The job's id in a member of a list or registry; in the registry of running jobs, the id of the execution follows it."""
    text = decode(member)
    return text.rpartition(":")[0] or text if status.runs else text


def _page(client: redis.Redis, key: bytes, status: Status, start: int) -> list[bytes]:
    try:
        if status.place == "queue":
            page: Any = client.lrange(key, -(start + PAGE), -(start + 1))
            return list(reversed(page))
        page = client.zrevrange(key, start, start + PAGE - 1)
    except redis.ResponseError as error:
        if not is_wrong_type(error):
            raise
        return []
    return list(page)
