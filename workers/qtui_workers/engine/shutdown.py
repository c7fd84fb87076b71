"""The request to stop a worker: the running job gets some time to end, and is put back after that."""

from __future__ import annotations

import math
import os
import select
import signal
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final

from rq.utils import now

from qtui_workers.engine.claim import Interrupted
from qtui_workers.engine.rq_adapter import WorkerInternals

_ONE_REQUEST: Final = timedelta(seconds=1)
"""Signals within this time count as one: Ctrl-C reaches every process of a group, and a pool also passes its signal on."""


_REDIS_WITHIN: Final = 0.5
"""Seconds that a worker that holds no job and is to end still waits for Redis."""


class Abandoned(BaseException):
    """The worker is to end and holds no job, but Redis does not answer: it ends without its reply."""


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
            weakref.finalize(self, end.close).atexit = False  # a program may make one worker after the other
        self.deadline = math.inf
        """When a running job is put back (time.monotonic)."""
        self.interruptible = False
        """Whether a job runs in this very process: a second request raises Interrupted there."""
        self._holds_job = False
        self._hurries = False

    @property
    def holds_job(self) -> bool:
        """Whether the worker holds a job, or may hold one: then it waits for Redis as long as it may."""
        return self._holds_job

    @holds_job.setter
    def holds_job(self, held: bool) -> None:
        self._holds_job = held
        self._set_alarm()

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
            self._set_alarm()
        elif self.is_due() or moment - (self._internals.stop_requested_at or moment) >= _ONE_REQUEST:
            self.deadline = 0.0
            if self.interruptible:
                self.interruptible = False
                raise Interrupted
        with suppress(OSError):
            self._waker.send(b"!")

    def end_at_once(self) -> None:
        """Requests the stop from within the loop; a running job goes back to its queue."""
        if not self.requested:
            self._internals.note_stop_requested(now())
        self.deadline = 0.0

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

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until a stop is requested; returns whether one is."""
        if not self.requested:
            select.select([self], [], [], seconds)
        return self.requested

    @contextmanager
    def hurries(self) -> Iterator[None]:
        """Inside the block Redis has half a second once a stop is requested and no job is held; then Abandoned is raised.

        Uses SIGALRM, as RQ's timeouts do: no job may run in this process while no job is held.
        """
        self._hurries = True
        self._set_alarm()
        try:
            yield
        finally:
            self._hurries = False
            if self.requested:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _set_alarm(self) -> None:
        if self._hurries and self.requested and not self._holds_job:
            signal.signal(signal.SIGALRM, self._abandon)
            signal.setitimer(signal.ITIMER_REAL, _REDIS_WITHIN)

    def _abandon(self, _signum: int, _frame: object) -> None:
        if self._hurries and not self._holds_job:
            raise Abandoned

    def _repeat_later(self, signum: int) -> None:
        """Sends the signal again when the job's time is over, as the loop does not run while a job runs in this process."""
        timer = threading.Timer(self._timeout, os.kill, (os.getpid(), signum))
        timer.daemon = True
        timer.start()
