"""Live while jobs log 10,000 lines a second: how soon a key is answered, and the processor that reading and showing takes.

`python -m benchmarks.tail` has ten running jobs log through the script of the worker; `--lines` a second, `--seconds`, `--short`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis

from benchmarks.rows import Row, printed
from benchmarks.terminal import Screen, shown
from qtui_workers.reporting import events
from qtui_workers.reporting.recorder import _RECORD
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.support import Server

JOBS = 10
BATCHES = 4
"""A job writes its lines so often a second, as its recorder does."""
CURSOR = "▌".encode()
"""Stands before the row of the cursor, and nowhere else: the jobs have no progress."""
PATIENCE = 5.0
SIZE = (120, 40)


def begin(client: redis.Redis) -> list[str]:
    """Jobs that run."""
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(JOBS)]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    fields = {"status": "started", "origin": "many", "data": '["shop.talk", null, [], {}]', "started_at": stamp}
    client.sadd(keys.QUEUES, keys.queue("many"))
    for job_id in ids:
        client.hset(keys.job(job_id), mapping=fields)
        client.zadd(keys.registry("wip", "many"), {f"{job_id}:e": 4e9})
    return ids


def talk(client: redis.Redis, ids: list[str], lines: int, seconds: float) -> None:
    """The jobs log so many lines a second together, in batches at even distances."""
    each, count, began = max(1, lines // len(ids) // BATCHES), 0, time.monotonic()
    for turn in range(int(seconds * BATCHES)):
        for place, job_id in enumerate(ids):
            wait = began + (turn + place / len(ids)) / BATCHES - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            flat: list[str] = []
            for _ in range(each):
                count += 1
                flat += ["INFO", f"line {count}: an ordinary line of some length, as a job would log it", f"{time.time():.3f}"]
            _RECORD.run(
                client, *flat, id=job_id, progress="", cap=1_000, ttl=600, ended=0, details="", events_cap=events.CAP,
                **events.arguments(Source(job_id, "many")),
            )  # fmt: skip


def pressed(screen: Screen, key: bytes) -> float:
    """Seconds from a key to the cursor on its new row; infinite where the key is lost."""
    screen.type(key)
    began = time.perf_counter()
    rest = b""
    while (left := PATIENCE - (time.perf_counter() - began)) > 0:
        found = rest + screen.read(left)
        if CURSOR in found:
            return time.perf_counter() - began
        rest = found[-2:]
    return float("inf")


def measure(lines: int, seconds: float) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {})
        server.start()
        with server.client() as client:
            begin(client)
        command = [sys.executable, "-m", "qtui", "--url", server.url]
        with shown(command, Path(folder), *SIZE) as screen:
            screen.type(b"4")
            screen.look(2.0)
            quiet = _press(screen, 10)
            words = [
                sys.executable,
                "-m",
                "benchmarks.tail",
                "--talk",
                server.url,
                "--lines",
                str(lines),
                "--seconds",
                str(seconds),
            ]
            talking = subprocess.Popen(words)
            screen.look(1.5)
            used, received, began = screen.processor, screen.received, time.monotonic()
            busy = _press(screen, int((seconds - 3) * 3))
            took = time.monotonic() - began
            used, received = (screen.processor - used) / took, round((screen.received - received) / took)
            talking.wait()
        server.kill()
    return [
        Row("key, nothing logged", _times(quiet)),
        Row(f"key, {lines:,} lines a second", _times(busy), aim="p99 ≤ 40 ms", met=_slowest(busy) <= 0.04),
        Row(
            f"processor, {lines:,} lines a second",
            f"{used:.1%} of a core, {received / 1000:.1f} kB/s to the terminal",
            aim="≤ 15 %",
            met=used <= 0.15,
        ),
    ]


def _press(screen: Screen, times: int) -> list[float]:
    found = []
    for number in range(times):
        found.append(pressed(screen, b"j" if number % 2 == 0 else b"k"))
        screen.look(0.3)
    return found


def _slowest(found: list[float]) -> float:
    """The 99th percentile."""
    return sorted(found)[min(len(found) - 1, int(len(found) * 0.99))]


def _times(found: list[float]) -> str:
    lost = sum(time == float("inf") for time in found)
    return f"{statistics.median(found) * 1000:.1f} ms, p99 {_slowest(found) * 1000:.1f} ms of {len(found)}, {lost} lost"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--short", action="store_true", help="eight seconds")
    parser.add_argument("--talk", metavar="URL", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.talk:
        with redis.Redis.from_url(wanted.talk) as client:
            talk(client, [f"00000000-0000-4000-8000-{number:012}" for number in range(JOBS)], wanted.lines, wanted.seconds)
        return
    printed(measure(wanted.lines, 8.0 if wanted.short else wanted.seconds))


if __name__ == "__main__":
    main()
