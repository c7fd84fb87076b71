"""Starts programs again and again in processes of their own, but imports each only once: 30 ms each instead of 900.

Run as `python -m tests.launcher FD MODULE` it is the launcher of one program, which has imported it and no other. For each
order that it receives over that socket it forks, becomes the program in the child, and reports how that ended.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
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
    "qtui_workers.cli": [
        "qtui_workers.engine.start",
        "qtui_workers.services.database",
        "qtui_workers.services.mail",
        "httpx2",
        "jinja2",
    ],
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
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    files: Sequence[IO[bytes] | int],
    cwd: Path = ROOT,
    ignored: Sequence[signal.Signals] = (),
) -> Started:
    """The program whose `main` is in that module, in a session of its own.

    `files` are its standard input, output and error; a terminal as its input is that of its session. `ignored` are signals that
    it ignores.
    """
    order = {"arguments": [module, *arguments], "environment": environment, "cwd": str(cwd), "ignored": [*ignored]}
    ours, theirs = socket.socketpair()
    numbers = [file if isinstance(file, int) else file.fileno() for file in files]
    with theirs:
        socket.send_fds(_launcher(module), [b"!"], [*numbers, theirs.fileno()])
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
    """Carry out orders until no process is left that could send one."""
    running: dict[int, socket.socket] = {}
    woken, waker = socket.socketpair()
    for end in (woken, waker):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno())
    while True:
        for ready in select.select([control, woken], [], [])[0]:
            if ready is woken:
                woken.recv(4096)
                report_ended(running)
                continue
            received = socket.recv_fds(control, 1, 4)
            if not received[0]:
                return
            *files, number = received[1]
            report = socket.socket(fileno=number)
            with report.makefile("rb") as lines:
                order = json.loads(lines.readline())
            if (child := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (control, woken, waker, report, *running.values()):
                    end.close()
                become(order, files)
                return
            for file in files:
                os.close(file)
            running[child] = report
            tell(report, child)


def report_ended(running: dict[int, socket.socket]) -> None:
    """Report the exit codes of the programs that have ended, which are taken out."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            with running.pop(ended[0]) as report:
                tell(report, os.waitstatus_to_exitcode(ended[1]))


def tell(report: socket.socket, number: int) -> None:
    """Send an answer, unless nobody is left who waits for it."""
    with suppress(OSError):
        report.sendall(number.to_bytes(ANSWER, "big", signed=True))


def become(order: dict[str, Any], files: list[int]) -> None:
    """Be the program."""
    os.setsid()
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path[1:1] = [folder for folder in os.environ.get("PYTHONPATH", "").split(":") if folder not in sys.path]
    for number, (name, file) in enumerate(zip(("stdin", "stdout", "stderr"), files, strict=True)):
        os.dup2(file, number)
        os.close(file)
        # Made anew: the launcher's own began on another kind of file, such as one that can be read again from its beginning.
        before = getattr(sys, name)
        stream = open(  # noqa: SIM115 - it is open as long as the process lives
            number,
            "w" if number else "r",
            encoding=before.encoding,
            errors=before.errors,
            closefd=False,
            buffering=1 if number == 2 or os.isatty(number) else -1,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in order["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    sys.argv = order["arguments"]
    try:
        sys.modules[sys.argv[0]].main()
    except SystemExit as error:
        if not isinstance(error.code, int | None):
            raise
        leave(error.code or 0)
    leave(0)


def leave(code: int) -> None:
    """End as the interpreter does, but without clearing up its memory, which takes longer than most commands do.

    Returns where the output cannot be written, which the interpreter has its own way to report.
    """
    threading._shutdown()  # noqa: SLF001 - what the interpreter calls at its end, as the next
    atexit._run_exitfuncs()  # noqa: SLF001
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(descriptor: str, module: str) -> None:
    for name in (module, *HEAVY.get(module, ())):
        importlib.import_module(name)
    gc.freeze()  # or every child copies what its garbage collector looks at
    serve(socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    main(*sys.argv[1:])
