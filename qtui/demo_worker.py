"""A worker of `qtui demo`: `qtui-worker` that ends when whoever started it does, however that ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from qtui_workers import cli


def _end_with_the_pipe() -> None:
    """Stop once nobody holds the other end of standard input; the second signal is RQ's way to say at once."""
    os.read(sys.stdin.fileno(), 1)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.2)  # RQ takes a second signal within a second for the first one's echo


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_pipe, daemon=True).start()
    cli.main()
