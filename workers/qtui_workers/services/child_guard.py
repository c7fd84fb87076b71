"""Runs a command that cannot outlive its parent: `python child_guard.py COMMAND [ARGUMENT …]`.

The guard leads a process group of its own and reads its standard input, a pipe from the parent. When that pipe ends, because the
parent closed it or died in any way, the guard kills the whole group. This file is run, not imported: it needs nothing but Python.
"""

import os
import signal
import subprocess
import sys
import threading
from typing import NoReturn


def main(argv: list[str]) -> NoReturn:
    """Runs the command to its end and exits with its code, 128 + N after signal N; with 127 where it cannot be started."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        code = subprocess.call(argv, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{argv[0]} cannot be started: {error.strerror}", flush=True)  # noqa: T201 - the output is the job's log
        os._exit(127)
    os._exit(code if code >= 0 else 128 - code)


def _end_with_the_parent() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
