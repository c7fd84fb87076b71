"""What the dashboard itself takes while somebody looks: processor, memory, and the longest command, in a real pseudo-terminal.

`python -m benchmarks.dashboard` fills a server with 5,000 queues and a list of a million failed jobs; `--queues` and `--jobs` set
how many there are, `--filled` how many of the queues hold jobs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import redis

from benchmarks import rows as table
from benchmarks.core import benchmarked, slowest
from benchmarks.rows import Row, within
from benchmarks.terminal import shown
from qtui_workers.server import keys

STAMP = "2024-01-01T00:00:00.000000Z"
SCREENS = {"queues": b"1", "jobs, all queues": b"2", "the million, its end": b"G"}
REST = 5.0
"""Seconds after a key until measuring begins."""


def fill(client: redis.Redis, queues: int, filled: int, jobs: int) -> None:
    """Queues with a waiting, a finished and a failed job each, and one with very many failed ones."""
    fields = {"data": '["mail.send", null, [], {}]'} | dict.fromkeys(("created_at", "enqueued_at", "ended_at"), STAMP)
    with client.pipeline(transaction=False) as pipe:
        for number in range(queues):
            name = f"tenant-{number:05}"
            pipe.sadd(keys.QUEUES, keys.queue(name))
            for status in ("queued", "finished", "failed") if number < filled else ():
                pipe.hset(keys.job(f"{name}-{status}"), mapping=fields | {"status": status, "origin": name})
                if status == "queued":
                    pipe.rpush(keys.queue(name), f"{name}-{status}")
                else:
                    pipe.zadd(keys.registry(status, name), {f"{name}-{status}": 4e9 + number})
            if len(pipe) > 5_000:
                pipe.execute()
        for start in range(0, jobs, 5_000):
            some = range(start, min(start + 5_000, jobs))
            pipe.zadd(keys.registry("failed", "many"), {f"00000000-0000-4000-8000-{number:012}": 5e9 + number for number in some})
            for number in some if start % 100_000 == 0 else ():
                job = fields | {"status": "failed", "origin": "many"}
                pipe.hset(keys.job(f"00000000-0000-4000-8000-{number:012}"), mapping=job)
            pipe.execute()
        pipe.sadd(keys.QUEUES, keys.queue("many"))
        pipe.execute()


def used(client: redis.Redis) -> float:
    """Seconds of the processor that the server has taken."""
    found = client.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def rows(wanted: argparse.Namespace) -> Iterator[Row]:
    """The table."""
    seconds, jobs = (4.0, 100_000) if wanted.short else (wanted.seconds, wanted.jobs)
    with benchmarked() as (server, client):
        fill(client, wanted.queues, wanted.filled, jobs)
        with shown((sys.executable, "-m", "qtui", "--url", server.url), server.folder, 80, 24) as screen:
            for name, key in SCREENS.items():
                screen.press(key)
                screen.look(REST)
                client.slowlog_reset()
                ours, theirs, began = screen.processor, used(client), time.monotonic()
                screen.look(seconds)
                over = (time.monotonic() - began) / 100
                title = f"{wanted.queues:,} queues, {name}"
                yield within(f"{title}: processor", (screen.processor - ours) / over, "%", 8)
                yield within(f"{title}: the server's", (used(client) - theirs) / over, "%", 8)
                yield within(f"{title}: memory", screen.memory, "MiB", 90)
                yield within(f"{title}: longest command", slowest(client), "ms", 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queues", type=int, default=5_000)
    parser.add_argument("--filled", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each screen is looked at")
    table.shown(parser, rows)


if __name__ == "__main__":
    main()
