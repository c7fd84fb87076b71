"""A search that a screen runs in a thread of its own, while it goes on to load and to show what was found so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from textual.message import Message
from textual.screen import Screen

from qtui.broker.search.scan import SearchBounds
from qtui.presentation import formatting, labels

Result = TypeVar("Result")

OFTEN: Final = 0.25
"""Seconds between two reports of a search that goes on."""
SHARE: Final = 20
"""A search that is made again by itself waits so many times as long as the one before took: a twentieth of a processor."""

Search = Callable[[SearchBounds, Callable[[Callable[[], Result]], object]], Result]
"""Searches within limits; now and then hands over what gives the things found so far, and returns all of them."""


class SearchMoved(Message):
    """A search has found more, or has ended."""


class Searching(Generic[Result]):
    """One search at a time; what the one before found stays until the next one has found something."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self._stop = threading.Event()
        self._began = 0.0
        self._reported = 0.0
        self.found: Result | None = None
        """What was found so far; None before the first block of jobs was read."""
        self.error: Exception | None = None
        """Why the search ended before its end."""
        self.running = False
        self.seconds = 0.0
        """How long the last search took."""
        self.scanned = 0
        self.total = 0

    @property
    def is_due(self) -> bool:
        """Whether the search may be made again by itself."""
        return not self.running and time.monotonic() >= self._began + self.seconds * (SHARE + 1)

    @property
    def line(self) -> str:
        """How far it has looked: a bar while it goes on, '' otherwise."""
        if not self.running:
            return ""
        of = f"{formatting.count(self.scanned)} of {formatting.count(self.total)}"
        return f"{formatting.bar(self.scanned / self.total if self.total else None, 16)} {of} read"

    def start(self, look: Search[Result], *, keep: bool = False) -> None:
        """Begin a search, in the place of the one that goes on. `keep`: what was found before is shown until this one ends."""
        self.stop()
        stop = self._stop = threading.Event()
        if not keep:
            self.found = None
        self.error, self.running, self.scanned, self.total = None, True, 0, 0
        self._began = self._reported = time.monotonic()
        limits = SearchBounds(
            stop=stop.is_set, on_progress=lambda _matched, scanned, total: self._progressed(stop, scanned, total)
        )

        def found(so_far: Callable[[], Result]) -> None:
            if self._stop is stop and not keep and self._is_time:
                self.found = so_far()

        def work() -> None:
            try:
                result = look(limits, found)
            except Exception as error:  # noqa: BLE001 - shown by the screen, whatever it is
                if self._stop is stop:
                    self.error = error
            else:
                if self._stop is stop:
                    self.found = result
            if self._stop is stop:
                self.running, self.seconds = False, time.monotonic() - self._began
                self._screen.post_message(SearchMoved())

        self._screen.run_worker(work, thread=True, exit_on_error=False, group="search")

    def say_error(self, connection: str) -> None:
        """Show why the search has ended before its end, if it has; `connection`: its name."""
        if self.error:
            self._screen.notify(labels.sentence(self.error, connection), severity="error", markup=False)

    def stop(self) -> None:
        """End the search after the jobs that are being read; what it has found stays."""
        self._stop.set()
        self.running = False

    @property
    def _is_time(self) -> bool:
        """Whether to report: after the first jobs, and then not too often."""
        return self._reported == self._began or time.monotonic() >= self._reported + OFTEN

    def _progressed(self, stop: threading.Event, scanned: int, total: int) -> None:
        if self._stop is stop:
            self.scanned, self.total = scanned, total
            if self._is_time:
                self._reported = time.monotonic()
                self._screen.post_message(SearchMoved())
