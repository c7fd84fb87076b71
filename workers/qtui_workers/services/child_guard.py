"""Runs a command that cannot outlive who started it: `python tether.py COMMAND [ARGUMENT …]`.

It leads a process group of its own and holds its standard input open. When that ends, because the starter closed it
or died in any way, the whole group is killed. A file to be run, not imported: it needs nothing but Python.
"""

import os
import signal
import subprocess
import sys
import threading
from typing import NoReturn


def main(argv: list[str]) -> NoReturn:
    """Runs the command to its end and exits as it did; 127 where it cannot be started."""
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    try:
        code = subprocess.call(argv, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{argv[0]} cannot be started: {error.strerror}", flush=True)  # noqa: T201 - the output is the job's log
        os._exit(127)
    os._exit(code if code >= 0 else 128 - code)


def _end_with_the_starter() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
