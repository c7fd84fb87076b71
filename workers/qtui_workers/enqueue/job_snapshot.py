"""Reads one job for the program that enqueued it; without RQ's Job, so that nothing is unpickled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import redis

from qtui_workers.errors import NotFound
from qtui_workers.reporting.error_lines import error_line
from qtui_workers.server import keys
from qtui_workers.server.rq_format import decompress, parse_count, parse_datetime, parse_result, parse_traceback
from qtui_workers.text import decode, printable

_LARGEST: Final = 16 * 1024 * 1024
"""At most so many bytes of a payload or a traceback are read, counted after decompression."""
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


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """One job at one moment."""

    id: str
    queue: str | None
    status: str | None
    """As it is stored, one of `rq.job.JobStatus`; None where the record has none."""
    progress: dict[str, Any] | None
    """`{"done": 3, "total": 10, "message": "…", "at": 1700000000.0}`, or None where the job has reported none."""
    payload: dict[str, Any] | None
    """The payload's fields; None where it was not written as JSON."""
    result: Any
    """The value that the job returned; None where there is none yet, or where it was not written as JSON."""
    failed_reason: str | None
    """What its newest attempt raised, where that failed (`qtui_workers.reporting.error_lines`)."""
    attempt: int | None
    """Attempts begun so far; None where its worker does not count them, as RQ's own worker."""
    attempts: int | None
    """Attempts in all; None where the program that enqueued it did not set them."""
    enqueued_at: datetime | None
    started_at: datetime | None
    """When its newest attempt began."""
    ended_at: datetime | None
    """When its newest attempt ended."""


def read_snapshot(connection: redis.Redis, job_id: str) -> JobSnapshot:
    """The job of that id as it is now; NotFound where there is none."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.hmget(keys.job(job_id), _FIELDS)
        pipe.exists(keys.job(job_id))
        pipe.xrevrange(keys.results(job_id), count=1)
        (origin, status, data, progress, attempt, attempts, *times), exists, results = pipe.execute()
    if not exists:
        raise NotFound(f"there is no job '{printable(job_id, 80)}': it was removed, or its time to be kept is over")
    outcome: dict[bytes, bytes] = results[0][1] if results else {}
    written, _ = decompress(data or b"", _LARGEST)
    call = _json(written)
    reported = _json(progress or b"")
    reason = error_line(parse_traceback(outcome.get(b"exc_string"), _LARGEST))
    return JobSnapshot(
        id=job_id,
        queue=decode(origin) or None,
        status=decode(status) or None,
        progress=reported if isinstance(reported, dict) else None,
        payload=call[3] if isinstance(call, list) and len(call) == 4 and isinstance(call[3], dict) else None,
        result=_json(parse_result(outcome.get(b"return_value")) or b""),
        failed_reason=None if reason is None else printable(reason),
        attempt=parse_count(attempt) if attempt or times[1] else 0,
        attempts=parse_count(attempts),
        enqueued_at=parse_datetime(times[0]),
        started_at=parse_datetime(times[1]),
        ended_at=parse_datetime(times[2]),
    )


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
