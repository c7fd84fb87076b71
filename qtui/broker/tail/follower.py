"""Reads a tail in a thread of its own, as fast as lines come, and keeps them until they are fetched."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final

import redis

from qtui.broker.lists.running import Running
from qtui.broker.tail.job_line_filter import JobLineFilter
from qtui.broker.tail.lines import MISSED, NOTE, Line
from qtui.broker.tail.reader import Tail
from qtui_workers.server.redis_errors import explain

BLOCK: Final = 0.5
"""Seconds for which one reading waits: so soon the thread ends when it is requested to."""
PAUSE: Final = 1 / 5
"""Seconds between two readings …"""
SOON, MANY = 1 / 15, 200
"""… and after one that found so many lines: what comes fast is read some at a time, so that no key waits for it."""
KEPT: Final = 20_000
"""Lines that are kept until they are fetched; of more the oldest are dropped, and a line reports that."""
PATIENCE: Final = (1.0, 2.0, 4.0)
"""Seconds until the next try where Redis is away; the last value is repeated."""


class Follower:
    """The lines of a tail, fetched with `take`; between `stop` and the next `start` nothing is read, and nothing forgotten."""

    def __init__(
        self,
        open_tail: Callable[[], Tail],
        connection: str,
        on_news: Callable[[], object],
        on_tried: Callable[[Exception | None], object] = lambda _: None,
    ) -> None:
        """`open_tail` makes the tail, once, in a thread, as the connection may have to be made. `connection`: its name.

        `on_news` is called in the thread, once until the lines are fetched. `on_tried` is called there with the error of a
        reading that failed, and with None after the first one that did not.
        """
        self._open_tail, self._connection, self._on_news, self._on_tried = open_tail, connection, on_news, on_tried
        self._new: list[Line] = []
        """What was read, and whose jobs are not known yet."""
        self._lines: deque[Line] = deque()
        self._known: JobLineFilter | None = None
        self._asked: list[Line] | None = None
        """The lines that were fetched before their jobs were read for the filter."""
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
            self._read(0, seen, now, turn)
        else:
            with self._lock:
                self._seen = (seen, now, turn)
            self._looked.set()

    def filter(self, known: JobLineFilter | None, lines: Iterable[Line] = ()) -> None:
        """From now on the jobs of lines are read for `known` before they can be fetched; of `lines`, which were, in a moment."""
        with self._lock:
            self._known, self._asked = known, None if known is None else [*lines, *self._lines]

    @property
    def knows(self) -> bool:
        """Whether the jobs of all lines that were fetched have been read for the filter."""
        return self._asked is None

    def take(self) -> list[Line]:
        """The lines that have come, oldest first: log lines are written in batches, so that an event may be read before them."""
        with self._lock:
            found, dropped = sorted(self._lines, key=lambda line: line.at), self._dropped
            self._lines.clear()
            self._dropped = 0
        if dropped:
            found.insert(0, Line(found[0].at, MISSED, f"{dropped:,} lines came faster than they could be shown"))
        return found

    def _read(self, wait: float, seen: Running | None, now: float, turn: int) -> int:
        """Read on, and the jobs for the filter; how many lines have come. What is not kept because of an error is kept next."""
        self._new += self._tail.read(wait, seen, now, turn)
        with self._lock:
            known, asked = self._known, self._asked
        if known is not None:
            known.read([*(asked or ()), *self._new])
        new, self._new = self._new, []
        self._keep(new, asked)
        return len(new)

    def _keep(self, lines: list[Line], known: list[Line] | None = None) -> None:
        """Keep lines until they are fetched; `known`: those fetched ones whose jobs have been read since they were requested."""
        with self._lock:
            is_news = bool(lines) and not self._lines
            if self._asked is not None and self._asked is known:
                self._asked, is_news = None, True
            elif self._asked is not None:  # they have not been read for that
                self._asked += lines
            self._lines.extend(lines)
            while len(self._lines) > KEPT:
                self._lines.popleft()
                self._dropped += 1
        if is_news and self._thread is not None:
            self._on_news()

    def _say(self, text: str) -> None:
        self._keep([Line(time.time(), NOTE, text)])

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
                count = self._read(0 if seen or not self.knows else BLOCK, seen, now, turn)
            except (redis.RedisError, OSError) as error:
                since = since or time.time()
                self._on_tried(error)
                if not failures:
                    self._say(f"{explain(error, self._connection)} Trying again.")
                stop.wait(PATIENCE[min(failures, len(PATIENCE) - 1)])
                failures += 1
                continue
            if failures:
                self._say(f"Redis answers again after {time.time() - since:.0f} s: it goes on where it was.")
                failures, since = 0, 0.0
                self._on_tried(None)
            if count:
                stop.wait(SOON if count > MANY else PAUSE)
