"""Reads the ids of a queue's list or registry: all of them once, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import redis

from qtui.broker.jobs import place
from qtui.broker.status import Status
from qtui_workers.server.redis_errors import is_wrong_type
from qtui_workers.text import decode, encode

PAGE: Final = 5_000
"""Ids read in one round trip."""


def pages(client: redis.Redis, queue: str, status: Status) -> Iterator[list[str]]:
    """The ids, the newest first, each once, in pages of at most `PAGE`; one round trip a page.

    They are read from the newest to the oldest: if a job leaves the old end meanwhile, no other job is missed, and if one
    is added at the new end, some are read twice and given once. A key of the wrong type holds none.
    """
    key = encode(place(queue, status))
    seen: set[str] = set()
    start = 0
    while True:
        members = _page(client, key, status, start)
        found = dict.fromkeys(_job_id(member, status) for member in members)
        yield [job_id for job_id in found if job_id not in seen]
        if len(members) < PAGE:
            return
        seen.update(found)
        start += PAGE


def oldest_first(client: redis.Redis, queue: str, status: Status) -> tuple[str, ...]:
    """All ids, the oldest first."""
    return tuple(reversed([job_id for page in pages(client, queue, status) for job_id in page]))


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
