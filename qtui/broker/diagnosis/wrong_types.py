"""Keys of another type than RQ and our workers make them: something else has written them, and what is in them cannot be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import redis

from qtui.broker.lists import jobs
from qtui.broker.status import COUNTED
from qtui_workers.server import keys
from qtui_workers.text import decode, encode

OF_ALL: Final = {
    keys.QUEUES: "set", keys.WORKERS: "set", keys.PAUSED: "set", keys.HOLDS: "hash", keys.TRASH: "zset", keys.AUDIT: "stream",
    keys.EVENTS: "stream", keys.ACKNOWLEDGED: "hash", keys.LIMITS: "hash", keys.LIMITERS: "set", keys.RATE_LIMIT_KEYS: "set",
    keys.CRON_SCHEDULERS: "zset", keys.CRON_JOBS: "zset",
}  # fmt: skip
"""The type of each key that there is once."""


@dataclass(frozen=True, slots=True)
class WrongType:
    """Such a key."""

    key: str
    queue: str | None
    """The queue to which it belongs; None: it belongs to all."""
    is_of: str
    """Its type, in the words of TYPE."""
    wanted: str

    @property
    def sentence(self) -> str:
        """What is wrong, without a full stop."""
        return f"{self.key} is a {self.is_of}, not a {self.wanted}: what belongs there is not seen and cannot be written"


def find(client: redis.Redis, queues: Iterable[str]) -> list[WrongType]:
    """Those among the keys of these queues and of all together; one round trip. Raises redis.RedisError."""
    wanted: list[tuple[str, str | None, str]] = [(key, None, kind) for key, kind in OF_ALL.items()]
    wanted += [each for queue in queues for each in _of_queue(queue)]
    with client.pipeline(transaction=False) as pipe:
        for key, _, _ in wanted:
            pipe.type(encode(key))
        types = map(decode, pipe.execute())
    return [
        WrongType(key, queue, is_of, kind)
        for (key, queue, kind), is_of in zip(wanted, types, strict=True)
        if is_of not in (kind, "none")
    ]


def _of_queue(queue: str) -> Iterator[tuple[str, str | None, str]]:
    yield keys.queue_workers(queue), queue, "set"
    for status in COUNTED:
        yield jobs.place(queue, status), queue, "list" if status.place == "queue" else "zset"
