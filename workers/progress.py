"""What a running job tells about itself: how far it is, and what it logs and prints.

Progress goes into the field `keys.FIELD_PROGRESS` of the job's hash, log lines into the capped stream `keys.log(id)`
with the entries `level`, `text` and `at` (seconds since the epoch). Both work under a stock `rq worker` too.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, Final, TextIO, cast

from rq import get_current_job
from rq.job import Job

from workers import keys
from workers.recorder import Recorder

log = logging.getLogger(__name__)

_MESSAGE_LIMIT: Final = 500
_SHORTEST_KEPT: Final = 6 * 3600
_LONGEST_KEPT: Final = 30 * 86_400
_OWN_LOGGERS: Final = ("rq", "redis", "workers.recorder")
"""Their records are about the worker, not the job, and recording them could feed on itself."""

_active: Recorder | None = None
"""Not a context variable: what the job's own threads say counts too. A process runs one job at a time."""


def progress(done: float, total: float | None = None, message: str = "") -> None:
    """Says how far the running job is: `done` of `total` (None: not known), and what it is at.

    Callable from any code of a job, as often as it likes: what is newest is written about four times a second,
    and at the end. Outside a job it is only logged.
    """
    if _active is None:
        log.info("progress %s of %s %s", done, "?" if total is None else total, message)
        return
    facts = {
        "done": _finite(done),
        "total": None if total is None else _finite(total),
        "message": str(message)[:_MESSAGE_LIMIT],
        "at": time.time(),
    }
    _active.progress(json.dumps(facts))


def current_attempt() -> int:
    """Which attempt of its job is running, the first being 1; 1 outside a job.

    Our worker counts attempts; under a stock one it follows from the retries that are left (`rq.job.Job.retry`).
    """
    job = get_current_job()
    if job is None:
        return 1
    counted = getattr(job, "attempt", None)
    if counted:
        return int(counted)
    retries = len(job.retry_intervals or [])
    return max(1, retries - (job.retries_left or 0) + 1)


@contextmanager
def recording(job: Job | None) -> Iterator[None]:
    """While it lasts, progress, log records and printed lines go to the job's place in Redis.

    Nothing happens without a job, or within another recording. An error of Redis never reaches the job.
    """
    global _active
    if job is None or _active is not None:
        yield
        return
    recorder = _active = Recorder(job.connection, keys.job(job.id), keys.log(job.id), keys.FIELD_PROGRESS)
    kept = job.failure_ttl
    try:
        with _captured(recorder):
            yield
        kept = job.result_ttl
    finally:
        _active = None
        recorder.close(_kept_for(kept))


def _kept_for(ttl: int | None) -> int:
    """How long log lines stay, in seconds, where the job stays for `ttl` (None: RQ's default; negative: for ever)."""
    if ttl is None:
        return _SHORTEST_KEPT
    return min(max(ttl, _SHORTEST_KEPT), _LONGEST_KEPT) if ttl >= 0 else _LONGEST_KEPT


def _finite(number: float) -> float:
    return number if math.isfinite(number) else 0


@contextmanager
def _captured(recorder: Recorder) -> Iterator[None]:
    root = logging.getLogger()
    handler, level = _Handler(recorder), root.level
    printed = _Tee(sys.stdout, recorder)
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        with redirect_stdout(cast(TextIO, printed)):
            yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        printed.finish()


class _Handler(logging.Handler):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(logging.INFO)
        self._recorder = recorder
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        if not any(record.name == own or record.name.startswith(f"{own}.") for own in _OWN_LOGGERS):
            try:
                self._recorder.line(record.levelname, self.format(record), record.created)
            except Exception:  # noqa: BLE001 - a record that cannot be formatted is logging's affair, not the job's
                self.handleError(record)


class _Tee:
    """Standard output that also records whole lines."""

    def __init__(self, stream: TextIO, recorder: Recorder) -> None:
        self._stream = stream
        self._recorder = recorder
        self._rest = ""

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        *lines, rest = (self._rest + text).split("\n")
        for line in lines:
            self._recorder.line("PRINT", line, time.time())
        self._rest = rest[: Recorder.TEXT_LIMIT]
        return written

    def finish(self) -> None:
        if self._rest:
            self._recorder.line("PRINT", self._rest, time.time())
            self._rest = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
