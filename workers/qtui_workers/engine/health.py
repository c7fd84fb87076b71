"""Whether a worker turns and can work, for what watches over processes: `GET /live` and `GET /ready`, by a process beside it."""

from __future__ import annotations

import mmap
import os
import re
import signal
import socket
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Final

from qtui_workers.engine.pulse import GRACE, SLOT, Pulse, workers
from qtui_workers.errors import InvalidInput

MOST: Final = 256
"""The most workers that one command starts."""
_PATIENCE: Final = 5.0
"""Seconds for a request to arrive."""
_PAUSE: Final = 0.5
"""Seconds between two looks whether the worker is still there."""


class Health:
    """Listens on an address from the start, and answers once it serves, until the process that made it is gone."""

    def __init__(self, address: str) -> None:
        """`address`: `PORT`, on loopback, or `HOST:PORT`. Raises InvalidInput where that is none, or cannot be listened on."""
        self._memory = mmap.mmap(-1, SLOT.size * MOST)  # shared with the processes that are forked
        try:
            self._socket = _listening(address)
        except OSError as error:
            raise InvalidInput(f"--health-port {address}: {error.strerror or error}; choose another port or address") from None
        self._server: int | None = None
        self.port: int = self._socket.getsockname()[1]

    def pulse(self, place: int) -> Pulse:
        """What the worker of that number, from 1, writes to."""
        return Pulse(self._memory, place)

    def serve(self) -> None:
        """Answers in a process beside this one: the loop of a worker has no other thread, as it forks, and is never held up."""
        parent = os.getpid()
        self._server = os.fork()
        if self._server:
            self._socket.close()
            return
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)  # sent to the whole group: jobs may still end, and probes arrive meanwhile
            server = _Server(self._socket, self._memory)
            while os.getppid() == parent:
                server.handle_request()
        finally:
            os._exit(0)

    def close(self) -> None:
        """Ends the process beside this one."""
        if self._server:
            os.kill(self._server, signal.SIGKILL)
            os.waitpid(self._server, 0)
            self._server = None


def _listening(address: str) -> socket.socket:
    found = re.fullmatch(r"(?:(?P<host>\[[0-9a-fA-F:.%]+\]|[^:\s]+):)?(?P<port>[0-9]{1,5})", address)
    if found is None or int(found["port"]) > 65_535:
        raise InvalidInput(f"--health-port {address!r}: give a PORT, or HOST:PORT, as in 8080 or 0.0.0.0:8080")
    host = (found["host"] or "127.0.0.1").strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(found["port"])), family=family, backlog=16)


def _live(memory: mmap.mmap) -> tuple[bool, str]:
    """Whether the loop of every worker turns, and a sentence that says so."""
    now = time.monotonic()
    late = {place: now - until for place, (until, _) in workers(memory).items() if until < now}
    if not late:
        return True, "live"
    return False, "; ".join(f"worker {place} has not turned for {seconds + GRACE:.0f} s" for place, seconds in late.items())


def _ready(memory: mmap.mmap) -> tuple[bool, str]:
    """Whether a worker is registered, and Redis answers it; and a sentence that says so."""
    found = workers(memory)
    ready = sum(ready for _, ready in found.values())
    if ready:
        return True, f"ready: {ready} of {len(found)}"
    return False, "no worker is ready: not registered yet, Redis does not answer, or it ends" if found else "no worker yet"


def _metrics(memory: mmap.mmap) -> str:
    """The same for Prometheus."""
    now, lines = time.monotonic(), {"live": "", "ready": ""}
    for place, (until, ready) in workers(memory).items():
        lines["live"] += f'qtui_worker_live{{worker="{place}"}} {until >= now:d}\n'
        lines["ready"] += f'qtui_worker_ready{{worker="{place}"}} {ready:d}\n'
    return "".join(f"# TYPE qtui_worker_{name} gauge\n{text}" for name, text in lines.items())


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    timeout = _PAUSE

    def __init__(self, listening: socket.socket, memory: mmap.mmap) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.memory = memory

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asks may go away in the middle."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    wbufsize = -1  # an answer is sent whole, also where this process ends with its worker a moment later
    server: _Server

    def do_GET(self) -> None:
        """The answer to one request."""
        path = self.path.partition("?")[0]
        if path == "/live":
            good, text = _live(self.server.memory)
        elif path == "/ready":
            good, text = _ready(self.server.memory)
        elif path == "/metrics":
            self._answer(200, _metrics(self.server.memory))
            return
        else:
            self._answer(404, "there are /live, /ready and /metrics\n")
            return
        self._answer(200 if good else 503, f"{text}\n")

    do_HEAD = do_GET  # noqa: N815 - named so by http.server

    def _answer(self, code: int, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """What asks every few seconds is not logged."""
