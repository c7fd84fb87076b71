"""Limiters side by side: the strictness, the share of the rate that they let through, and what waiting costs.

`python -m benchmarks.limiter --peers /a/venv/bin/python --bullmq /a/folder` starts a server of its own and, for each limiter
and limit, some processes. Either more always waits than is let through, or work comes in bursts with pauses between them.
A start is when the code that was waiting goes on, or a job's own code begins; a window is *over* where it begins at a start
and holds more than max. The share of the rate tells something only where work always waits.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from benchmarks.limiter_rows import CALLERS, PER, wait_until
from qtui_workers.define.limit import Limit
from tests.support import Server, clean_environment
from tests.support import wait_until as wait_for
from tests.workers.limited import busiest, used
from tests.workers.test_limiter import enter

HERE: Final = Path(__file__).parent
WORKER, BULLMQ = "qtui-worker", "BullMQ worker"
ALONE: Final = 0.9
"""Seconds from the first job of a burst, which comes alone, to the others: where a limiter that counts from it is weakest."""
EVERY: Final = 4.0
"""Seconds from one burst of jobs to the next."""


class Run:
    """One limiter with one limit, measured once."""

    def __init__(self, row: str, most: int, pattern: str, wanted: argparse.Namespace, folder: Path) -> None:
        self.row, self.most, self.pattern, self.wanted = row, most, pattern, wanted
        self.starts = folder / "starts"
        self.starts.touch()
        self.server = Server(folder, {"appendonly": "yes", "appendfsync": "no"})
        self.server.start()
        self.begin = time.time() + 4
        self._environment = clean_environment(folder, PYTHONPATH=str(HERE.parent))

    def figures(self) -> tuple[float, ...] | None:
        """Windows over, the fullest, the share of the rate, round trips a second; None where the limiter is not installed."""
        running = [self._started(self._command(number)) for number in range(self.wanted.processes)]
        try:
            with self.server.client() as client:
                trips = self._trips(client) if self.row in CALLERS else self._with_jobs(client, running)
            wait_until(self.begin + self.wanted.seconds)
            last = int((self.begin + self.wanted.seconds) * 1e9)
            found = sorted(at for at in map(int, self.starts.read_text().split()) if at < last)
        finally:
            for process in running:
                process.kill()
                process.wait()
            self.server.kill()
        if not found:
            return None
        return (over(found, self.most), busiest(found, PER), used(found, self.most, PER), trips)

    def _started(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        folder = self.wanted.bullmq if self.row == BULLMQ else None
        pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        return subprocess.Popen(command, cwd=folder, env=self._environment, **pipes)

    def _command(self, number: int) -> list[str]:
        socket, starts = self.server.socket, str(self.starts)
        if self.row == WORKER:
            allow = ["--allow", "benchmarks.limiter_rows", "--name", f"w{number}"]
            return [sys.executable, "-m", "qtui_workers.cli", "bench", "--url", self.server.url, *allow]
        if self.row == BULLMQ:
            return ["node", str(HERE / "bullmq.mjs"), "work", socket, str(self.most), str(int(PER * 1000)), starts]
        python = sys.executable if self.row.startswith("qtui") else self.wanted.peers
        rest = (str(self.most), str(self.begin), str(self.wanted.seconds), self.pattern, starts)
        return [python, str(HERE / "limiter_rows.py"), self.row, self.server.url, *rest]

    def _with_jobs(self, client: redis.Redis, running: list[subprocess.Popen[bytes]]) -> float:
        """Has jobs enqueued, as it is they that are limited; returns round trips a second, where work always waits."""
        seconds = self.wanted.seconds
        put = self._put_bullmq(running) if self.row == BULLMQ else self._put_rq(client)
        self.begin = time.time() + 0.1
        if self.pattern == "waits":
            put(int(self.most * seconds * 2))
            return self._trips(client)
        for burst in range(int(seconds / EVERY)):
            put(1)
            wait_until(self.begin + burst * EVERY + ALONE * PER)
            put(2 * self.most - 1)
            wait_until(self.begin + (burst + 1) * EVERY)
        return 0.0

    def _trips(self, client: redis.Redis) -> float:
        seconds = self.wanted.seconds
        wait_until(self.begin + seconds / 2)
        before = reads(client)
        wait_until(self.begin + seconds * 3 / 4)
        return (reads(client) - before) / (seconds / 4)

    def _put_bullmq(self, running: list[subprocess.Popen[bytes]]) -> Callable[[int], None]:
        command = ["node", str(HERE / "bullmq.mjs"), "put", self.server.socket]
        producer = self._started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        running.append(producer)

        def put(count: int) -> None:
            assert producer.stdin
            assert producer.stdout
            producer.stdin.write(b"%d\n" % count)
            producer.stdout.readline()

        put(self.wanted.processes)  # a job for each, so that all are there
        wait_for(lambda: len(self.starts.read_text().split()) == self.wanted.processes, description="the jobs ran", timeout=60)
        self.starts.write_text("")
        return put

    def _put_rq(self, client: redis.Redis) -> Callable[[int], None]:
        there = lambda: client.scard("rq:workers") == self.wanted.processes  # noqa: E731 - said once, in one line
        wait_for(there, description="the workers are there", timeout=60)
        enter(client, Limit(self.most, PER, "bench"))
        queue = Queue("bench", connection=client, serializer=JSONSerializer)
        call = ("benchmarks.limiter_rows.note_start", (str(self.starts),))
        return lambda count: queue.enqueue_many([Queue.prepare_data(*call) for _ in range(count)]) and None


def compare(most: int, pattern: str, wanted: argparse.Namespace) -> None:
    """Prints a row for each limiter that is there."""
    for row in (WORKER, *([BULLMQ] if wanted.bullmq else []), *CALLERS):
        if not any(part in row for part in wanted.rows.split(",")):
            continue
        known = [figures for _ in range(wanted.runs) if (figures := measure(row, most, pattern, wanted))]
        if not known:
            continue
        windows, fullest, share, trips = (statistics.median(figures) for figures in zip(*known, strict=True))
        rate, cost = (f"{share:.2%}", f"{trips:.0f}") if pattern == "waits" else ("", "")
        print(f"| {row:<26} | {most:>4} | {pattern:<6} | {windows:>12g} | {fullest:>7g} | {rate:>9} | {cost:>13} |", flush=True)


def measure(row: str, most: int, pattern: str, wanted: argparse.Namespace) -> tuple[float, ...] | None:
    with TemporaryDirectory(prefix="qt") as folder:
        return Run(row, most, pattern, wanted, Path(folder)).figures()


def over(found: list[int], most: int) -> int:
    return sum(later - earlier < PER * 1e9 for earlier, later in zip(found, found[most:], strict=False))


def reads(client: redis.Redis) -> int:
    return int(client.info("stats")["total_reads_processed"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has limits, pyrate-limiter and throttled-py")
    parser.add_argument("--bullmq", help="a folder whose node_modules holds bullmq; without it there is no such row")
    parser.add_argument("--rows", default="", help="only the rows whose name holds one of these, separated by commas")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--processes", type=int, default=8)
    wanted = parser.parse_args()
    print(f"{wanted.processes} processes, {wanted.seconds:g} s, medians of {wanted.runs}")
    print("| limiter                    | /s   | work   | windows over | fullest | rate used | round trips/s |")
    print("|----------------------------|------|--------|--------------|---------|-----------|---------------|")
    for most in (5, 50):
        for pattern in ("waits", "bursts"):
            compare(most, pattern, wanted)


if __name__ == "__main__":
    main()
