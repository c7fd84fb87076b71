"""The worker beside RQ's own: jobs a second, round trips a job, and what waiting costs. `python -m benchmarks.worker --help`

Every row is the median of several runs; each run takes all rows in turn, so that a busy machine slows all of them down.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import redis
from rq import Queue

from benchmarks import AS_USERS
from tests.support import Server, clean_environment, wait_until

FUNCTION = "benchmarks.noop.noop"
QUEUE = "bench"
BIN = Path(sys.executable).parent
OURS = [sys.executable, "-m", "qtui_workers.cli", QUEUE, "--allow", "benchmarks.noop", "--allow-pickle"]
STOCK = [str(BIN / "rq"), "worker", QUEUE]
ROWS: dict[str, tuple[list[str], float]] = {
    "rq worker": (STOCK, 0.15),
    "rq SimpleWorker": ([*STOCK, "--worker-class", "rq.SimpleWorker"], 0.3),
    "ours, isolated": (OURS, 1.0),
    "ours, in-process": ([*OURS, "--in-process"], 1.0),
    "ours, isolated, two": ([*OURS, "--concurrency", "2"], 1.0),
}
"""Command, and the share of the jobs that it is given."""
_CROWD = 20
CROWDS = {
    "rq worker-pool": [str(BIN / "rq"), "worker-pool", "-n", str(_CROWD), QUEUE],
    "qtui-worker": [sys.executable, "-m", "qtui_workers.cli", QUEUE, "--concurrency", str(_CROWD)],
}
_GROWTH = 10
"""Bytes a job; what a horse holds goes up and down by a few hundred KiB."""


def jobs(client: redis.Redis, count: int) -> None:
    queue = Queue(QUEUE, connection=client)
    queue.enqueue_many([Queue.prepare_data(FUNCTION, ()) for _ in range(count)])


def command(server: Server, row: str) -> list[str]:
    return [*ROWS[row][0], "--burst", "--url", server.url]


def spent(home: Path, arguments: list[str]) -> tuple[float, float]:
    """Seconds of the clock and of processors that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(arguments, env=environment(home), check=True, capture_output=True)
    took = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def environment(home: Path) -> dict[str, str]:
    return clean_environment(home, PYTHONPATH=os.pathsep.join((AS_USERS["PYTHONPATH"], str(Path(__file__).parents[1]))))


class Measured(NamedTuple):
    """What a row has cost; the worker's own beginning and end are taken off."""

    rate: float
    """Jobs a second."""
    trips: float
    """Round trips a job."""
    cpu: float
    """Milliseconds of processor a job."""
    server: float
    """Microseconds that scripts and commands take the server, a job (INFO commandstats)."""


def one_run(server: Server, home: Path, row: str, count: int) -> Measured:
    """One run of a row, with its share of so many jobs."""
    number = max(20, int(count * ROWS[row][1]))
    with server.client() as client:
        client.flushall()
        _, empty_cpu = spent(home, command(server, row))
        client.config_resetstat()
        base = _reads(client)
        spent(home, command(server, row))
        base = _reads(client) - base
        jobs(client, number)
        client.config_resetstat()
        reads = _reads(client)
        _, cpu = spent(home, command(server, row))
        reads = _reads(client) - reads - base
        used = _used(client)
        finished = client.zrange(f"rq:finished:{QUEUE}", 0, -1)
        assert len(finished) == number
        took = _worked(client, finished)
    return Measured(number / took, max(0.0, reads / number), 1000 * max(0.0, cpu - empty_cpu) / number, used / number)


def _worked(client: redis.Redis, ids: list[bytes]) -> float:
    """Seconds from the start of the first of these jobs to the end of the last."""
    with client.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hmget(f"rq:job:{job_id.decode()}", "started_at", "ended_at")
        times = [tuple(datetime.fromisoformat(raw.decode()) for raw in pair) for pair in pipe.execute()]
    return (max(ended for _, ended in times) - min(started for started, _ in times)).total_seconds()


def _used(client: redis.Redis) -> int:
    """Microseconds that scripts, or where there were none all commands, have taken the server."""
    stats = {name.removeprefix("cmdstat_"): one["usec"] for name, one in client.info("commandstats").items()}
    scripts = sum(used for name, used in stats.items() if name.startswith("eval"))
    return scripts or sum(stats.values())


def _reads(client: redis.Redis) -> int:
    """Batches of commands that the server received: a pipeline or a transaction is one."""
    return int(client.info("stats")["total_reads_processed"])


def idle(server: Server, home: Path, row: str, seconds: float) -> tuple[float, float]:
    """Round trips a second and percent of a processor while there is nothing to do, on three queues, with a scheduler."""
    arguments = [part for part in command(server, row) if part != "--burst"]
    if arguments[0] == STOCK[0]:
        arguments.append("--with-scheduler")
    place = arguments.index(QUEUE)
    arguments[place : place + 1] = [QUEUE, f"{QUEUE}-2", f"{QUEUE}-3"]
    with server.client() as client:
        client.flushall()
        process = subprocess.Popen(arguments, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: client.scard("rq:workers"), description="the worker is there")
            time.sleep(3)  # what a worker sends when it starts is not counted
            reads, cpu = _reads(client), _cpu(process.pid)
            time.sleep(seconds)
            return (_reads(client) - reads - 1) / seconds, 100 * (_cpu(process.pid) - cpu) / seconds
        finally:
            process.terminate()
            process.wait()


def crowd(server: Server, home: Path, arguments: list[str], seconds: float) -> float:
    """Commands a second, those within scripts too, of idle workers on one queue; one of them has the scheduler."""
    with server.client() as client:
        client.flushall()
        process = subprocess.Popen(arguments, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: client.scard("rq:workers") == _CROWD, description="all are there", timeout=120)
            time.sleep(15)  # what they send when they start is not counted
            before = int(client.info("stats")["total_commands_processed"])
            time.sleep(seconds)
            return (int(client.info("stats")["total_commands_processed"]) - before) / seconds
        finally:
            process.terminate()
            process.wait()


def _cpu(pid: int) -> float:
    """Seconds of processor that a process and those it started have taken (Linux; in ns, not in ticks of 10 ms)."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    return own + sum(_cpu(int(child)) for task in tasks for child in (task / "children").read_text().split())


def latency(server: Server, home: Path, row: str, count: int) -> float:
    """Median milliseconds from enqueuing, by a stock producer, to the start of the job, with an idle worker."""
    arguments = [part for part in command(server, row) if part != "--burst"]
    with server.client() as client:
        client.flushall()
        process = subprocess.Popen(arguments, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            queue = Queue(QUEUE, connection=client)
            waits = []
            for _ in range(count):
                job = queue.enqueue(FUNCTION)
                wait_until(lambda job=job: job.get_status() == "finished", description="the job is finished")
                job.refresh()
                assert job.started_at
                assert job.enqueued_at
                waits.append((job.started_at - job.enqueued_at).total_seconds())
            return 1000 * statistics.median(waits[count // 5 :])
        finally:
            process.terminate()
            process.wait()


def growth(server: Server, home: Path, count: int) -> float:
    """Bytes a job by which the process that runs the jobs grows, after the first tenth of them."""
    arguments = [part for part in command(server, "ours, isolated") if part != "--burst"]
    with server.client() as client:
        client.flushall()
        process = subprocess.Popen(arguments, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            sizes = [_run_and_forget(client, process.pid, count // 10) for _ in range(10)]
        finally:
            process.terminate()
            process.wait()
    return (sizes[-1] - sizes[0]) / (count // 10 * 9)


def _run_and_forget(client: redis.Redis, worker: int, count: int) -> int:
    """Has the worker run so many jobs; returns the bytes that its horse holds after that."""
    jobs(client, count)
    finished = f"rq:finished:{QUEUE}"
    wait_until(lambda: client.zcard(finished) == count, description="all are finished", timeout=600)
    ids = [raw.decode() for raw in client.zrange(finished, 0, -1)]
    client.delete(finished, *(f"rq:{kind}:{job_id}" for job_id in ids for kind in ("job", "results")))
    children = map(int, Path(f"/proc/{worker}/task/{worker}/children").read_text().split())
    horse = next(child for child in children if os.getpgid(child) == child)
    return int(Path(f"/proc/{horse}/statm").read_text().split()[1]) * resource.getpagesize()


def measure(server: Server, home: Path, runs: int, count: int) -> dict[str, Measured]:
    """The medians of every row."""
    found: dict[str, list[Measured]] = {row: [] for row in ROWS}
    for _ in range(runs):
        for row in ROWS:
            found[row].append(one_run(server, home, row, count))
    return {row: Measured(*map(statistics.median, zip(*ones, strict=True))) for row, ones in found.items()}


def rows(*, runs: int = 1, count: int = 1500) -> dict[str, Measured]:
    """What `measure` finds on a server of its own; as it stands in less than half a minute."""
    with tempfile.TemporaryDirectory(prefix="qt") as folder, tempfile.TemporaryDirectory() as home:
        server = Server(Path(folder), {})
        server.start()
        try:
            return measure(server, Path(home), runs, count)
        finally:
            server.kill()


def show(found: dict[str, Measured]) -> None:
    base, simple = found["rq worker"].rate, found["rq SimpleWorker"].rate
    columns = ("jobs/s", "x rq", "x Simple", "trips", "CPU ms/job", "server µs/job")
    print("{:20} {:>9} {:>7} {:>9} {:>6} {:>11} {:>14}".format("noop jobs", *columns))
    for row, (rate, trips, cpu, used) in found.items():
        print(f"{row:20} {rate:9.0f} {rate / base:7.1f} {rate / simple:9.1f} {trips:6.2f} {cpu:11.2f} {used:14.0f}")
    print(f"two workers: {found['ours, isolated, two'].rate / found['ours, isolated'].rate:.2f} x one")


def waiting(server: Server, home: Path, seconds: float) -> None:
    print(f"\n{'waiting':18} {'trips/s':>11} {'CPU %':>7} {'pick-up ms':>11}")
    of_row: Callable[[str], tuple[float, float, float]] = lambda row: (  # noqa: E731 - one line of a table
        *idle(server, home, row, seconds),
        latency(server, home, row, 25),
    )
    for row in ("rq worker", "ours, isolated"):
        print("{:18} {:11.2f} {:7.2f} {:11.1f}".format(row, *of_row(row)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=3000, help="for the fastest rows; the slower ones get fewer")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds of watching an idle worker")
    parser.add_argument("--growth", type=int, default=50_000, help="jobs over which the memory of a horse is watched")
    parser.add_argument("--short", action="store_true", help="only the first table, from one run of fewer jobs")
    arguments = parser.parse_args()
    if arguments.short:
        show(rows())
        return
    with tempfile.TemporaryDirectory(prefix="qt") as folder, tempfile.TemporaryDirectory() as home:
        server = Server(Path(folder), {})
        server.start()
        try:
            show(measure(server, Path(home), arguments.runs, arguments.jobs))
            waiting(server, Path(home), arguments.idle)
            for name, line in CROWDS.items():
                rate = crowd(server, Path(home), [*line, "--url", server.url], 6 * arguments.idle)
                print(f"{_CROWD} idle workers of {name}: {rate:.1f} commands a second")
            grows = growth(server, Path(home), arguments.growth)
            print(f"\na horse grows by {grows:.1f} bytes a job over {arguments.growth:,} jobs")
            if grows > _GROWTH:
                raise SystemExit(f"that is more than {_GROWTH}: something leaks")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
