"""Times in which a worker can start no process for its jobs."""

from __future__ import annotations

import logging
import time
from typing import Final

from qtui_workers.engine.worker_events import WorkerEvents

log = logging.getLogger("rq.worker")

_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 30.0
"""Seconds until it is tried again."""


class Shortage:
    """Whether no process could be started, and when to try again; logged when it begins and when it is over."""

    def __init__(self, worker: str, events: WorkerEvents) -> None:
        self._worker = worker
        self._events = events
        self._since: float | None = None
        self._pause = _FIRST_REST
        self._next_try = 0.0
        """These two are times (time.monotonic)."""

    @property
    def is_over(self) -> bool:
        """Whether processes can be started, as far as is known."""
        return self._since is None

    @property
    def rest(self) -> float:
        """Seconds until the next try."""
        return 0.0 if self._since is None else max(0.0, self._next_try - time.monotonic())

    def note(self, cause: Exception) -> None:
        """Notes that no process could be started."""
        now = time.monotonic()
        if self._since is None:
            self._since, self._pause = now, _FIRST_REST
            text = f"no process can be started to run jobs: {cause}; they stay in their queue, and it is tried again"
            log.error("Worker %s: %s", self._worker, text)
            self._events.trouble(text)
        self._next_try = now + self._pause
        self._pause = min(2 * self._pause, _LONGEST_REST)

    def end(self) -> None:
        """Notes that a process was started."""
        if self._since is not None:
            log.info("Worker %s: a process could be started after %.1f s", self._worker, time.monotonic() - self._since)
            self._since = None
