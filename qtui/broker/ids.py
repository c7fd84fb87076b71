"""Reads the ids of a queue's list or registry: all of them once, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import redis

from qtui.broker.jobs import place
from qtui.broker.status import Status
from qtui_workers.server.replies import reply_of
from qtui_workers.text import decode, encode

PAGE: Final = 5_000
"""Ids of one page."""
MOST_AHEAD: Final = 4
"""Pages read in one round trip at most: about 5 ms of server time."""


def pages(client: redis.Redis, queue: str, status: Status) -> Iterator[list[bytes]]:
    """The ids, the newest first, each once, in pages of at most `PAGE`; several pages a round trip where there are many.

    They are read from the newest to the oldest: if a job leaves the old end meanwhile, no other job is missed, and if fewer
    than `PAGE` are added at the new end from page to page, those that are read twice are given once. A key of the wrong type
    holds none.
    """
    key = encode(place(queue, status))
    before: set[bytes] = set()
    start, ahead = 0, 1
    while True:
        for members in _pages(client, key, status, [start + PAGE * number for number in range(ahead)]):
            found = dict.fromkeys([member.rpartition(b":")[0] or member for member in members] if status.runs else members)
            yield [job_id for job_id in found if job_id not in before] if before else list(found)
            if len(members) < PAGE:
                return
            before = set(found)
        start += PAGE * ahead
        ahead = min(MOST_AHEAD, 2 * ahead)


def oldest_first(client: redis.Redis, queue: str, status: Status) -> tuple[str, ...]:
    """All ids, the oldest first, each once."""
    found = dict.fromkeys(job_id for page in pages(client, queue, status) for job_id in page)
    return tuple(map(decode, reversed(found)))


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
