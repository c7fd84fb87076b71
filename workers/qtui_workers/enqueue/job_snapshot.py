"""How one job is, for the program that enqueued it: read without RQ's Job, so that nothing is unpickled."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import redis

from qtui_workers.errors import NotFound
from qtui_workers.server import keys
from qtui_workers.text import decode, printable

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes that a payload or a traceback may take once unpacked; more is not read."""
_FIELDS: Final = (
    "origin",
    "status",
    "data",
    keys.FIELD_PROGRESS,
    keys.FIELD_ATTEMPT,
    keys.FIELD_ATTEMPTS,
    "enqueued_at",
    "started_at",
    "ended_at",
)
_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""As RQ writes it, in UTC (`rq.utils.utcformat`)."""


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """One job at one moment."""

    id: str
    queue: str
    status: str
    """One of RQ's (`rq.job.JobStatus`), as it is stored."""
    progress: dict[str, Any] | None
    """`{"done": 3, "total": 10, "message": "…", "at": 1700000000.0}`, or None where it has told none."""
    payload: dict[str, Any] | None
    """The fields; None where it was not written as JSON."""
    result: Any
    """What it returned; None while there is nothing, or where it was not written as JSON."""
    failed_reason: str | None
    """The last line of the traceback, where its newest attempt failed."""
    attempt: int
    """Attempts begun so far; 0 also where its worker does not count them, as RQ's own."""
    attempts: int | None
    """Attempts in all; None where whoever enqueued it did not say."""
    enqueued_at: datetime | None
    started_at: datetime | None
    """When its newest attempt began."""
    ended_at: datetime | None
    """When its newest attempt ended."""


def read_state(connection: redis.Redis, job_id: str) -> JobSnapshot:
    """The state of that job; NotFound where there is none."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.hmget(keys.job(job_id), _FIELDS)
        pipe.exists(keys.job(job_id))
        pipe.xrevrange(keys.results(job_id), count=1)
        (origin, status, data, progress, attempt, attempts, *times), exists, results = pipe.execute()
    if not exists:
        raise NotFound(f"there is no job '{printable(job_id, 80)}': it was removed, or its time to be kept is over")
    outcome: dict[bytes, bytes] = results[0][1] if results else {}
    call = _json(_unpacked(data or b""))
    told = _json(progress or b"")
    return JobSnapshot(
        id=job_id,
        queue=decode(origin),
        status=decode(status),
        progress=told if isinstance(told, dict) else None,
        payload=call[3] if isinstance(call, list) and len(call) == 4 and isinstance(call[3], dict) else None,
        result=_json(_base64(outcome.get(b"return_value", b""))),
        failed_reason=_last_line(decode(_unpacked(_base64(outcome.get(b"exc_string", b""))))),
        attempt=_count(attempt) or 0,
        attempts=_count(attempts),
        enqueued_at=_time(times[0]),
        started_at=_time(times[1]),
        ended_at=_time(times[2]),
    )


def _count(raw: bytes | None) -> int | None:
    return int(raw) if raw and len(raw) < 10 and raw.isdigit() else None


def _time(raw: bytes | None) -> datetime | None:
    try:
        return datetime.strptime(decode(raw), _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _LARGEST)
    except zlib.error:
        return data  # RQ takes plain bytes as well (`rq.job.Job.restore`)


def _base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data)
    except ValueError:
        return b""


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _last_line(text: str) -> str | None:
    lines = text.strip().splitlines()
    return printable(lines[-1]) if lines else None
