"""Fixtures: one real server a session, emptied for each test."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from qtui_workers.reporting.source import Source, work_for
from tests.support import CLEAN, Server

# The plugin of the pictures names, in a variable, the folder in which its processes put the differing pictures.
for _name in [name for name in os.environ if name.startswith((*CLEAN, "NO_COLOR")) and name != "TEXTUAL_SNAPSHOT_TEMPDIR"]:
    del os.environ[_name]
os.environ["TZ"] = "UTC"
# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("qtui", deadline=None)
hypothesis.settings.load_profile("qtui")
# A shell starts what runs in its background with Ctrl-C and Ctrl-\\ ignored, which programs would inherit from us.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, or one process would be at it while all others have ended."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session", autouse=True)
def rare_garbage_collection() -> Iterator[None]:
    """Screens are made of many small objects: looking for garbage among them takes a fifth of the time of a story."""
    usual = gc.get_threshold()
    gc.set_threshold(50_000, *usual[1:])
    yield
    gc.set_threshold(*usual)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder with a path short enough for a unix socket in it."""
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _about_nobody() -> None:
    """Log lines of a test do not name the worker that an earlier test ran in this process."""
    work_for(Source())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, so that no test reads or writes the person's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        # Kept on disk, or rate limits would wait for a window to pass after its start.
        server = Server(Path(folder), {"appendonly": "yes", "appendfsync": "no"})
        server.start()
        yield server
        server.kill()


@pytest.fixture
def server(shared_server: Server) -> Server:
    """The session's server, empty."""
    with shared_server.client() as client:
        client.flushall()
        client.config_resetstat()
    return shared_server


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """A client of the empty server."""
    with server.client() as client:
        yield client


@pytest.fixture
def own_server(short_path: Path) -> Iterator[Server]:
    """A server of the test's own, kept on disk: it may be killed and started again."""
    server = Server(short_path, {"appendonly": "yes", "appendfsync": "always"})
    server.start()
    yield server
    server.kill()
