"""Jobs that stay in one place, each in another way; they end when the file of that path is there, or are stopped."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path

MODULE = "tests.workers.stuck"


def sleeps(path: str) -> float:
    """Returns for how long a sleep lasted that nothing may shorten."""
    Path(f"{path}.began").touch()
    began = time.monotonic()
    time.sleep(1.0)
    slept = time.monotonic() - began
    while not Path(path).exists():
        time.sleep(0.05)
    return slept


def computes(path: str) -> None:
    Path(f"{path}.began").touch()
    while not Path(path).exists():
        sum(range(100))


def waits_for_a_peer(path: str) -> None:
    ours, theirs = socket.socketpair()
    threading.Thread(target=_answers, args=(theirs, path), daemon=True).start()
    Path(f"{path}.began").touch()
    ours.recv(1)


def _answers(theirs: socket.socket, path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.05)
    theirs.send(b"!")


def holds_the_lock(path: str) -> None:
    """Stays in C code that lets no other thread run."""
    Path(f"{path}.began").touch()
    re.match("(a+)+$", "a" * 60 + "b")
