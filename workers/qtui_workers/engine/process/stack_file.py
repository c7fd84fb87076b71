"""The file into which a process writes its Python stack, for the worker to read."""

from __future__ import annotations

import faulthandler
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

SIGNAL: Final[int | None] = getattr(signal, "SIGRTMAX", None)
"""The signal that makes a horse write its stack: one that hardly any program uses. None: the system has none to spare."""
_MOST: Final = 1024 * 1024
"""Bytes that are read of it."""


class StackFile:
    """A file in memory, which a worker shares with the horse that it forks.

    The thread of the horse that watches its worker writes the stack when the worker asks for it. It needs Python's lock for
    that, so no other thread runs meanwhile, and nothing is interrupted. Only where native code holds the lock, the worker sends
    a signal, whose handler needs no lock.
    """

    def __init__(self) -> None:
        """Raises OSError."""
        self._fd = os.memfd_create("stack") if hasattr(os, "memfd_create") else _temporary_file()

    def close(self) -> None:
        """Closes it in this process."""
        with suppress(OSError):
            os.close(self._fd)

    # In the process whose stack it is

    def listen(self) -> None:
        """From now on the signal makes this process write its stack; calls of the system that it interrupts are repeated."""
        if SIGNAL is not None:
            faulthandler.register(SIGNAL, file=self._fd, all_threads=True)

    def write(self) -> None:
        """Writes the stack of all threads."""
        with suppress(OSError, ValueError):
            faulthandler.dump_traceback(self._fd, all_threads=True)

    # In the worker

    def clear(self) -> None:
        """Removes what is in it."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)

    def size(self) -> int:
        """Bytes that are in it."""
        return os.fstat(self._fd).st_size

    def read(self) -> str:
        """What is in it."""
        return os.pread(self._fd, _MOST, 0).decode("utf-8", "replace")


def can_send(pid: int) -> bool:
    """Whether a process handles the signal: it would end one that does not, such as a program that took the job's place."""
    if SIGNAL is None:
        return False
    try:
        for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (SIGNAL - 1) & 1)
    except (OSError, ValueError, IndexError):
        pass
    return False


def _temporary_file() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
