"""A short form of the benchmarks in one table, for a quiet machine: `python -m benchmarks`. Three minutes."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks import enqueue, limiter, memory, step, worker
from benchmarks.rows import HEAD, Row, faster, within

OF_ROWS: Final = ("start", "first_frame", "terminal", "core", "operations", "search")
"""The benchmarks that print rows of this table themselves."""
_SECONDS: Final = {"waits": 5.0, "bursts": 4 * limiter.EVERY}
"""For which a limiter is watched, by how work comes."""


def of_workers() -> Iterator[Row]:
    """Noop jobs with one worker, beside RQ's; and what a second one brings."""
    found = worker.rows()
    base = found["rq worker"]
    for title, aim in (("isolated", 28), ("in-process", 40)):
        ours = found[f"ours, {title}"]
        yield faster(f"noop jobs, {title}", f"{ours.rate:,.0f}/s", f"{base.rate:,.0f}/s", ours.rate / base.rate, aim)
        yield within(f"processor of a job, {title}", ours.cpu, "ms", 0.5, f"{base.cpu:.1f} ms")
    one, two = found["ours, isolated"], found["ours, isolated, two"]
    yield faster("a second worker", f"{two.rate:,.0f}/s", f"{one.rate:,.0f}/s", two.rate / one.rate, 1.7)


def of_steps() -> Iterator[Row]:
    """What a job takes the server."""
    for title, median, _ in step.rows():
        yield within(f"server a job, {title}", median, "µs", 110)


def of_enqueuing() -> Iterator[Row]:
    """Enqueuing beside RQ."""
    found, slowest = enqueue.rows(short=True)
    for row, aim in zip(found, (2, 5, None), strict=True):
        yield faster(f"enqueue {row.task}", f"{row.ours:,.0f}/s", f"{row.rq:,.0f}/s", row.ratio, aim)
    yield within("the last step of enqueue_many", slowest, "ms", 10)


def of_limiters() -> Iterator[Row]:
    """Whether a limit is kept, by eight workers, and how much of it is used."""
    for pattern, seconds in _SECONDS.items():
        wanted = Namespace(seconds=seconds, processes=8, bullmq=None, peers=sys.executable)
        if figures := limiter.measure(limiter.WORKER, 50, pattern, wanted):
            windows, _, share, _ = figures
            said = f"{windows:g} windows over" + (f", {share:.1%} used" if pattern == "waits" else "")
            yield Row(f"a limit of 50/s, {pattern}", said, aim="0 windows", met=windows == 0)


def of_memory() -> Iterator[Row]:
    """What a finished job takes in the server."""
    plain, silent, lines = memory.measured(1_000)
    yield Row("a finished job", f"{silent:,.0f} B", f"{plain:,.0f} B", silent / plain)
    yield Row("with three log lines", f"{lines:,.0f} B", f"{plain:,.0f} B", lines / plain, "≤ 1.3 ×", lines <= 1.3 * plain)


OURS: Final[tuple[Callable[[], Iterator[Row]], ...]] = (of_workers, of_steps, of_enqueuing, of_limiters, of_memory)


def main() -> int:
    """Prints each row as it is measured; 1 where a benchmark failed."""
    failed = 0
    print(HEAD, flush=True)
    for name in OF_ROWS:
        with subprocess.Popen([sys.executable, "-m", f"benchmarks.{name}", "--short"], stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            for line in run.stdout:
                if line not in f"{HEAD}\n":
                    print(line, end="", flush=True)
        failed |= run.returncode
    for rows in OURS:
        for row in rows():
            print(row, flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
