"""Runs RQ's own test suite, as the installed version's source distribution has it, with our worker class.

    python -m tests.rq_suite [--stock] [argument of pytest]...

Files and options go to pytest (`tests/test_retry.py -x`), without files it is all of them. With `--stock` RQ's own classes
run it: what fails there says nothing about ours. The suite talks to a server that is started for it and to no other, and its
files stay as they were packed. What differs on purpose is in `differences.py`.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.support import CLEAN, Server

HERE = Path(__file__).parent
PR_SET_CHILD_SUBREAPER = 36
"""Orphans of this process's children become its own children (prctl(2))."""


def unpacked_suite(folder: Path) -> Path:
    """A folder with RQ's `tests`, but without RQ: what they test is the version that is installed."""
    name = f"rq-{version('rq')}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "rq", "--dest", str(folder)]
    subprocess.run([*pip, f"rq=={version('rq')}"], check=True)
    with tarfile.open(folder / f"{name}.tar.gz") as archive:
        wanted = (f"{name}/tests/", f"{name}/pyproject.toml")
        archive.extractall(folder, [one for one in archive.getmembers() if one.name.startswith(wanted)], filter="data")
    return folder / name


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def outcome(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process; meanwhile orphans are reaped, as a test takes one that is dead but not reaped for alive."""
    while True:
        pid, status = os.wait()
        if pid == process.pid:
            return os.waitstatus_to_exitcode(status)


def main(arguments: list[str]) -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    stock = "--stock" in arguments
    arguments = [one for one in arguments if one != "--stock"]
    files = [] if any(one.startswith("tests/") for one in arguments) else ["tests"]
    with tempfile.TemporaryDirectory(prefix="qt") as folder:
        suite = unpacked_suite(Path(folder))
        port = str(free_port())
        server = Server(Path(folder), {"port": port, "bind": "127.0.0.1"})
        environment = {name: value for name, value in os.environ.items() if not name.startswith(CLEAN)} | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{suite}{os.pathsep}{HERE}",
            "RUN_SLOW_TESTS_TOO": "1",
            "SUITE_PORT": port,
            "SUITE_STOCK": "1" if stock else "",
        }
        server.start()
        try:
            command = [sys.executable, "-m", "pytest", "-p", "plugin", "-p", "no:cacheprovider", *arguments, *files]
            return outcome(subprocess.Popen(command, cwd=suite, env=environment))
        finally:
            server.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
