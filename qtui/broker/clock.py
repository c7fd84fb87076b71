"""The time of the server; where the server refuses to give it, that of our own clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtui_workers.records import Record
from qtui_workers.server.replies import unless_refused

if TYPE_CHECKING:
    import redis


class ServerTime(Record):
    """A time that was read from the server, in seconds since the epoch."""

    seconds: float
    is_own: bool
    """Whether it is by our own clock: ages are wrong by as much as the two clocks differ."""


def of_reply(reply: Any) -> ServerTime:
    """The time in a reply to TIME, in whose place an error may be (`execute(raise_on_error=False)`), or nothing (in a script).

    A user or a proxy may refuse TIME; raises any other error.
    """
    parts = unless_refused(reply)
    if not parts:
        return ServerTime(time.time(), is_own=True)
    seconds, micros = map(int, parts)
    return ServerTime(seconds + micros / 1e6, is_own=False)


def now(client: redis.Redis) -> ServerTime:
    """The time of this server; one round trip. Raises redis.RedisError where it cannot answer."""
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        return of_reply(*pipe.execute(raise_on_error=False))
