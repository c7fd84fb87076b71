"""What tests share: a real server, and waiting for a fact instead of for a time."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from qtui_workers.server.embedded import binary

CLEAN = ("REDIS_", "RQ_", "QTUI_", "JOB_", "TEXTUAL", "SMTP_", "DATABASE_URL", "WEBHOOK_", "FETCH_", "BUILD_")
"""Beginnings of the environment variables that would change what a test sees."""

SERVER = os.environ.get("TEST_SERVER") or str(binary())
"""The program of the server that the tests start: the embedded one, or a redis-server or valkey-server of another version."""

ONCE = Retry(NoBackoff(), 0)
"""For a client that does not try again for seconds what a test lets fail."""


def patience(seconds: float = 20.0) -> float:
    """Seconds after which what was to happen is taken not to happen: longer where more processes than processors want to run."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(predicate: Callable[[], object], *, description: str, timeout: float | None = None) -> None:
    """Return when the predicate holds; fail with the description when it does not within the timeout (seconds)."""
    pause = threading.Event()
    timeout = timeout or patience()
    deadline = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < deadline, f"did not happen within {timeout} s: {description}"
        pause.wait(0.01)


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    """The environment of a subprocess: ours, without what would steer it, at home in a folder of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(CLEAN) and k != "NO_COLOR"}
    return kept | {"HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": "", "XDG_RUNTIME_DIR": ""} | extra


def reads_with(client: redis.Redis) -> str:
    """The command by which this server runs a script that only reads."""
    version = str(client.info("server")["redis_version"])
    return "EVALSHA" if version.startswith("6.") else "EVALSHA_RO"


@dataclass
class Server:
    """A Valkey process on a unix socket in a folder of its own, which can be killed and brought back."""

    folder: Path
    options: Mapping[str, str]
    program: str = SERVER
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        return str(self.folder / "s")

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self, **options: Any) -> redis.Redis:
        return redis.Redis(unix_socket_path=self.socket, socket_timeout=10, encoding_errors="surrogateescape", **options)

    def start(self) -> None:
        flags = {"port": "0", "unixsocket": self.socket, "dir": str(self.folder), "save": ""} | dict(self.options)
        arguments = [part for name, value in flags.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen([self.program, *arguments], stdout=subprocess.DEVNULL)
        wait_until(self._answers, description="the server answers")

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
