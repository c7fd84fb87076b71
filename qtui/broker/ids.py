"""Reads the ids of a queue's list or registry: all of them once, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import redis

from qtui.broker.jobs import place
from qtui.broker.status import Status
from qtui_workers.server.redis_errors import reply_of
from qtui_workers.text import decode, encode

PAGE: Final = 5_000
"""Ids of one page."""
MOST_AHEAD: Final = 4
"""Pages read in one round trip at most: about 5 ms of server time."""


def pages(client: redis.Redis, queue: str, status: Status) -> Iterator[list[str]]:
    """The ids, the newest first, each once, in pages of at most `PAGE`; several pages a round trip where there are many.

    They are read from the newest to the oldest: if a job leaves the old end meanwhile, no other job is missed, and if one
    is added at the new end, some are read twice and given once. A key of the wrong type holds none.
    """
    key = encode(place(queue, status))
    seen: set[str] = set()
    start, ahead = 0, 1
    while True:
        for members in _pages(client, key, status, [start + PAGE * number for number in range(ahead)]):
            found = dict.fromkeys(_job_id(member, status) for member in members)
            yield [job_id for job_id in found if job_id not in seen]
            if len(members) < PAGE:
                return
            seen.update(found)
        start += PAGE * ahead
        ahead = min(MOST_AHEAD, 2 * ahead)


def oldest_first(client: redis.Redis, queue: str, status: Status) -> tuple[str, ...]:
    """All ids, the oldest first."""
    return tuple(reversed([job_id for page in pages(client, queue, status) for job_id in page]))


def _job_id(member: bytes, status: Status) -> str:
    """The job's id in a member of a list or registry; in the registry of running jobs, the id of the execution follows it."""
    text = decode(member)
    return text.rpartition(":")[0] or text if status.runs else text


def _pages(client: redis.Redis, key: bytes, status: Status, starts: list[int]) -> Iterator[list[bytes]]:
    """The pages that begin at these ranks, 0 the newest, in one round trip."""
    with client.pipeline(transaction=False) as pipe:
        for start in starts:
            if status.place == "queue":
                pipe.lrange(key, -(start + PAGE), -(start + 1))
            else:
                pipe.zrevrange(key, start, start + PAGE - 1)
        for reply in pipe.execute(raise_on_error=False):
            page: list[bytes] = reply_of(reply) or []
            yield page[::-1] if status.place == "queue" else page
