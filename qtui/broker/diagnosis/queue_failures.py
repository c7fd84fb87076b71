"""Why the newest failed jobs of a queue failed: a bounded look, made again where there are other failures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import redis

from qtui.broker.diagnosis import acknowledged
from qtui.broker.diagnosis.acknowledged import Acknowledgement, State
from qtui.broker.lists import jobs
from qtui.broker.search.candidate import ERROR, MOMENT
from qtui.broker.search.groups import Group, causes_of
from qtui.broker.search.scan import read
from qtui.broker.status import Status
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.text import decode, encode

NEWEST: Final = 100
"""This many failed jobs are looked at, the newest."""
EVERY: Final = 5.0
"""Seconds between two looks at the same queue."""
SHARE: Final = 20
"""A look waits at least so many times as long as the one before took."""


@dataclass(frozen=True, slots=True)
class QueueFailures:
    """The causes of the newest failures of a queue, the most frequent first."""

    queue: str
    total: int
    """How many failed jobs there were."""
    read: int
    """How many of them were looked at, the newest."""
    causes: tuple[Group, ...]
    known: dict[str, Acknowledgement]

    @property
    def is_whole(self) -> bool:
        """Whether all failed jobs were looked at."""
        return self.read >= self.total

    def state(self, cause: Group) -> State:
        """Whether people know the cause."""
        return acknowledged.state(self.known.get(cause.value or ""), cause.hours)


class FailureLooks:
    """Looks at the failures of one queue after the other; only one thread at a time may."""

    def __init__(self) -> None:
        self._last: QueueFailures | None = None
        self._failed = 0
        """How many failed jobs there were to be at the last look."""
        self._next = 0.0

    def forget(self) -> None:
        """The next look is a new one."""
        self._last = None

    def load(self, client: redis.Redis, queue: str, failed: int) -> QueueFailures | None:
        """The causes where the queue has so many failed jobs; None where it has none.

        No round trip if they are as many as at the last look, or it was not long ago; else two.
        """
        last = self._last if self._last and self._last.queue == queue else None
        if not failed:
            return None
        if last is None or (self._failed != failed and time.monotonic() >= self._next):
            began = time.monotonic()
            last, self._failed = _look(client, queue, failed), failed
            self._last = last
            self._next = began + max(EVERY, SHARE * (time.monotonic() - began))
        return last


def _look(client: redis.Redis, queue: str, failed: int) -> QueueFailures:
    with client.pipeline(transaction=False) as pipe:
        pipe.zrevrange(encode(jobs.place(queue, Status.FAILED)), 0, NEWEST - 1)
        pipe.hgetall(keys.ACKNOWLEDGED)
        newest, known = (reply_of(reply) for reply in pipe.execute(raise_on_error=False))
    ids = [(decode(member), queue) for member in newest or ()]
    return QueueFailures(
        queue,
        max(failed, len(ids)),
        len(ids),
        causes_of(read(client, ids, ERROR | MOMENT, failed=True)),
        acknowledged.of(known or {}),
    )
