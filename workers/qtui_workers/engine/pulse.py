"""What the loop of a worker writes down at each turn, in memory that is shared with who watches over it."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable
from typing import Final

GRACE: Final = 60.0
"""Seconds that a turn of the loop may take longer than planned: a reply that is late, a process that is started."""
SLOT: Final = struct.Struct("=qdd")
"""The id of a worker's process, 0 for none; until when its loop should turn again (time.monotonic); 1 where it is ready."""


class Pulse:
    """What the loop of one worker writes down at each turn; without memory that is shared, nobody reads it."""

    def __init__(self, memory: mmap.mmap | bytearray | None = None, place: int = 1) -> None:
        self._memory = bytearray(SLOT.size * place) if memory is None else memory
        self._start = SLOT.size * (place - 1)
        self._pid = 0
        self._is_ready: Callable[[], bool] = bool

    def begin(self, is_ready: Callable[[], bool]) -> None:
        """A worker of this process begins; `is_ready`: whether it takes jobs, called at each turn."""
        self._pid, self._is_ready = os.getpid(), is_ready
        self._write(0.0, ready=False)

    def turn(self, seconds: float) -> None:
        """The loop turns, and will turn again after so many seconds at the latest."""
        self._write(seconds, ready=self._is_ready())

    def end(self) -> None:
        """The worker takes no jobs any more."""
        self._write(0.0, ready=False)

    def _write(self, seconds: float, *, ready: bool) -> None:
        SLOT.pack_into(self._memory, self._start, self._pid, time.monotonic() + seconds + GRACE, ready)


def workers(memory: mmap.mmap) -> dict[int, tuple[float, bool]]:
    """For each worker whose process is there, by its number: until when its loop should turn, and whether it is ready."""
    found = {}
    for place in range(1, len(memory) // SLOT.size + 1):
        pid, until, ready = SLOT.unpack_from(memory, SLOT.size * (place - 1))
        if pid and _is_there(pid):
            found[place] = until, bool(ready)
    return found


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
