"""What a running job reports about itself: how far it is, and what it logs and prints.

Progress goes into the field `keys.FIELD_PROGRESS` of the job's hash, log lines into the capped stream `keys.log(id)`
with the entries `level` (of logging; PRINT and STDERR for what is printed), `text` (secrets hidden) and `at` (seconds
since the epoch). Both work under a stock `rq worker` too.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, TextIO

from rq.defaults import DEFAULT_RESULT_TTL
from rq.job import Job
from rq.timeouts import BaseTimeoutException

from qtui_workers.reporting.current_job import attempt_of
from qtui_workers.reporting.recorder import Recorder
from qtui_workers.reporting.source import Source, is_own, work_for
from qtui_workers.reporting.worker_logs import keep_logging

log = logging.getLogger(__name__)

_MESSAGE_LIMIT: Final = 500
_SHORTEST_KEPT: Final = 60
_LONGEST_KEPT: Final = 30 * 86_400


def progress(done: float, total: float | None = None, message: str = "") -> None:
    """Reports how far the running job is: `done` of `total` (None: not known), and a message on what it does.

    Any code of a job may call it, as often as it wants: the newest report is written about four times a second, and at the end.
    Outside a job it is only logged.
    """
    if _active is None:
        log.info("progress %s of %s %s", done, "?" if total is None else total, message)
        return
    _active.recorder.progress(
        {
            "done": _finite(done),
            "total": None if total is None else _finite(total),
            "message": str(message)[:_MESSAGE_LIMIT],
            "at": time.time(),
        }
    )


@contextmanager
def recording(job: Job | None, *, goes_on: bool = False) -> Iterator[None]:
    """Inside the block, progress, log records and printed lines are written to the job's keys in Redis.

    Nothing happens without a job, or inside another recording of the same job. The job receives no error of Redis. A process
    may record one job after the other: that costs some microseconds, and a thread only where a job reports or logs. With
    `goes_on` the next recording of the job continues this one; where there may be none, call `end_recording`.
    """
    global _active
    if job is None:
        yield
        return
    if _active is not None and _active.recorder.source.job == job.id and not _active.goes_on:
        _active.listen()
        yield
        return
    if _active is None or _active.recorder.source.job != job.id:
        end_recording()  # of another job, whose end was interrupted by a timeout or a stop
        _active = _Recording(Recorder(job.connection, Source.of(job, attempt=attempt_of(job))))
    current = _active
    current.goes_on = False
    failed = True
    try:
        current.begin()
        yield
        failed = False
    finally:
        current.goes_on = goes_on
        if not goes_on:
            current.end(_kept_for(job, failed=failed))


def end_recording() -> None:
    """Ends the recording that there is, if any."""
    if _active is not None:
        _active.end(None)


def _kept_for(job: Job, *, failed: bool) -> int | None:
    """How long log lines stay, in seconds: as long as the job, but a minute at least and 30 days at most.

    None: another attempt follows.
    """
    if failed and job.retries_left:
        return None
    ttl = job.failure_ttl if failed else job.result_ttl
    if ttl is None:  # RQ keeps a failed job for a year then
        ttl = _LONGEST_KEPT if failed else DEFAULT_RESULT_TTL
    return min(max(ttl, _SHORTEST_KEPT), _LONGEST_KEPT) if ttl >= 0 else _LONGEST_KEPT


def _finite(number: float) -> float:
    return number if math.isfinite(number) else 0


class _Recording:
    """The changes in this process while a job is recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._stdout, self._stderr = sys.stdout, sys.stderr
        self._tees: Any = (_Tee(sys.stdout, "PRINT", recorder), _Tee(sys.stderr, "STDERR", recorder))
        """In place of these; they have the methods of a TextIO."""
        self.goes_on = False
        """Whether the next recording of the job continues it."""
        self._level = logging.root.level
        self._loggers = -1
        """How many loggers there were when `listen` was called."""

    def begin(self) -> None:
        self.listen()
        work_for(self.recorder.source)
        sys.stdout, sys.stderr = self._tees

    def listen(self) -> None:
        """Has log records passed to this recording, also where a module that was imported meanwhile has configured logging."""
        count = len(logging.root.manager.loggerDict)
        if count == self._loggers and _handler in logging.root.handlers:
            return
        self._loggers = count
        keep_logging()
        for logger in _listened_to():
            logger.addHandler(_handler)
        if logging.root.level > logging.INFO:
            logging.root.setLevel(logging.INFO)

    def end(self, keep: int | None) -> None:
        """Undoes these changes, also where only some were made, and also what the job itself did to the standard streams."""
        global _active
        sys.stdout, sys.stderr = self._stdout, self._stderr
        for tee in self._tees:
            tee.finish()
        for logger in _listened_to():
            logger.removeHandler(_handler)
        if logging.root.level != self._level:
            logging.root.setLevel(self._level)
        keep_logging()
        work_for(_between_jobs(self.recorder.source.worker))
        _active = None
        self.recorder.close(keep)


@lru_cache(maxsize=16)
def _between_jobs(worker: str | None) -> Source:
    return Source(worker=worker)


def _listened_to() -> list[logging.Logger]:
    """The root, and the logger of the bundled processors where it does not pass records on to the root."""
    return [logging.root] if _OWN.propagate else [logging.root, _OWN]


_OWN: Final = logging.getLogger("qtui_workers")


_active: _Recording | None = None
"""The current recording. It is no context variable, as the job's own threads report too; a process runs one job at a time."""


class _Handler(logging.Handler):
    """Passes log records to the current recording."""

    def emit(self, record: logging.LogRecord) -> None:
        active = _active
        if active is None or is_own(record.name):  # recording these could cause more of them
            return
        try:
            active.recorder.line(record.levelname, self.format(record), record.created)
        except BaseTimeoutException:
            raise
        except Exception:  # noqa: BLE001 - a record that cannot be formatted must not fail the job: logging handles it
            self.handleError(record)


_handler: Final = _Handler(logging.INFO)


class _Tee:
    """A standard stream that also records whole lines, until it is finished."""

    def __init__(self, stream: TextIO, level: str, recorder: Recorder) -> None:
        self.plain = stream
        """Where it writes, for handlers of logging that have taken this for the standard stream."""
        self._level = level
        self._recorder: Recorder | None = recorder
        self._rests: dict[int, str] = {}
        """The beginning of a line that is not complete yet, by thread."""

    def write(self, text: str) -> int:
        written = self.plain.write(text)
        recorder = self._recorder
        if recorder is not None:
            thread = threading.get_ident()
            *lines, rest = (self._rests.get(thread, "") + text).split("\n")
            for line in lines:
                recorder.line(self._level, line, time.time())
            self._rests[thread] = rest[: Recorder.TEXT_LIMIT]
        return written

    def finish(self) -> None:
        """Records incomplete lines; a reference that the job has kept is only the plain stream from now on."""
        recorder, self._recorder = self._recorder, None
        for rest in list(self._rests.values()) if recorder is not None else ():
            if rest and recorder is not None:
                recorder.line(self._level, rest, time.time())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)
