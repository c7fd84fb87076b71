"""The request to stop a worker: the running job gets some time to end, and is put back after that."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from rq.utils import now

from qtui_workers.engine.claim import Interrupted
from qtui_workers.engine.rq_adapter import WorkerInternals

_ONE_REQUEST: Final = timedelta(seconds=1)
"""Signals within this time count as one: Ctrl-C reaches every process of a group, and a pool also passes its signal on."""


class Shutdown:
    """Whether a worker was requested to stop, and until when its running job may go on.

    `request` may interrupt the worker at any place: it only notes the request and wakes the loop, which calls `acknowledge`.
    """

    def __init__(self, internals: WorkerInternals, timeout: float, acknowledged: Callable[[], None]) -> None:
        """`timeout`: seconds for the running job. `acknowledged` is called once, from the loop, after the first request."""
        self._internals = internals
        self._timeout = timeout
        self._on_acknowledged = acknowledged
        self._acknowledged = False
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self.deadline = math.inf
        """When a running job is put back (time.monotonic)."""
        self.interruptible = False
        """Whether a job runs in this very process: a second request raises Interrupted there."""

    @property
    def requested(self) -> bool:
        """Whether the worker is to end after the running job."""
        return self._internals.stop_requested

    def is_due(self) -> bool:
        """Whether the time for the running job is over."""
        return time.monotonic() >= self.deadline

    def request(self, signum: int) -> None:
        """Requests the stop; a second request, a second later, ends the wait for the running job."""
        moment = now()
        if not self.requested:
            self._internals.note_stop_requested(moment)
            self.deadline = time.monotonic() + self._timeout
            if self.interruptible:
                self._repeat_later(signum)
        elif self.is_due() or moment - (self._internals.stop_requested_at or moment) >= _ONE_REQUEST:
            self.deadline = 0.0
            if self.interruptible:
                self.interruptible = False
                raise Interrupted
        with suppress(OSError):
            self._waker.send(b"!")

    def fileno(self) -> int:
        """The descriptor that becomes readable when a stop is requested."""
        return self._woken.fileno()

    def acknowledge(self) -> None:
        """Handles a request; the loop calls it where it waits."""
        with suppress(OSError):
            self._woken.recv(64)
        if self.requested and not self._acknowledged:
            self._acknowledged = True
            self._on_acknowledged()

    def _repeat_later(self, signum: int) -> None:
        """Sends the signal again when the job's time is over, as the loop does not run while a job runs in this process."""
        timer = threading.Timer(self._timeout, os.kill, (os.getpid(), signum))
        timer.daemon = True
        timer.start()
