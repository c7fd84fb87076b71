"""Several workers side by side, each a process, under one that starts and stops them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe, get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Final

from qtui_workers.engine.process.signals import leave, on_stop
from qtui_workers.errors import InvalidInput, NotFound, QtuiError, RedisUnavailable, Refused
from qtui_workers.text import printable

log = logging.getLogger(__name__)

_PAUSE: Final = 1.0
"""Seconds before a worker that died is replaced: workers that die at once must not keep the machine busy."""
_MOST: Final = 256
_FINAL: Final = {kind.exit_code for kind in (InvalidInput, RedisUnavailable, NotFound, Refused)}
"""Exit codes with which a worker that replaces the ended one would end too."""

Work = Callable[[int, int], None]
"""Called with the number of the worker, from 1, and with how many workers have had that number, itself included."""


class Pool:
    """`size` processes that each call `work`.

    SIGTERM, SIGINT and SIGHUP end all of them; SIGTTIN adds one, SIGTTOU ends the newest after its job. With `replace`,
    a process that dies is replaced; one that ends without an error is not. Where one can never work (wrong usage, a wrong
    password, a name that is taken), all are ended.
    """

    def __init__(self, size: int, work: Work, *, replace: bool) -> None:
        self._work = work
        self._replace = replace
        self._stopping = False
        self._processes: dict[int, BaseProcess] = {}
        self._starts: Counter[int] = Counter()
        """How many workers have been started, by number."""
        self._unstarted: set[int] = set()
        """Places whose worker could not be started: no memory, or too many processes."""
        self._errors, self._report = Pipe(duplex=False)
        self._size = size
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._stopped, self._stop_waiting = socket.socketpair()

    def run(self) -> int:
        """Runs until all have ended; returns the highest of their exit codes, where a process that was killed has 1."""
        on_stop(self._pass_on)
        for number in (signal.SIGTTIN, signal.SIGTTOU):
            signal.signal(number, self._resize)
        for place in range(1, self._size + 1):
            self._start(place)
        worst = 0
        while self._processes or self._unstarted:
            sentinels = [process.sentinel for process in self._processes.values()]
            if self._unstarted:
                wait([self._woken, self._stopped, *sentinels], _PAUSE)
                self._start_unstarted()
            else:
                wait([self._woken, *sentinels])
            for place, process in list(self._processes.items()):
                if not process.is_alive():
                    worst = max(worst, self._ended(place, process))
            self._adjust()
        return worst

    def _start(self, place: int) -> None:
        arguments = self._work, place, self._starts[place] + 1, self._report
        process = get_context("fork").Process(target=_run_worker, args=arguments, name=f"worker {place}")
        try:
            process.start()
        except OSError as error:
            if place not in self._unstarted:
                log.error("worker %d cannot be started: %s; it is tried again", place, error.strerror)
            self._unstarted.add(place)
            return
        self._unstarted.discard(place)
        self._starts[place] += 1
        self._processes[place] = process
        if self._stopping:  # the signal arrived while it was being started
            process.terminate()

    def _start_unstarted(self) -> None:
        for place in sorted(self._unstarted):
            if place > self._size or self._stopping:
                self._unstarted.discard(place)
            else:
                self._start(place)

    def _ended(self, place: int, process: BaseProcess) -> int:
        del self._processes[place]
        code = process.exitcode or 0
        process.close()
        if code in _FINAL and not self._stopping:
            if self._errors.poll():
                log.error("%s", self._errors.recv_bytes().decode())
            self._stop()
        if code == 0 or self._stopping or not self._replace or place > self._size:
            return 1 if code < 0 else code
        log.error("worker %d died (exit code %d); another takes its place", place, code)
        wait([self._stopped], _PAUSE)
        if not self._stopping:
            self._start(place)
        return 0

    def _pass_on(self, signum: int, _: FrameType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        """Requests that all workers end after their jobs."""
        self._stopping = True
        self._stop_waiting.close()
        for process in list(self._processes.values()):
            if process.is_alive():
                process.terminate()

    def _resize(self, signum: int, _: FrameType | None) -> None:
        change = 1 if signum == signal.SIGTTIN else -1
        self._size = min(max(1, self._size + change), _MOST)
        with suppress(OSError):
            self._waker.send(b"!")

    def _adjust(self) -> None:
        """Starts or ends workers where a signal has changed their number."""
        try:
            self._woken.recv(64)
        except OSError:
            return
        log.info("%d workers are wanted now", self._size)
        for place in range(1, self._size + 1):
            if place not in self._processes and not self._stopping:
                self._start(place)
        for place, process in list(self._processes.items()):
            if place > self._size:
                process.terminate()


def _run_worker(work: Work, place: int, times: int, report: Connection) -> None:
    """In the new process: calls `work`; an error is one sentence and an exit code."""
    on_stop(leave)
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)  # they are for the pool; their default would stop the process
    threading.Thread(target=_leave_with_parent, name="watches the parent", daemon=True).start()
    try:
        work(place, times)
    except QtuiError as error:
        sentence = printable(str(error), 2_000)
        if error.exit_code in _FINAL:
            report.send_bytes(sentence.encode())  # to the pool, which logs it once: all workers end with this error
        else:
            log.error("%s", sentence)
        sys.exit(error.exit_code)


def _leave_with_parent() -> None:
    """Ends this worker, after its job, when its pool was killed."""
    parent = parent_process()
    if parent is None:
        return
    if hasattr(os, "pidfd_open"):  # Linux; elsewhere a pipe is used, which later workers inherit: so they end one by one
        with suppress(ProcessLookupError):
            wait([os.pidfd_open(int(parent.pid or 0))])
    else:
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
