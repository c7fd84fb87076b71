"""Reads the ids of a queue's list or registry: all of them once, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import redis

from qtui.broker.lists.jobs import place
from qtui.broker.status import Status
from qtui_workers.server.replies import reply_of
from qtui_workers.text import decode, encode

PAGE: Final = 5_000
"""Ids of one page."""
MOST_AHEAD: Final = 4
"""Pages read in one round trip at most: about 5 ms of server time."""


Page = dict[bytes, float | None]
"""Ids, the newest first, each with its score, where no field of the job says since when or for when it is there; else None."""


def pages(client: redis.Redis, queue: str, status: Status) -> Iterator[Page]:
    """The ids, the newest first, each once, in pages of at most `PAGE`; several pages a round trip where there are many.

    They are read from the newest to the oldest: if a job leaves the old end meanwhile, no other job is missed, and if fewer
    than `PAGE` are added at the new end from page to page, those that are read twice are given once. A key of the wrong type
    holds none.
    """
    key = encode(place(queue, status))
    before: Page = {}
    start, ahead = 0, 1
    while True:
        for number, page in _pages(client, key, status, [start + PAGE * number for number in range(ahead)]):
            yield {job_id: score for job_id, score in page.items() if job_id not in before} if before else page
            if number < PAGE:
                return
            before = page
        start += PAGE * ahead
        ahead = min(MOST_AHEAD, 2 * ahead)


def oldest_first(client: redis.Redis, queue: str, status: Status) -> tuple[str, ...]:
    """All ids, the oldest first, each once."""
    found = dict.fromkeys(job_id for page in pages(client, queue, status) for job_id in page)
    return tuple(map(decode, reversed(found)))


def _pages(client: redis.Redis, key: bytes, status: Status, starts: list[int]) -> Iterator[tuple[int, Page]]:
    """The pages that begin at these ranks, 0 the newest, and how many entries each was made of; in one round trip."""
    with_scores = status.place == "registry" and status.time is None
    with client.pipeline(transaction=False) as pipe:
        for start in starts:
            if status.place == "queue":
                pipe.lrange(key, -(start + PAGE), -(start + 1))
            else:
                pipe.zrevrange(key, start, start + PAGE - 1, withscores=with_scores)
        for reply in pipe.execute(raise_on_error=False):
            found: list[Any] = reply_of(reply) or []
            if status.place == "queue":
                found.reverse()
            elif status.runs:
                found = [member.rpartition(b":")[0] or member for member in found]
            yield len(found), dict(found) if with_scores else dict.fromkeys(found)
