"""`qtui demo`: a throw-away server, two workers, jobs of every kind; shown on the dashboard, or as text."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

from qtui.broker.lists import jobs as job_lists
from qtui.broker.queues import overview
from qtui.broker.status import Status
from qtui.printing import listings, output
from qtui_workers.command_line.declare import option
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

ORDER: Final = 230

WORKERS: Final = 2
UNATTENDED: Final = "nightly"
"""A queue that no worker of the demo listens to, to see what that looks like."""
WORKED: Final = ("main-queue", "payments", "reports")
MOST: Final = 200
"""At most this many jobs of each status are printed."""
SECONDS: Final = 0.7, 5.0
"""Seconds between two new jobs at first, and later, so that the screen does not stand still."""
PATIENCE: Final = 8.0
"""The workers are killed if they have not ended after this many seconds."""
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Sample:
    """One kind of job in the demo."""

    processor: str
    payload: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)


SAMPLES: Final = (
    Sample("test_job", {"message": "hello from the demo"}),
    Sample("report", {"title": "Daily figures", "steps": 40, "seconds_per_step": 0.15}, {"queue": "reports"}),
    Sample("test_job", {"message": "card declined", "fail": True}, {"queue": "payments"}),
    Sample("test_job", {"message": "fails once, then works", "fail_first": 1}, {"attempts": 3, "backoff": "fixed:1s"}),
    Sample("report", {"title": "Broken figures", "steps": 12, "seconds_per_step": 0.2, "fail_at": 8}, {"queue": "reports"}),
    Sample("test_job", {"message": "takes its time", "seconds": 2.5}, {"queue": "payments"}),
    Sample("test_job", {"message": "tomorrow's mail"}, {"delay": 3600.0}),
    Sample("test_job", {"message": "nobody listens here"}, {"queue": UNATTENDED}),
)
"""The kinds of jobs; they are enqueued in this order, repeatedly."""


def demo(
    jobs: Annotated[int, option(min=1, max=100_000, metavar="N", help="How many jobs to begin with.")] = 24,
    seconds: Annotated[
        int,
        option(
            min=1,
            max=86_400,
            metavar="N",
            help="Seconds in which new jobs come fast, then one in 5 s; without a terminal, how long to wait.",
        ),
    ] = 120,
) -> None:
    """A throw-away server, workers and jobs of every kind, on the dashboard; with no terminal, as text."""
    with _signals_exit(), tempfile.TemporaryDirectory(prefix="qtui-demo-") as name, _running(Path(name)) as client:
        service = QueueService(client)
        for sample in itertools.islice(itertools.cycle(SAMPLES), jobs):
            _enqueue(service, sample)
        if output.on_terminal():
            _show(client, service, seconds)
        else:
            _print_results(client, seconds)


def _enqueue(service: QueueService, sample: Sample) -> str:
    return service.enqueue(sample.processor, sample.payload, **sample.options).id


@contextmanager
def _running(folder: Path) -> Iterator[redis.Redis]:
    """A client of the demo's own server, with workers running; all of them end with the block, or with this process."""
    from qtui_workers.server import embedded
    from qtui_workers.server.connection import connect

    server = embedded.join(folder, grace=0.0)
    workers: list[subprocess.Popen[bytes]] = []
    try:
        with connect(url := f"unix://{server.socket}", role="qtui-demo") as client, (folder / "workers.log").open("wb") as log:
            workers.extend(_start(url, log) for _ in range(WORKERS))
            yield client
    finally:
        _end(workers)
        server.leave(wait=10)


def _start(url: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts a worker that ends when its standard input is closed; in its own session, so that Ctrl-C does not reach it."""
    command = [sys.executable, "-m", "qtui.commands.demo_worker", "--url", url, *WORKED]
    environment = os.environ | {"QTUI_CONFIG": os.devnull}  # the user's config file, perhaps read_only, is not for the demo
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True)


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        assert worker.stdin
        worker.stdin.close()
    deadline = time.monotonic() + PATIENCE
    for worker in workers:
        with suppress(subprocess.TimeoutExpired):
            worker.wait(max(0.0, deadline - time.monotonic()))
        worker.kill()
        worker.wait()


@contextmanager
def _signals_exit() -> Iterator[None]:
    """SIGTERM, SIGINT and SIGHUP raise SystemExit in the block; further signals do not interrupt the cleanup."""

    def leave(number: int, _: object) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {each: signal.signal(each, leave) for each in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(client: redis.Redis, service: QueueService, seconds: int) -> None:
    """The dashboard, while new jobs keep coming."""
    from qtui.dashboard.launch import open_dashboard
    from qtui.preferences.settings import Preferences
    from qtui_workers.server.connection import Target
    from qtui_workers.server.contexts import Context, read_config

    enough = threading.Event()

    def enqueue_more() -> None:
        deadline = time.monotonic() + seconds
        for sample in itertools.cycle(SAMPLES):
            if enough.wait(SECONDS[time.monotonic() > deadline]):
                return
            _enqueue(service, sample)

    producer = threading.Thread(target=enqueue_more, daemon=True)
    producer.start()
    options = ("--url", f"unix://{client.connection_pool.connection_kwargs['path']}")
    try:
        open_dashboard(Context("demo", Target("", "demo"), options=options), read_config(Preferences), client=client)
    finally:
        enough.set()
        producer.join(5)


def _print_results(client: redis.Redis, seconds: int) -> None:
    """Wait until the jobs have run, at most `seconds`; then print queues, failures, retried jobs and results."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while (left := _unfinished(client)) and time.monotonic() < deadline:
        output.note("1 job to go …" if left == 1 else f"{left} jobs to go …")
        pause.wait(1.0)
    seen = overview.load(client)
    output.say(listings.of_queues(seen, ""))
    for status in (Status.FAILED, Status.SCHEDULED, Status.FINISHED):
        output.say()
        output.say(listings.of_jobs(job_lists.window(client, None, status, 0, MOST), seen.at))
    finished = job_lists.window(client, None, Status.FINISHED, 0, MOST).rows
    retried = [row for row in finished if (row.attempts or 1) > 1]
    output.say(f"\nFailed first, were retried and finished at a later attempt: {len(retried)}")
    for row in retried:
        output.say(f"  {row.id}  attempt {row.attempts} of {row.attempts_allowed}")
    output.say("\nResults:")
    service = QueueService(client)
    for row in finished:
        output.say(f"  {row.id}  {printable(json.dumps(service.status(row.id).result))}")


def _unfinished(client: redis.Redis) -> int:
    """Number of jobs that wait or run in the queues with workers, or are scheduled for another attempt."""
    queues = [queue for queue in overview.load(client).queues if queue.name != UNATTENDED]
    waiting = sum(queue.count(Status.QUEUED) + queue.count(Status.STARTED) for queue in queues)
    scheduled = job_lists.window(client, None, Status.SCHEDULED, 0, 1_000).rows
    return waiting + sum(1 for row in scheduled if row.started_at)
