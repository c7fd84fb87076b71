"""Writes a job's progress and log lines to Redis from a thread of its own, in batches."""

from __future__ import annotations

import logging
import threading
from collections import deque
from pathlib import Path
from typing import Any, ClassVar, Final

import redis

log = logging.getLogger(__name__)

_INTERVAL: Final = 0.25
"""Seconds between two writes, at least."""
_BATCH: Final = 200
"""Lines in one call of the script: the server is held for less than a millisecond or two."""
_STREAM_LIMIT: Final = 1_000
_KEPT_WHILE_RUNNING: Final = 7 * 86_400
_PATIENCE: Final = 5.0
"""Seconds that the end of a job may wait for its last lines to be written."""
_RECORD: Final = (Path(__file__).parent / "lua" / "record.lua").read_text(encoding="utf-8")


class Recorder:
    """Takes what a job says at any speed and writes it about four times a second, the newest progress last.

    The job itself never waits for Redis, and never sees an error of it: the first is logged, then they are ignored.
    """

    TEXT_LIMIT: ClassVar[int] = 8_192
    """Characters of a line that are kept, and bytes."""

    def __init__(self, connection: redis.Redis, job_key: str, log_key: str, progress_field: str) -> None:
        self._script = connection.register_script(_RECORD)
        self._keys = [job_key, log_key]
        self._field = progress_field
        self._progress: str | None = None
        self._lines: deque[tuple[str, bytes, float]] = deque(maxlen=_STREAM_LIMIT)
        self._kept = _KEPT_WHILE_RUNNING
        self._said = threading.Event()
        self._closing = threading.Event()
        self._complained = False
        self._thread: threading.Thread | None = None

    def progress(self, facts: str) -> None:
        """Takes the newest progress, as JSON."""
        self._progress = facts
        self._wake()

    def line(self, level: str, text: str, at: float) -> None:
        """Takes a line; of more than a thousand that wait to be written the oldest are dropped, as the stream does."""
        encoded = text[: self.TEXT_LIMIT].encode("utf-8", "replace")[: self.TEXT_LIMIT]
        self._lines.append((level, encoded, at))
        self._wake()

    def close(self, keep: int) -> None:
        """Writes what is left and ends the thread; the lines stay for `keep` seconds."""
        if self._thread is None:
            return
        self._kept = keep
        self._closing.set()
        self._said.set()
        self._thread.join(_PATIENCE)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="job recorder", daemon=True)
            self._thread.start()
        self._said.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._said.wait()
            self._said.clear()
            self._write()
            self._closing.wait(_INTERVAL)
        self._write()

    def _write(self) -> None:
        try:
            while self._write_batch():
                pass
        except (redis.RedisError, OSError) as error:
            self._lines.clear()
            if not self._complained:
                self._complained = True
                log.warning("progress and log lines of %s could not be written: %s", self._keys[0], error)

    def _write_batch(self) -> bool:
        """Writes some; True where more is left."""
        facts, self._progress = self._progress, None
        lines = [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]
        flat: list[Any] = [part for line in lines for part in line]
        self._script(keys=self._keys, args=[self._field, facts or "", _STREAM_LIMIT, self._kept, *flat])
        return bool(self._lines)
