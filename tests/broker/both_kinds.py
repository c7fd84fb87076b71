"""Worker processes of both kinds, ours and RQ's own: an operator's commands have to work with either."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.engine import MODULE
from tests.workers.support import environment, working

KINDS = pytest.mark.parametrize("kind", ["qtui-worker", "rq worker"])


@contextmanager
def worker(kind: str, server: Server, home: Path, name: str = "w1", queue: str = "default") -> Iterator[subprocess.Popen[bytes]]:
    """A worker of that kind on a queue; it receives commands from the beginning of the block on."""
    if kind == "qtui-worker":
        allowed = ["--allow-pickle", "--allow", MODULE]
        with working(server, home, queue, "--name", name, *allowed, log_name=f"{name}.log") as process:
            wait_until(lambda: hears(server, name), description="it hears commands")
            yield process
        return
    command = [str(Path(sys.executable).parent / "rq"), "worker", "--url", server.url, "--name", name, queue]
    with (home / f"{name}.log").open("wb") as output:
        process = subprocess.Popen(command, env=environment(home), stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(lambda: hears(server, name), description="it hears commands")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()  # also where it did not end: it must not run the jobs of the tests that follow


def hears(server: Server, name: str) -> bool:
    with server.client() as client:
        return client.pubsub_numsub(keys.commands(name))[0][1] > 0
