"""Orphans: jobs that wait by what their hash says, but that no list holds, so that nobody will ever run them.

A plain worker that listens to several queues leaves one where it dies between taking a job and starting it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import redis

from qtui.broker import rows
from qtui.broker.lists import ids
from qtui.broker.models import JobRow
from qtui.broker.operations import Operation
from qtui.broker.status import Status, parse
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, encode

WAITING: Final = (Status.QUEUED, Status.SCHEDULED)
"""What a worker or a scheduler finds in a list only."""
BLOCK: Final = 1_000
"""Keys that are read in one round trip."""
MOST: Final = 1_000
"""At most so many are found."""
STARTING: Final = 2.0
"""Seconds within which a worker that has taken a job has started it."""

PUT_BACK: Final = Operation(
    name="orphans",
    title="Put back",
    past="put at the head of their queues",
    key="B",
    hint="Jobs that no list holds go to the head of their queue",
    statuses=WAITING,
    enqueues=True,
    to_head=True,
    script=Script.load("adopt", "qtui.broker"),
)


@dataclass(frozen=True, slots=True)
class Orphans:
    """What was found."""

    jobs: tuple[JobRow, ...]
    """The oldest first."""
    scanned: int
    """How many jobs were looked at."""
    complete: bool
    """Whether these were all of them; it ends where `MOST` are found, or when it is stopped."""


def find(
    client: redis.Redis,
    *,
    starting: float = STARTING,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], object] = lambda _scanned: None,
) -> Orphans:
    """Read the status of every job, and look for those that wait in their list; it writes nothing.

    What is not there is looked for once more after `starting` seconds, as a worker may just have taken it. `on_progress` is
    called after each block with how many jobs were read.
    """
    listed: dict[str, frozenset[str]] = {}
    suspects: list[tuple[str, str]] = []
    scanned, complete = 0, True
    for found in _jobs(client):
        scanned += len(found)
        on_progress(scanned)
        suspects += _missing(client, [each for each in found if each[2] in WAITING], listed)
        if stop() or len(suspects) >= MOST:
            complete = False
            break
    if suspects:
        time.sleep(starting)
    named = rows.named(client, list(_still(client, suspects)))
    return Orphans(tuple(sorted(named, key=lambda row: row.enqueued_at or row.created_at or 0.0)), scanned, complete)


def _jobs(client: redis.Redis) -> Iterator[list[tuple[str, str, Status | None]]]:
    """The id, queue and status of all jobs, a block after the other."""
    cursor = None
    while cursor != 0:
        cursor, page = client.scan(cursor or 0, match=keys.job("*"), count=BLOCK, _type="hash")
        with client.pipeline(transaction=False) as pipe:
            for key in page:
                pipe.hmget(key, ["origin", "status"])
            replies = [reply_of(reply) or (None, None) for reply in pipe.execute(raise_on_error=False)] if page else []
        names = (decode(key).removeprefix(keys.JOB_PREFIX) for key in page)
        yield [(name, decode(origin), parse(decode(status))) for name, (origin, status) in zip(names, replies, strict=True)]


def _missing(
    client: redis.Redis, found: Sequence[tuple[str, str, Status | None]], listed: dict[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    """Those that are not where they wait; `listed` keeps what the lists of queues held when they were first read."""
    for job_id, queue, status in found:
        if queue and status:
            place = f"{status} {queue}"
            if place not in listed:
                listed[place] = frozenset(ids.oldest_first(client, queue, status))
            if job_id not in listed[place]:
                yield job_id, queue


def _still(client: redis.Redis, suspects: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Those that still wait, and that no list holds."""
    for job_id, queue in suspects:
        with client.pipeline(transaction=True) as pipe:
            pipe.hget(encode(keys.job(job_id)), "status")
            for place in (keys.queue(queue), keys.intermediate(queue)):
                pipe.execute_command("LPOS", encode(place), encode(job_id))  # type: ignore[no-untyped-call]  # redis-py's
            pipe.zscore(encode(keys.registry("scheduled", queue)), encode(job_id))
            status, *places = (reply_of(reply) for reply in pipe.execute(raise_on_error=False))
        if parse(decode(status)) in WAITING and all(place is None for place in places):
            yield job_id, queue
