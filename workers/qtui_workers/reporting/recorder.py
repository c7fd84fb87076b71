"""Writes a job's progress and log lines to Redis from a thread of its own, in batches."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar, Final

import redis

from qtui_workers.reporting import events
from qtui_workers.reporting.redaction import redacted
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.server.scripts import Argument, Script

log = logging.getLogger(__name__)

_INTERVAL: Final = 0.25
"""Seconds between two writes, at least."""
_FIRST_PAUSE: Final = 0.05
"""Seconds from the first report or line until it is written: a short job needs one write only."""
_EVENT_INTERVAL: Final = 1.0
"""Seconds between two events of progress, at least: all jobs share one stream of events."""
_BATCH: Final = 200
"""Lines in one call of the script: the server is held for less than a millisecond or two."""
_STREAM_LIMIT: Final = 1_000
KEPT_WHILE_RUNNING: Final = 7 * 86_400
"""Seconds that log lines are kept where the recorder does not see the end of the job."""
_PATIENCE: Final = 5.0
"""Seconds that the end of a job may wait for its last lines to be written."""
_SLACK: Final = 400
"""Characters beyond the limit of a line that are checked too, so that a secret is not cut into something unlike a secret."""
_RECORD: Final = Script.load("record")

_Line = tuple[str, str, float]


class Recorder:
    """Accepts progress and lines of a job at any time, and writes them about four times a second.

    Of the progress, only the newest is written. The job itself does not wait for Redis before its end, and receives no error
    of it: the first error is logged, and what could not be written is written with what follows. The thread starts with the
    first report or line and ends with `close`. Nothing is recorded from a fork of the process, or after `close`.
    """

    TEXT_LIMIT: ClassVar[int] = 8_192
    """Characters, and also bytes, of a line that are kept at most."""

    def __init__(self, connection: redis.Redis, source: Source, *, cap: int = events.CAP) -> None:
        assert source.job is not None
        self.source = source
        self._job = source.job
        self._connection = connection
        self._cap = cap
        self._pid = os.getpid()
        self._progress: events.Details | None = None
        self._unreported: events.Details | None = None
        """Progress that was received, but has no event yet."""
        self._reported_at = -_EVENT_INTERVAL
        self._lines: deque[_Line] = deque(maxlen=_STREAM_LIMIT)
        self._batch: list[_Line] = []
        """Lines that are being written."""
        self._kept: int | None = None
        self._closed = False
        self._given_up = False
        self._warned = False
        self._starting = threading.Lock()
        self._writer: _Writer | None = None
        """The thread; None until something is to be written, as most short jobs report nothing."""

    def progress(self, facts: events.Details) -> None:
        """Accepts the newest progress."""
        if self._accepts():
            self._progress = facts
            self._wake()

    def line(self, level: str, text: str, at: float) -> None:
        """Accepts a line; where more than a thousand wait to be written, the oldest are dropped, as in the stream."""
        if self._accepts():
            self._lines.append((level, text[: self.TEXT_LIMIT + _SLACK], at))
            self._wake()

    def close(self, keep: int | None) -> None:
        """Writes what is left and ends the thread; the lines stay for `keep` seconds, or with the job where they are few.

        None: the job gets another attempt.

        Where Redis takes more than five seconds, the rest is lost, and the thread ends after its current call.
        """
        self._kept = keep
        with self._starting:
            self._closed = True
        if self._writer is not None:
            self._writer.finish(_PATIENCE)
        self._given_up = True

    def _accepts(self) -> bool:
        return self._pid == os.getpid() and not self._closed

    def _wake(self) -> None:
        if self._writer is None:
            with self._starting:
                if self._writer is None and not self._closed:  # another thread of the job may have been first
                    self._writer = _Writer(self._write)
        if self._writer is not None:
            self._writer.news.set()

    def _write(self) -> bool:
        """Writes all full batches, and at the end all there is; returns whether lines are left that fill no batch yet."""
        try:
            while not self._given_up and self._write_batch():
                if len(self._lines) < _BATCH and not self._closed:
                    return True
        except (redis.RedisError, OSError) as error:
            if not self._warned:
                self._warned = True
                log.warning("progress and log lines of %s could not be written: %s", keys.job(self._job), error)
        return False

    def _write_batch(self) -> bool:
        """Writes one batch; returns whether more lines are left."""
        facts, self._progress = self._progress, None
        self._unreported = facts or self._unreported
        self._batch = self._batch or [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]
        due = self._closed or time.monotonic() - self._reported_at >= _EVENT_INTERVAL
        event = self._unreported if due else None
        try:
            self._send(facts, event)
        except (redis.RedisError, OSError):
            self._progress = self._progress or facts
            raise
        self._batch = []
        if event is not None:
            self._unreported, self._reported_at = None, time.monotonic()
        return bool(self._lines)

    def _send(self, facts: events.Details | None, event: events.Details | None) -> None:
        flat: list[Argument] = [part for level, text, at in self._batch for part in (level, self._encoded(text), f"{at:.3f}")]
        _RECORD.run(
            self._connection,
            *flat,
            id=self._job,
            progress=json.dumps(dict(facts)) if facts else "",
            cap=_STREAM_LIMIT,
            ttl=KEPT_WHILE_RUNNING if self._kept is None else self._kept,
            ended=int(self._kept is not None and not self._lines),
            details=events.packed(event),
            events_cap=self._cap,
            **events.arguments(self.source),
        )

    def _encoded(self, text: str) -> bytes:
        return redacted(text)[: self.TEXT_LIMIT].encode("utf-8", "replace")[: self.TEXT_LIMIT]


class _Writer:
    """A thread that calls `write` after there was news, about four times a second, and once more at its end.

    What `write` leaves for later, which it says by True, is news too.
    """

    def __init__(self, write: Callable[[], bool]) -> None:
        self._write = write
        self.news = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job recorder", daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Has it write what is left, and waits for its end, at most so long."""
        self._closing.set()
        self.news.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            self.news.wait()
            self._closing.wait(pause)
            pause = _INTERVAL
            self.news.clear()
            if self._write():
                self.news.set()
        self._write()
