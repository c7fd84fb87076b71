"""What holds jobs back: rate limits, RQ's concurrency limits, paused queues, and held functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import redis

from qtui.broker import holds
from qtui.broker.holds import Held
from qtui_workers.enqueue import pause
from qtui_workers.rate.limit_usage import LimitUsage
from qtui_workers.rate.limiter import Limits
from qtui_workers.reading.hold import Hold
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.rq_format import parse_int
from qtui_workers.text import decode, encode

Kind = Literal["rate", "concurrency", "paused", "held"]
KINDS: Final[dict[Kind, str]] = {
    "rate": "at most so many starts in a time, over all qtui-workers",
    "concurrency": "at most so many queued or running at once, RQ's own",
    "paused": "no qtui-worker takes jobs from the queue",
    "held": "no qtui-worker runs such jobs: they wait until it is released",
}
"""What each kind does, in words."""


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One thing that holds jobs back."""

    kind: Kind
    name: str
    used: int | None = None
    most: int | None = None
    """None: not known, as for a paused queue."""
    per: float | None = None
    """Seconds; None for what is not about a time."""
    waiting: int | None = None
    """How many jobs wait for it."""
    free_in: float | None = None
    """Seconds until the next job may start, 0: now; None: not known."""
    closed_until: float | None = None
    because: str | None = None
    hold: Hold | None = None
    """Of what is held."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing starts until somebody, or a set time, opens it again."""
        return self.kind in ("paused", "held") or self.closed_until is not None

    @property
    def fraction(self) -> float | None:
        """How much of it is used, 0 to 1; None if not known."""
        return min(1.0, self.used / self.most) if self.most and self.used is not None else None


def load(client: redis.Redis) -> tuple[LimitRow, ...]:
    """Everything that holds jobs back, by kind and name, in about ten round trips.

    Raises redis.RedisError if the server cannot answer, or refuses a command.
    """
    return (*map(_of_rate, Limits(client).states()), *_concurrency(client), *_paused(client), *map(_of_held, holds.load(client)))


def _of_rate(usage: LimitUsage) -> LimitRow:
    return LimitRow(
        "rate",
        usage.name,
        usage.used,
        usage.max,
        usage.per,
        usage.waiting,
        usage.next_free_in,
        usage.closed_until.timestamp() if usage.closed_until else None,
        usage.closed_because,
    )


def _of_held(found: Held) -> LimitRow:
    return LimitRow("held", found.hold.text, waiting=found.count, because=found.hold.reason or None, hold=found.hold)


def _concurrency(client: redis.Redis) -> Iterator[LimitRow]:
    names = sorted(map(decode, client.smembers(keys.RATE_LIMIT_KEYS)))
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hget(encode(keys.rate_limit(name)), "concurrency")
            pipe.zcard(encode(keys.rate_limit_allowed(name)))
            pipe.zcard(encode(keys.rate_limited(name)))
        replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
    for name, most, used, waiting in zip(names, replies[::3], replies[1::3], replies[2::3], strict=True):
        yield LimitRow("concurrency", name, used or 0, parse_int(most), None, waiting or 0)


def _paused(client: redis.Redis) -> Iterator[LimitRow]:
    names = sorted(pause.paused(client))
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(encode(keys.queue(name)))
        replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
    for name, waiting in zip(names, replies, strict=True):
        yield LimitRow("paused", name, waiting=waiting or 0)
