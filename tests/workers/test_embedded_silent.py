"""An embedded server that runs but does not answer: what is known of it is said within seconds, with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qtui_workers.errors import RedisUnavailable
from qtui_workers.server import embedded_keeper
from qtui_workers.server.embedded import SILENCE_LIMIT, START_LIMIT, join
from tests.support import wait_until
from tests.workers.test_embedded import GRACE, client, commands, keepers, servers


@pytest.fixture
def folder(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a test's server lives; after the test not one process of it may be left."""
    monkeypatch.setenv("QTUI_EMBEDDED_GRACE", GRACE)
    yield short_path / "e"
    wait_until(lambda: not commands(short_path), description="no process of the embedded server is left")


def refusal(folder: Path, limit: float = START_LIMIT) -> str:
    with pytest.raises(RedisUnavailable) as told:
        join(folder, limit=limit)
    assert "REDIS_URL" in str(told.value)
    return str(told.value)


@pytest.mark.parametrize("killed", ["nobody", "its keeper"])
def test_a_server_that_is_stopped_is_reported_at_once_as_that(folder: Path, killed: str) -> None:
    with join(folder):
        (server,) = servers(folder)
        os.kill(server, signal.SIGSTOP)
        if killed == "its keeper":
            os.kill(keepers(folder)[0], signal.SIGKILL)
        began = time.monotonic()
        assert f"is stopped (process {server}): kill -CONT {server} lets it go on" in refusal(folder)
        assert time.monotonic() - began < SILENCE_LIMIT
        os.kill(server, signal.SIGCONT)
        with join(folder):
            pass


def test_a_server_that_is_busy_is_reported_after_some_seconds(folder: Path) -> None:
    with join(folder) as joined, client(joined) as asked:
        (server,) = servers(folder)
        connection = asked.connection_pool.get_connection()
        connection.send_command("EVAL", "local n = 0 while true do n = n + 1 end", 0)
        said = refusal(folder)
        assert "takes connections, but has not answered for" in said
        assert f"(process {server})" in said
        os.kill(server, signal.SIGKILL)


def test_a_server_whose_socket_is_gone_is_reported_with_how_it_comes_back(folder: Path) -> None:
    with join(folder) as joined, client(joined) as asked:
        (server,) = servers(folder)
        asked.set("k", "v")
        joined.socket.unlink()
        said = refusal(folder)
        assert f"runs (process {server}), but its socket {joined.socket} is gone: kill {server} has it started anew" in said
        os.kill(server, signal.SIGTERM)
        joined.ensure()
        assert asked.get("k") == b"v"


def test_a_process_that_has_the_number_of_an_earlier_server_is_neither_named_nor_ended(folder: Path) -> None:
    with join(folder) as joined:
        other = subprocess.Popen(["sleep", "60"])
        (folder / embedded_keeper.PID).write_text(f"{other.pid}\n")
        os.kill(keepers(folder)[0], signal.SIGKILL)
        (server,) = servers(folder)
        os.kill(server, signal.SIGSTOP)
        assert f"is stopped (process {server})" in refusal(folder)
        joined.socket.unlink()
        assert str(other.pid) not in refusal(folder, limit=0.2)
        os.kill(server, signal.SIGKILL)
        joined.ensure()
    assert other.poll() is None
    other.kill()
    other.wait()
