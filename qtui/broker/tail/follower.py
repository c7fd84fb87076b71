"""Reads a tail in a thread of its own, as fast as lines come, and keeps them until they are fetched."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cached_property
from typing import Final

import redis

from qtui.broker.running import Running
from qtui.broker.tail.lines import MISSED, NOTE, Line
from qtui.broker.tail.reader import Tail
from qtui_workers.server.redis_errors import explain

BLOCK: Final = 0.5
"""Seconds for which one reading waits: so soon the thread ends when it is told to."""
PAUSE: Final = 1 / 5
"""Seconds between two readings …"""
SOON, MANY = 1 / 15, 200
"""… and after one that found so many lines: what comes fast is read some at a time, so that no key waits for it."""
KEPT: Final = 20_000
"""Lines that are kept until they are fetched; of more the oldest are dropped, and that is said."""
PATIENCE: Final = (1.0, 2.0, 4.0)
"""Seconds until the next try where Redis is away; the last value is repeated."""


class Follower:
    """The lines of a tail, fetched with `take`; between `stop` and the next `start` nothing is read, and nothing forgotten."""

    def __init__(
        self,
        open_tail: Callable[[], Tail],
        place: str,
        on_news: Callable[[], object],
        on_tried: Callable[[Exception | None], object] = lambda _: None,
    ) -> None:
        """`open_tail` makes the tail, once, in a thread, as the connection may have to be made. `place`: the name of that.

        `on_news` is called in the thread, once until the lines are fetched. `on_tried` is called there with the error of a
        reading that failed, and with None after the first one that did not.
        """
        self._open_tail, self._place, self._on_news, self._on_tried = open_tail, place, on_news, on_tried
        self._lines: deque[Line] = deque()
        self._lock = threading.Lock()
        self._dropped = 0
        self._seen: tuple[Running, float, int] | None = None
        self._looked = threading.Event()
        """Set once the jobs were seen: the first lines are then read together, in their order."""
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def runs(self) -> bool:
        """Whether it reads."""
        return self._thread is not None and not self._stop.is_set()

    @property
    def unread(self) -> int:
        """How many of the running jobs have logs that are not read, because there are too many of them."""
        return vars(self)["_tail"].unread if "_tail" in vars(self) else 0

    @cached_property
    def _tail(self) -> Tail:
        return self._open_tail()

    def start(self) -> None:
        """Read from now on; after a stop, on from where it was."""
        if not self.runs:
            self._stop, self._seen = threading.Event(), None
            self._thread = threading.Thread(target=self._run, args=(self._stop, self._thread), name="tail", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Read no more; the thread ends within a second."""
        self._stop.set()

    @property
    def turn(self) -> int:
        """How many readings are done."""
        return self._tail.turn

    def look(self, seen: Running, now: float, turn: int) -> None:
        """The jobs as they were seen at `now`, when so many readings were done.

        Where it was never started it reads here, and raises redis.RedisError.
        """
        if self._thread is None:
            self._keep(self._tail.read(0, seen, now, turn))
        else:
            with self._lock:
                self._seen = (seen, now, turn)
            self._looked.set()

    def take(self) -> list[Line]:
        """The lines that have come, oldest first: log lines are written in batches, so that an event may be read before them."""
        with self._lock:
            found, dropped = sorted(self._lines, key=lambda line: line.at), self._dropped
            self._lines.clear()
            self._dropped = 0
        if dropped:
            found.insert(0, Line(found[0].at, MISSED, f"{dropped:,} lines came faster than they could be shown"))
        return found

    def _keep(self, lines: list[Line]) -> bool:
        """Whether lines were kept that nobody was told of."""
        with self._lock:
            had = bool(self._lines)
            self._lines.extend(lines)
            while len(self._lines) > KEPT:
                self._lines.popleft()
                self._dropped += 1
        return bool(lines) and not had

    def _run(self, stop: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        failures, since = 0, 0.0
        while not stop.is_set():
            if not self._looked.wait(BLOCK):
                continue
            try:
                with self._lock:
                    (seen, now, turn), self._seen = self._seen or (None, 0.0, 0), None
                lines = self._tail.read(0 if seen else BLOCK, seen, now, turn)
            except (redis.RedisError, OSError) as error:
                since = since or time.time()
                self._on_tried(error)
                if not failures and self._keep([Line(time.time(), NOTE, f"{explain(error, self._place)} Trying again.")]):
                    self._on_news()
                stop.wait(PATIENCE[min(failures, len(PATIENCE) - 1)])
                failures += 1
                continue
            if failures:
                again = f"Redis answers again after {time.time() - since:.0f} s: it goes on where it was."
                lines.insert(0, Line(time.time(), NOTE, again))
                failures, since = 0, 0.0
                self._on_tried(None)
            if self._keep(lines):
                self._on_news()
            if lines:
                stop.wait(SOON if len(lines) > MANY else PAUSE)
