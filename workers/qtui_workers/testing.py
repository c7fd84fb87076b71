"""For users' own tests: a server that is empty for each test, and a helper that runs all jobs to their end.

pytest finds this plugin by itself where the package is installed; everything else is imported when the fixture is used.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    import redis

    from qtui_workers.enqueue.queue_service import QueueService

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
_VARIABLES: Final = ("RQ_WORKER_ID", "RQ_JOB_ID")


@dataclass(frozen=True, slots=True)
class QtuiServer:
    """A Redis for one test, empty at its beginning."""

    url: str
    """Also in REDIS_URL while the test runs."""
    connection: redis.Redis
    service: QueueService
    """Enqueues jobs there, and reads how they ended."""

    def run_until_empty(
        self, *, allow: tuple[str, ...] = (), allow_pickle: bool = False, scheduled: bool = False, timeout: float = 60.0
    ) -> None:
        """Runs the jobs of all queues in this process, also those that they enqueue, until none waits in a queue.

        They run as in `qtui-worker --burst --in-process` with these options: registered processors, and what `allow` names. So
        what a test has patched is patched for them, and breakpoints work. With `scheduled`, jobs that are to run later run now,
        next attempts too. Raises TimeoutError where jobs still wait after `timeout` seconds, and RuntimeError where they wait
        for a person: in a paused queue, or because all workers are suspended.
        """
        deadline = time.monotonic() + timeout
        while waiting := self._waiting(scheduled=scheduled):
            left, names = deadline - time.monotonic(), ", ".join(waiting)
            if left <= 0:
                raise TimeoutError(f"jobs still wait after {timeout:g} s, in {names}")
            if not self._work(waiting, allow, allow_pickle, left) and time.monotonic() < deadline:
                raise RuntimeError(f"jobs wait in {names}, but no worker may take them: resume the queue, or the workers")

    def _waiting(self, *, scheduled: bool) -> list[str]:
        """The queues that are not empty; makes all scheduled jobs due where they are to run too."""
        from qtui_workers.server import keys
        from qtui_workers.text import decode

        found: list[str] = []
        for name in sorted(decode(key).removeprefix(keys.QUEUE_PREFIX) for key in self.connection.smembers(keys.QUEUES)):
            later: list[Any] = self.connection.zrange(keys.registry("scheduled", name), 0, -1) if scheduled else []
            if later:
                due: dict[Any, int] = dict.fromkeys(later, 0)
                self.connection.zadd(keys.registry("scheduled", name), due, xx=True)
            if later or self.connection.exists(keys.queue(name)):
                found.append(name)
        return found

    def _work(self, queues: list[str], allow: tuple[str, ...], allow_pickle: bool, seconds: float) -> bool:
        """Whether a job has run."""
        from qtui_workers.engine.job import Policy
        from qtui_workers.engine.worker import Worker

        policy = Policy(allow, allow_pickle)
        with _undone():
            worker = Worker(queues, connection=self.connection, policy=policy, in_process=True, cron=False)
            return worker.work(burst=True, with_scheduler=True, max_idle_time=max(1, round(seconds)))


@contextmanager
def _undone() -> Iterator[None]:
    """Undoes what a worker changes in its process: signal handlers, and the variables that its jobs see."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    try:
        with warnings.catch_warnings():
            # The modules of QTUI_PROCESSORS are read in a fork, which runs no code that could wait for another thread's lock.
            warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
            yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@pytest.fixture(scope="session")
def qtui_server_url() -> Iterator[str]:
    """The address of a server of this test session, in a folder of its own; it ends with the session, however that ends."""
    from qtui_workers.server.embedded import join

    with tempfile.TemporaryDirectory(prefix="qtui") as folder:
        server = join(Path(folder), grace=0.1)
        try:
            yield f"unix://{server.socket}"
        finally:
            server.leave(wait=10)


@pytest.fixture
def qtui_server(qtui_server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[QtuiServer]:
    """A server for the test, empty at its beginning; REDIS_URL names it while the test runs."""
    from qtui_workers.enqueue.queue_service import QueueService
    from qtui_workers.rate.limiter import forget_limiters
    from qtui_workers.server.connection import open_client, resolve

    monkeypatch.setenv("REDIS_URL", qtui_server_url)
    client = open_client(resolve())
    client.flushall()
    forget_limiters()
    try:
        yield QtuiServer(qtui_server_url, client, QueueService(client))
    finally:
        client.close()
