"""Every screen for ten minutes while 450 jobs a second are enqueued and run: whether memory stays flat, and what looking takes.

`python -m benchmarks.soak` goes round all screens `--rounds` times, pages through their lists, and compares the memory after each
round with that after the second one: by then each screen was loaded, and Live holds all the lines that it keeps.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from rq import Queue

from benchmarks import rows as table
from benchmarks.core import benchmarked
from benchmarks.rows import Row, within
from benchmarks.terminal import Screen, shown
from tests.support import Server, clean_environment

SCREENS = {
    "Queues": b"1",
    "Jobs": b"2",
    "a job": b"2\r",
    "Failures": b"3",
    "Live": b"4",
    "Workers": b"5",
    "Schedule": b"6",
    "Limits": b"7",
}
"""What opens each screen."""
BACK = b"\x1b"
KEYS = (b"\x1b[6~", b"j", b"j", b"\x1b[5~", b"k")
"""Pressed in turn, one a second."""
EVERY = 0.2
"""Seconds between two batches of jobs."""
FAILING = 50
"""Every so manieth job fails."""
MODULE = "benchmarks.noop"


def produce(server: Server, rate: int, stop: threading.Event) -> None:
    """Enqueues so many jobs a second, evenly, until it is to stop."""
    with server.client() as client:
        queue, count, began = Queue("busy", connection=client), 0, time.monotonic()
        while not stop.is_set():
            due = int((time.monotonic() - began) * rate)
            names = (f"{MODULE}.{'fail' if number % FAILING == 0 else 'noop'}" for number in range(count, due))
            queue.enqueue_many([Queue.prepare_data(name, (), result_ttl=60, failure_ttl=300) for name in names])
            count = due
            stop.wait(EVERY)


@contextmanager
def work(server: Server, rate: int) -> Iterator[None]:
    """While it is open, jobs are enqueued and run."""
    command = [
        sys.executable,
        "-m",
        "qtui_workers.cli",
        "busy",
        "--url",
        server.url,
        "--allow",
        MODULE,
        "--allow-pickle",
        "--concurrency",
        "2",
    ]
    environment = clean_environment(server.folder, PYTHONPATH=".")
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stop = threading.Event()
    producer = threading.Thread(target=produce, args=(server, rate, stop))
    producer.start()
    try:
        yield
    finally:
        stop.set()
        producer.join()
        worker.terminate()
        worker.wait()


def stay(screen: Screen, seconds: float) -> float:
    """Percent of a core while somebody pages through a screen."""
    used, began = screen.processor, time.monotonic()
    for second in range(int(seconds)):
        screen.type(KEYS[second % len(KEYS)])
        screen.look(1.0)
    return 100 * (screen.processor - used) / (time.monotonic() - began)


def rows(wanted: argparse.Namespace) -> Iterator[Row]:
    """The table."""
    screens = {name: keys for name, keys in SCREENS.items() if not wanted.only or name in wanted.only}
    rounds, seconds = (2, 4.0) if wanted.short else (wanted.rounds, 60 * wanted.minutes / wanted.rounds / len(screens))
    used: dict[str, list[float]] = defaultdict(list)
    memory: list[float] = []
    command = (sys.executable, "-m", "qtui", "--url")
    with benchmarked() as (server, _), work(server, wanted.rate), shown((*command, server.url), server.folder, 120, 40) as screen:
        for _ in range(rounds):
            for name, keys in screens.items():
                screen.type(keys)
                screen.look(1.0)
                used[name].append(stay(screen, seconds))
            screen.type(BACK)
            screen.look(1.0)  # a key right behind it would be taken for one of the two together
            memory.append(screen.memory)
            print(f"| memory after round {len(memory)} | {memory[-1]:.1f} MiB |  |  |  |  |", flush=True)
    for name, found in used.items():
        yield within(f"{name}, {wanted.rate} jobs a second, a key a second", statistics.mean(found), "% of a core", 5)
    yield within("growth after the second round", memory[-1] - memory[min(1, len(memory) - 1)], "MiB", 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=450, help="jobs a second")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=SCREENS, metavar="SCREEN", help=", ".join(SCREENS))
    table.shown(parser, rows)


if __name__ == "__main__":
    main()
