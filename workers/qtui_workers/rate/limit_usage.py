"""The usage of a limiter at one moment: read with plain commands that write nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import redis

from qtui_workers.server import keys
from qtui_workers.server.rq_format import parse_number
from qtui_workers.text import decode, printable

_MICRO: Final = 1_000_000
_MOST: Final = 10_000
_LONGEST: Final = 86_400 * _MICRO
_LONGEST_CLOSED: Final = 30 * _LONGEST
_AHEAD: Final = 6 * _MICRO
"""A time that is further ahead of the clock than this and a window is corrected by `lua/limit.lua` at the next claim."""


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """One limiter at one moment."""

    name: str
    max: int
    per: float
    """Seconds."""
    used: int
    """Slots taken in the window that ends now."""
    next_free_in: float
    """Seconds until the next start is allowed; 0: it is allowed now."""
    next_free_at: datetime
    """The same as a time of the server's clock, in UTC."""
    waiting: int
    """Jobs in the limiter's queues, and callers of `Limits.acquire`."""
    closed_until: datetime | None = None
    """Until when `Limits.close` has closed it, in UTC; None: it is open."""
    closed_because: str | None = None
    """Why, in the words of the program that closed it."""


def read_usages(connection: redis.Redis, names: list[str]) -> list[LimitUsage]:
    """The usage of those of the named limiters that exist, in the same order; two round trips.

    Raises redis.RedisError as any command does.
    """
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(keys.LIMITS)
        for name in names:
            pipe.hmget(keys.limit(name), "max", "per_us", "open_at", "closed_until", "closed_because")
        (seconds, micros), mapped, *hashes = pipe.execute()
    numbers = {name: read for name, raw in zip(names, hashes, strict=True) if (read := _numbers(raw))}
    now = seconds * _MICRO + micros
    states = []
    with connection.pipeline(transaction=False) as pipe:
        queues = {name: _queues_of(name, mapped) for name in numbers}
        for name, (most, per, *_) in numbers.items():
            pipe.zcount(keys.limit_log(name), f"({now - per}", "+inf")
            pipe.zrevrange(keys.limit_log(name), most - 1, most - 1, withscores=True)
            pipe.zcount(keys.limit_waiting(name), now, "+inf")
            for queue in queues[name]:
                pipe.llen(keys.queue(queue))
        replies = iter(pipe.execute())
    reasons = {name: decode(raw[4]) for name, raw in zip(names, hashes, strict=True)}
    for name, (most, per, open_at, closed) in numbers.items():
        used, edge, callers = next(replies), next(replies), next(replies)
        free = int(min(max(now, open_at, edge[0][1] + per if edge else 0), now + per + _AHEAD))
        jobs = sum(next(replies) for _ in queues[name])
        until = why = None
        if now < closed <= now + _LONGEST_CLOSED:
            free, until, why = max(free, closed), _moment(closed), printable(reasons[name], 300) or None
        wait = (free - now) / _MICRO
        states.append(LimitUsage(name, most, per / _MICRO, min(used, most), wait, _moment(free), callers + jobs, until, why))
    return states


def _queues_of(name: str, mapped: Mapping[bytes, bytes]) -> list[str]:
    return [decode(queue) for queue, limiter in mapped.items() if decode(limiter) == name]


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / _MICRO, UTC)


def _numbers(raw: list[bytes | None]) -> tuple[int, int, int, int] | None:
    """max, per, and the times at which it opens and until which it is closed, in µs; None where the hash does not hold them."""
    most, per, open_at, closed = (parse_number(number) for number in (raw[0], raw[1], raw[2] or b"0", raw[3] or b"0"))
    if most is None or per is None or open_at is None or not (1 <= most <= _MOST and 1 <= per <= _LONGEST):
        return None
    return int(most), int(per), int(open_at), int(closed or 0)
