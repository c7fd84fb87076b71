"""A worker of `qtui demo`: `qtui-worker` that ends when the process that started it ends, even if that was killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from qtui_workers import cli


def _end_with_the_pipe() -> None:
    """Stop when the other end of standard input is closed; RQ takes the second signal as: at once."""
    os.read(sys.stdin.fileno(), 1)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.2)  # RQ takes a second signal within a second for the first one's echo


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_pipe, daemon=True).start()
    cli.main()
