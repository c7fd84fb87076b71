"""Runs a command that cannot outlive its parent: `python child_guard.py COMMAND [ARGUMENT …]`.

The guard leads a process group of its own and reads its standard input, a pipe from the parent. When that pipe ends, because the
parent closed it or died in any way, the guard kills the whole group. The command's output goes through the guard, so that it ends
with the command, even where a process that the command left behind keeps it open. This file is run, not imported: it needs
nothing but Python.
"""

import os
import select
import signal
import subprocess
import sys
import threading
from typing import NoReturn

_CHUNK = 65_536


def main(argv: list[str]) -> NoReturn:
    """Runs the command to its end and exits with its code, 128 + N after signal N; with 127 where it cannot be started."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        code = _run(argv)
    except OSError as error:
        print(f"{argv[0]} cannot be started: {error.strerror}", flush=True)  # noqa: T201 - the output is the job's log
        os._exit(127)
    os._exit(code if code >= 0 else 128 - code)


def _run(argv: list[str]) -> int:
    """Passes on the command's output until the command has ended, and what it had written by then."""
    woken, waker = os.pipe()
    output, write = os.pipe()
    for end in (waker, output):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
    signal.set_wakeup_fd(waker)
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=write, stderr=write)
    os.close(write)
    sources = [output, woken]
    while process.poll() is None:
        ready, _, _ = select.select(sources, [], [])
        if woken in ready:
            os.read(woken, 64)
        if output in ready and not _pass_on(output):
            sources = [woken]  # the command has closed its output, but runs on
    _pass_on(output)
    return process.returncode


def _pass_on(output: int) -> bool:
    """Writes what there is; False where the output has ended."""
    while True:
        try:
            data = os.read(output, _CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        while data:
            data = data[os.write(1, data) :]


def _end_with_the_parent() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
