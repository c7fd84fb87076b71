"""Work that a worker does beside its jobs, and that may call their callbacks: each task in a process of its own."""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.execution.horse import CannotStart, Horse, HorseDied
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")

_TIMEOUT: Final = 90.0
"""Seconds that one task may take: RQ gives a callback 60."""


class SideTasks:
    """Starts such tasks, and ends those that are done or take too long."""

    def __init__(self, worker: str, *, in_horse: Callable[[], None]) -> None:
        """`in_horse` is called first in each new process."""
        self._worker = worker
        self._in_horse = in_horse
        self._running: dict[Horse, tuple[str, float]] = {}
        """What each does, and when its time is over (time.monotonic)."""
        self._waiting: list[tuple[str, Callable[[], None]]] = []

    def start(self, what: str, work: Callable[[], None]) -> None:
        """Runs `work` once, as soon as a process can be started for it; `what` names it in the log."""
        self._waiting.append((what, work))
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting:
            try:
                self._start(*self._waiting[0])
            except CannotStart as error:
                log.error("Worker %s: %s has to wait: no process can be started: %s", self._worker, self._waiting[0][0], error)
                return
            del self._waiting[0]

    def _start(self, what: str, work: Callable[[], None]) -> None:

        def settle(_: str) -> bool:
            self._in_horse()
            try:
                work()
            except Exception as error:  # it may be the code of a job, which raises anything
                log.error("Worker %s: %s: %s", self._worker, type(error).__name__, printable(str(error), 300))
                raise
            return True

        horse = Horse(_runs_no_job, settle)
        self._running[horse] = (what, time.monotonic() + _TIMEOUT)
        with suppress(HorseDied):
            horse.settle("")

    def reap(self, wait: float = 0.0) -> None:
        """Ends the processes that are done or take too long; with `wait`, all of them within so many seconds."""
        until = time.monotonic() + wait
        for horse, (what, latest) in list(self._running.items()):
            ready, _, _ = select.select([horse], [], [], max(0.0, until - time.monotonic()))
            if ready or wait or time.monotonic() >= latest:
                del self._running[horse]
                done = False
                with suppress(HorseDied):
                    done = bool(ready) and horse.receive_settled()
                if not done:
                    log.error("Worker %s: %s did not come to its end", self._worker, what)
                horse.end()
        self._start_waiting()


def _runs_no_job(_claim: Claim, _on_start: Callable[[], None] | None) -> NoReturn:
    raise AssertionError("a side task is no job")
