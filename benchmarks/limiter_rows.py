"""The limiters of the table, each a process that notes its starts.

`python limiter_rows.py ROW URL MAX BEGIN SECONDS PATTERN FILE`
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

PER: Final = 1.0
LEAST_WAIT: Final = 0.001
BURST, EVERY = 0.6, 1.9
"""Seconds: how long those who only wait want something, and from one time to the next."""

Allowed = Callable[[], object]
"""Returns when the next start is allowed."""


def wait_until(at: float) -> None:
    time.sleep(max(LEAST_WAIT, at - time.time()))


def note_start(file: str) -> None:
    """A job of the worker's row; each line is one write to a file opened for appending, so that lines do not mix."""
    at = time.time_ns()
    place = os.open(file, os.O_WRONLY | os.O_APPEND)
    os.write(place, b"%d\n" % at)
    os.close(place)


def qtui_acquire(url: str, most: int) -> Allowed:
    import redis

    from qtui_workers.define.limit import Limit
    from qtui_workers.rate.limiter import Limits

    limits, limit = Limits(redis.Redis.from_url(url)), Limit(most, PER, "bench")

    def allowed() -> None:
        with limits.acquire(limit):
            pass

    return allowed


def limits_by(strategy: str) -> Callable[[str, int], Allowed]:
    def make(url: str, most: int) -> Allowed:
        from limits import RateLimitItemPerSecond, strategies
        from limits.storage import storage_from_string

        storage: Any = storage_from_string(url.replace("unix://", "redis+unix://"))
        limiter, item = getattr(strategies, strategy)(storage), RateLimitItemPerSecond(most)

        def allowed() -> None:
            while not limiter.hit(item, "bench"):
                wait_until(limiter.get_window_stats(item, "bench").reset_time)

        return allowed

    return make


def pyrate(url: str, most: int) -> Allowed:
    import redis
    from pyrate_limiter import Limiter, Rate, RedisBucket

    bucket: Any = RedisBucket.init([Rate(most, int(PER * 1000))], redis.Redis.from_url(url), "bench")
    limiter = Limiter(bucket)
    return lambda: limiter.try_acquire("bench", blocking=True)


def throttled_by(algorithm: str) -> Callable[[str, int], Allowed]:
    def make(url: str, most: int) -> Allowed:
        from throttled import Throttled, rate_limiter, store

        throttle = Throttled(
            key="bench", using=algorithm, quota=rate_limiter.per_sec(most, burst=most), store=store.RedisStore(server=url)
        )

        def allowed() -> None:
            while (answer := throttle.limit()).limited:
                time.sleep(max(LEAST_WAIT, answer.state.retry_after))

        return allowed

    return make


CALLERS: Final[dict[str, Callable[[str, int], Allowed]]] = {
    "qtui, limits.acquire": qtui_acquire,
    "limits, moving window": limits_by("MovingWindowRateLimiter"),
    "limits, sliding counter": limits_by("SlidingWindowCounterRateLimiter"),
    "limits, fixed window": limits_by("FixedWindowRateLimiter"),
    "pyrate-limiter, log": pyrate,
    "throttled-py, GCRA": throttled_by("gcra"),
    "throttled-py, token bucket": throttled_by("token_bucket"),
}
"""What a caller waits for in its own code."""


def call(row: str, url: str, most: int, begin: float, seconds: float, pattern: str, file: str) -> None:
    """Starts as often as it is allowed, always or in bursts, and notes it."""
    allowed = CALLERS[row](url, most)
    wait_until(begin)
    while (now := time.time()) < begin + seconds:
        if pattern == "bursts" and (phase := (now - begin) % EVERY) > BURST:
            wait_until(now + EVERY - phase)
        allowed()
        note_start(file)


if __name__ == "__main__":
    row, url, most, begin, seconds, pattern, file = sys.argv[1:]
    call(row, url, int(most), float(begin), float(seconds), pattern, file)
