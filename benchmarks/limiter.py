"""Limiters side by side: the strictness, the share of the rate that they let through, and what waiting costs.

`python benchmarks/limiter.py --peers /a/venv/bin/python` starts a server of its own and, for each limiter and limit,
some processes that all begin at one moment, and always want more, or come together in bursts with pauses between them.
Rows of what is not installed there are left out. A start counts when the code that was waiting goes on; a window is
*over* where it begins at a start and holds more than max. The share of the rate tells something only where work always waits.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent
PER = 1.0
LEAST_WAIT = 0.001
BURST, EVERY = 0.6, 1.9
"""Seconds: how long a burst lasts, and from one to the next."""


def wait_until(at: float) -> None:
    time.sleep(max(LEAST_WAIT, at - time.time()))


# A row each: makes the function that returns when the next start is allowed. They run in a process of their own.


def qtui_acquire(url: str, most: int) -> Callable[[], object]:
    import redis

    from workers.limit import Limit
    from workers.limiter import Limits

    limits, limit = Limits(redis.Redis.from_url(url)), Limit(most, PER, "bench")

    def allowed() -> None:
        with limits.acquire(limit):
            pass

    return allowed


def limits_by(strategy: str) -> Callable[[str, int], Callable[[], object]]:
    def make(url: str, most: int) -> Callable[[], object]:
        from limits import RateLimitItemPerSecond, strategies
        from limits.storage import storage_from_string

        storage: Any = storage_from_string(url.replace("unix://", "redis+unix://"))
        limiter, item = getattr(strategies, strategy)(storage), RateLimitItemPerSecond(most)

        def allowed() -> None:
            while not limiter.hit(item, "bench"):
                wait_until(limiter.get_window_stats(item, "bench").reset_time)

        return allowed

    return make


def pyrate(url: str, most: int) -> Callable[[], object]:
    import redis
    from pyrate_limiter import Limiter, Rate, RedisBucket

    bucket: Any = RedisBucket.init([Rate(most, int(PER * 1000))], redis.Redis.from_url(url), "bench")
    limiter = Limiter(bucket)
    return lambda: limiter.try_acquire("bench", blocking=True)


def throttled_by(algorithm: str) -> Callable[[str, int], Callable[[], object]]:
    def make(url: str, most: int) -> Callable[[], object]:
        from throttled import Throttled, rate_limiter, store

        throttle = Throttled(
            key="bench", using=algorithm, quota=rate_limiter.per_sec(most, burst=most), store=store.RedisStore(server=url)
        )

        def allowed() -> None:
            while (answer := throttle.limit()).limited:
                time.sleep(max(LEAST_WAIT, answer.state.retry_after))

        return allowed

    return make


ROWS: dict[str, Callable[[str, int], Callable[[], object]]] = {
    "qtui, Limits.acquire": qtui_acquire,
    "limits, moving window": limits_by("MovingWindowRateLimiter"),
    "limits, sliding counter": limits_by("SlidingWindowCounterRateLimiter"),
    "limits, fixed window": limits_by("FixedWindowRateLimiter"),
    "pyrate-limiter, log": pyrate,
    "throttled-py, GCRA": throttled_by("gcra"),
    "throttled-py, token bucket": throttled_by("token_bucket"),
}
CLAIM = "qtui, a worker's claim"


def child(row: str, url: str, most: int, begin: float, seconds: float, pattern: str) -> None:
    """Prints the time of each start, in ns."""
    lines = [str(at) for at in starts(row, url, most, begin, seconds, pattern) if at < (begin + seconds) * 1e9]
    print("\n".join(lines), flush=True)


def starts(row: str, url: str, most: int, begin: float, seconds: float, pattern: str) -> Iterator[int]:
    if row == CLAIM:
        yield from claimed(url, begin, seconds)
        return
    allowed = ROWS[row](url, most)
    wait_until(begin)
    while (now := time.time()) < begin + seconds:
        if pattern == "bursts" and (phase := (now - begin) % EVERY) > BURST:
            wait_until(now + EVERY - phase)
        allowed()
        yield time.time_ns()


def claimed(url: str, begin: float, seconds: float) -> Iterator[int]:
    """Jobs of a queue, which start up to 2 ms after their claim, as those of a worker whose processes are there already."""
    import redis

    from tests.workers.limited import starts_by_claim

    with redis.Redis.from_url(url) as client:
        wait_until(begin)
        yield from (int(line.split()[0]) for line in starts_by_claim(client, "bench", seconds, 0.002, 0.0))


# The parent


def measure(row: str, python: str, most: int, processes: int, seconds: float, pattern: str) -> tuple[float, ...] | None:
    """Windows over, the fullest, the share of the rate, round trips a second; None where the limiter is not installed."""
    from tests.support import Server
    from tests.workers.limited import busiest, times, used

    with TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {"appendonly": "yes", "appendfsync": "no"})
        server.start()
        begin = time.time() + 4
        command = [python, __file__, "--child", row, server.url, str(most), str(begin), str(seconds), pattern]
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={"PYTHONPATH": str(ROOT)})
            for _ in range(processes)
        ]
        try:
            trips = round_trips(server, row, most, begin, seconds)
            found = times([process.communicate(timeout=seconds + 10)[0].splitlines() for process in running])
        finally:
            for process in running:
                process.kill()
            server.kill()
    return (over(found, most), busiest(found, PER), used(found, most, PER), trips) if found else None


def round_trips(server: Any, row: str, most: int, begin: float, seconds: float) -> float:
    """A second, in the third quarter of the run; puts jobs into the queue where they are what is limited."""
    from tests.workers.limited import fill
    from tests.workers.test_limiter import enter
    from workers.limit import Limit

    with server.client() as client:
        if row == CLAIM:
            enter(client, Limit(most, PER, "bench"))
            fill(client, "bench", int(most * seconds * 2))
        wait_until(begin + seconds / 2)
        before = reads(client)
        wait_until(begin + seconds * 3 / 4)
        return (reads(client) - before) / (seconds / 4)


def compare(most: int, pattern: str, wanted: argparse.Namespace) -> None:
    """Prints a row for each limiter that is there."""
    ours = 0.0
    for row in ROWS if pattern == "bursts" else (CLAIM, *ROWS):
        python = sys.executable if row.startswith("qtui") else wanted.peers
        results = [measure(row, python, most, wanted.processes, wanted.seconds, pattern) for _ in range(wanted.runs)]
        known = [result for result in results if result]
        if not known:
            continue
        windows, fullest, share, trips = (statistics.median(figures) for figures in zip(*known, strict=True))
        ours = ours or share
        rate = f"{share:>9.2%} | {share / ours:>10.3f}x" if pattern == "waits" else f"{'':>9} | {'':>11}"
        limit = f"{most} per {PER:g} s"
        print(
            f"| {row:<26} | {limit:<10} | {pattern:<6} | {windows:>12g} | {fullest:>7g} | {rate} | {trips:>13.0f} |", flush=True
        )


def over(found: list[int], most: int) -> int:
    return sum(later - earlier < PER * 1e9 for earlier, later in zip(found, found[most:], strict=False))


def reads(client: Any) -> int:
    return int(client.info("stats")["total_reads_processed"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has limits, pyrate-limiter and throttled-py")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        row, url, most, begin, seconds, pattern = wanted.child
        return child(row, url, int(most), float(begin), float(seconds), pattern)
    print(f"{wanted.processes} processes, {wanted.seconds:g} s, medians of {wanted.runs}")
    print(
        "| limiter                    | limit      | work   | windows over | fullest | rate used | beside ours | round trips/s |"
    )
    print(
        "|----------------------------|------------|--------|--------------|---------|-----------|-------------|---------------|"
    )
    for most in (5, 50):
        for pattern in ("waits", "bursts"):
            compare(most, pattern, wanted)
    return None


if __name__ == "__main__":
    main()
