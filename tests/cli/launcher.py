"""Starts `qtui` again and again in processes of their own, but imports it only once: 30 ms each instead of 700.

Run as `python -m tests.cli.launcher FD`: on that socket it takes a line of JSON for each command, forks, becomes the
command in the child, and answers with the exit code.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any


class Launcher:
    """The process that has everything imported, seen from the tests."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.cli.launcher", str(theirs.fileno())]
        self._process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])
        theirs.close()
        self._lines = self._socket.makefile("rw")

    def run(self, arguments: Sequence[str], environment: Mapping[str, str], cwd: Path, files: Sequence[IO[bytes]]) -> int:
        """The exit code of `qtui` with these arguments; `files` are its standard input, output and error."""
        order = {"arguments": arguments, "environment": environment, "cwd": str(cwd)}
        paths = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in files]
        self._lines.write(json.dumps(order | {"files": paths}) + "\n")
        self._lines.flush()
        return int(self._lines.readline())

    def close(self) -> None:
        self._lines.close()
        self._socket.close()
        self._process.wait(10)


def serve(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rw") as lines:
        for line in iter(lines.readline, ""):
            child = os.fork()
            if child == 0:
                become(json.loads(line))
            lines.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
            lines.flush()


def become(order: dict[str, Any]) -> None:
    """Be the command: never returns."""
    from qtui.cli import main

    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, path in enumerate(order["files"]):
        file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["qtui", *order["arguments"]]
    main()
    raise SystemExit(0)


if __name__ == "__main__":
    import qtui.commands.act
    import qtui.commands.enqueue
    import qtui.commands.look
    import qtui.demo  # noqa: F401 - imported for the children
    import workers.connection
    import workers.embedded  # noqa: F401 - imported for the children

    gc.freeze()  # or every child copies what its garbage collector looks at
    serve(int(sys.argv[1]))
