"""Processes that share a limiter, as a worker's claim or as `Limits.acquire` does, and note when they start.

`python -m tests.workers.limited MODE URL LIMITER SECONDS …` prints a line for each start: ns of the machine's clock.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import redis

from qtui_workers.define.limit import Limit
from qtui_workers.rate.limiter import Limits, LimitTimeout, in_time, limits
from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from tests import launcher
from tests.launcher import Started
from tests.support import Server
from tests.workers.support import environment

CLAIM = Script(
    """
-- requires: limit
-- arguments: queue, declared, token
local queue, now = keys.queue(args.queue), now_us()
if redis.call('LLEN', queue) == 0 then return {-1} end
local limit = limits()
local limiter = limit.of_queue(args.queue, args.declared, now)
local wait = limiter and limit.wait_us(limiter, now) or 0
if wait > 0 then return {wait} end
local id = redis.call('LPOP', queue)
if limiter then limit.admit(limiter, args.token, now) end
return {0, id, limiter and limiter.name}
"""
)
"""The least that a worker's claim does: a job, or how long to wait for one (µs; -1: for a job to come)."""

_pause = Event()


def polite(name: str) -> str:
    """A job that asks a limiter of its own Redis."""
    with limits.acquire(Limit(1, 60, name), timeout=0):
        return "asked"


def polite_for_long(name: str) -> str:
    """A job that waits for a limiter as long as it takes."""
    with limits.acquire(name):
        return "asked"


def claim(client: redis.Redis, queue: str, declared: str = "") -> tuple[float, str, str, str, float]:
    """Seconds to wait, the job's id, the limiter, the token, and when it was asked for."""
    asked, token = time.monotonic(), uuid4().hex
    wait, *taken = CLAIM.run(client, queue=queue, declared=declared, token=token)
    job, name = (part.decode() if part else "" for part in (*taken, None, None)[:2])
    return wait / 1e6, job, name, token, asked


def starts_by_claim(client: redis.Redis, queue: str, seconds: float, delay: float, lost: float) -> Iterable[str]:
    """Jobs start up to `delay` seconds after their claim; that share of the reports is lost."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        wait, job, name, token, asked = claim(client, queue)
        if not job:
            _pause.wait(min(wait, max(0.0, end - time.monotonic())) if wait > 0 else 0.05)
            continue
        _pause.wait(random.random() * delay)
        if name and not in_time(asked):
            Limits(client).admit(name, token)
        yield f"{time.time_ns()} {job}"
        if name and random.random() >= lost:
            Limits(client).started(name, token)


def starts_by_acquire(client: redis.Redis, name: str, seconds: float, *steady: str) -> Iterable[str]:
    """As fast as the limiter lets; `steady`: after a random pause of up to so many seconds."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if steady:
            _pause.wait(random.random() * float(steady[0]))
        try:
            with Limits(client).acquire(name, timeout=left):
                yield str(time.time_ns())
        except LimitTimeout:
            return


@dataclass(frozen=True)
class Starter:
    """One process, and the file that it prints to."""

    process: Started
    printed: Path


def start(server: Server, home: Path, *arguments: Any, **extra: str) -> Starter:
    """One process; `extra` is for its environment."""
    mode, *rest = map(str, arguments)
    printed = home / uuid4().hex
    with Path(os.devnull).open("rb") as nothing, printed.open("wb") as output, (home / "errors").open("ab") as errors:
        files = [nothing, output, errors]
        process = launcher.start("tests.workers.limited", [mode, server.url, *rest], environment(home, **extra), files)
    return Starter(process, printed)


def outcome(starters: Sequence[Starter]) -> list[list[str]]:
    """What each printed, once all have ended well."""
    assert [starter.process.wait(120) for starter in starters] == [0] * len(starters)
    return [starter.printed.read_text().splitlines() for starter in starters]


def times(printed: Iterable[Iterable[str]]) -> list[int]:
    """All starts in order, in ns."""
    return sorted(int(line.split()[0]) for lines in printed for line in lines if line)


def busiest(starts: Sequence[int], per: float) -> int:
    """The most starts (sorted, in ns) that any window of `per` seconds holds, its end excluded."""
    most = first = 0
    for last, at in enumerate(starts):
        while at - starts[first] >= per * 1e9:
            first += 1
        most = max(most, last - first + 1)
    return most


def used(starts: Sequence[int], limit: int, per: float) -> float:
    """The share of the allowed rate, while work waits: `per` beside the mean time until a slot is used again."""
    spans = [later - earlier for earlier, later in zip(starts, starts[limit:], strict=False)]
    assert len(spans) > limit, f"only {len(starts)} starts"
    return per * 1e9 / (sum(spans) / len(spans))


def fill(client: redis.Redis, queue: str, count: int) -> None:
    """Numbers in place of jobs, to see their order."""
    client.rpush(keys.queue(queue), *range(count))


def main() -> None:
    mode, url, name, seconds, *rest = sys.argv[1:]
    if offset := float(os.environ.get("QTUI_TEST_CLOCK", "0")):
        real, monotonic = time.time, time.monotonic
        time.time = lambda: real() + offset
        time.monotonic = lambda: monotonic() + abs(offset)  # whose zero differs from machine to machine
    lines = []
    with redis.Redis.from_url(url) as client:
        if mode == "claim":
            lines += starts_by_claim(client, name, float(seconds), float(rest[0]), float(rest[1]))
        else:
            lines += starts_by_acquire(client, name, float(seconds), *rest)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
