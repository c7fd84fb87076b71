"""A worker of `qtui demo`: a `qtui-worker` that ends when the process that started it ends, even if that process is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from qtui_workers import cli


def _end_with_the_pipe() -> None:
    """Stop the worker when the other end of standard input is closed; on the second signal RQ stops at once."""
    os.read(sys.stdin.fileno(), 1)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.2)  # RQ ignores a second signal that follows within a second


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_pipe, daemon=True).start()
    cli.main()
