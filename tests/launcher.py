"""Starts programs again and again in processes of their own, but imports each only once: 30 ms each instead of 900.

Run as `python -m tests.launcher FD MODULE` it is the launcher of one program, which has imported it and no other. For each
order that comes over that socket it forks an attendant, which forks again, becomes the program in that child, and tells
how it ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.support import clean_environment

ROOT = Path(__file__).parent.parent
HEAVY = {
    "qtui.cli": [*(f"qtui.commands.{name}" for name in ("demo", "enqueue", "operation")), "qtui_workers.server.embedded"],
    "qtui_workers.cli": ["qtui_workers.services.database", "qtui_workers.services.mail", "httpx2", "jinja2"],
}
"""What a program imports only when it is needed."""
ANSWER = 4
"""Bytes of an answer: the process id at first, the exit code at last."""


class Started:
    """A program that runs: what the tests use of `subprocess.Popen`."""

    def __init__(self, report: socket.socket) -> None:
        self._report = report
        self.pid = self._answer()
        self.returncode: int | None = None

    def _answer(self) -> int:
        answer = self._report.recv(ANSWER, socket.MSG_WAITALL)
        assert len(answer) == ANSWER, "the launcher has died"
        return int.from_bytes(answer, "big", signed=True)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative where a signal ended it."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = self._answer()
            self._report.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and its attendant has not said so yet
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[IO[bytes]], cwd: Path = ROOT
) -> Started:
    """The program whose `main` is in that module, in a session of its own; `files` are its standard input, output and error."""
    order = {"arguments": [module, *arguments], "environment": environment, "cwd": str(cwd)}
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(_launcher(module), [b"!"], [*(file.fileno() for file in files), theirs.fileno()])
    ours.sendall(json.dumps(order).encode() + b"\n")
    return Started(ours)


def run(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], cwd: Path = ROOT, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """The same, to its end."""
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        process = start(module, arguments, environment, [given, out, err], cwd)
        try:
            code = process.wait(60)
        finally:
            process.kill()
        return subprocess.CompletedProcess([module, *arguments], code, _content(out), _content(err))


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _launcher(module: str) -> socket.socket:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.launcher", str(theirs.fileno()), module]
    environment = clean_environment(Path("/nonexistent"), PYTHONPATH=str(ROOT))
    with theirs:
        process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])

    def close() -> None:
        ours.close()
        process.wait(10)

    atexit.register(close)
    return ours


def serve(control: socket.socket) -> None:
    """Take orders until no process is left that could send one."""
    while (received := socket.recv_fds(control, 1, 4))[0]:
        if os.fork() == 0:
            control.close()
            return attend(received[1])
        for file in received[1]:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return None


def attend(files: list[int]) -> None:
    """Start one program, and tell its process id and its exit code."""
    report = socket.socket(fileno=files.pop())
    with report.makefile("rb") as lines:
        order = json.loads(lines.readline())
    child = os.fork()
    if child == 0:
        report.close()
        return become(order, files)
    for file in (0, 1, 2, *files):
        os.close(file)
    with suppress(OSError):  # nobody may be left who waits for an answer
        report.sendall(child.to_bytes(ANSWER, "big", signed=True))
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        report.sendall(ended.to_bytes(ANSWER, "big", signed=True))
    os._exit(0)


def become(order: dict[str, Any], files: list[int]) -> None:
    """Be the program."""
    os.setsid()
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path[1:1] = [folder for folder in os.environ.get("PYTHONPATH", "").split(":") if folder not in sys.path]
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.argv = order["arguments"]
    sys.modules[sys.argv[0]].main()


def main(descriptor: str, module: str) -> None:
    for name in (module, *HEAVY.get(module, ())):
        importlib.import_module(name)
    gc.freeze()  # or every child copies what its garbage collector looks at
    serve(socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    main(*sys.argv[1:])
