"""Reads jobs for lists: which fields are read, the length to which each is cut, and the `JobRow` made from them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

import redis
from redis.client import Pipeline

from qtui.broker.models import JobRow, Progress
from qtui.broker.status import Status, parse
from qtui_workers.reading import hold, stored_payload
from qtui_workers.reading.matching import as_text
from qtui_workers.reporting.error_lines import error_line
from qtui_workers.reporting.redaction import redacted_field, without_url_passwords
from qtui_workers.server import keys
from qtui_workers.server.rq_format import parse_int, parse_number, parse_time, parse_traceback
from qtui_workers.server.scripts import Argument, Script
from qtui_workers.text import decode

FIELDS: Final[dict[str, int]] = {
    "status": 40,
    "origin": 500,
    "description": 500,
    "created_at": 40,
    "enqueued_at": 40,
    "started_at": 40,
    "ended_at": 40,
    "last_heartbeat": 40,
    "retries_left": 20,
    "worker_name": 200,
    "timeout": 20,
    keys.FIELD_ATTEMPT: 20,
    keys.FIELD_ATTEMPTS: 20,
    keys.FIELD_PROGRESS: 1_000,
    keys.FIELD_REFUSED: 1_000,
    keys.FIELD_HELD: 2_000,
    "meta": 1_000,
}
"""The fields that a list shows, with the number of bytes that the server sends of each; `row.lua` needs status first."""

DATA_READ: Final = 256 * 1024
"""In bytes; if `data` is longer, a list does not read it."""
ERROR_READ: Final = 16 * 1024
"""Bytes of a stored traceback (base64 of zlib) that are read for its error …"""
TRACEBACK_READ: Final = 256 * 1024
"""… and bytes that these may take uncompressed."""

SPEC: Final = json.dumps(
    {
        "fields": list(FIELDS),
        "bounds": list(FIELDS.values()),
        "data": stored_payload.PREFIX,
        "data_read": DATA_READ,
        "error": ERROR_READ,
    },
    ensure_ascii=False,
)
"""The argument of `row.lua`."""

META_NAMES, META_NAME, META_VALUE = 12, 40, 100
"""So many values of a job's meta are read, and so many characters of each name and value."""
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
TOO_LONG: Final[Mapping[str, str]] = MappingProxyType({"meta": f"more than {FIELDS['meta']:,} bytes"})

PROBLEMS: Final = {b"gone": "the job's hash is gone", b"type": "the job's key is not a hash"}

BLOCK: Final = 100
"""Jobs that one script reads, where there may be many."""
_NAMED: Final = Script.load("named", "qtui.broker")
_CALL: Final = re.compile(r"([A-Za-z_][\w.]*)\(")


def named(client: redis.Redis, jobs: Sequence[tuple[str, str]]) -> tuple[JobRow, ...]:
    """The rows of some jobs, each given as (id, queue), with the queue '' if it is not known; one round trip."""
    return tuple(read(reply) for reply in replies(client, [(job_id, queue, "") for job_id, queue in jobs]))


def replies(client: redis.Redis, jobs: Sequence[tuple[Argument, Argument, Argument]]) -> list[Any]:
    """What `row.lua` returns of some jobs, each given as (id, queue, score), '' where that is not known; one round trip."""
    if not jobs:
        return []
    found: list[Any] = _NAMED.read(client, *chain.from_iterable(jobs), spec=SPEC)
    return found


def named_beside(
    client: redis.Redis, jobs: Sequence[tuple[str, str]], beside: Callable[[Pipeline], object]
) -> tuple[tuple[JobRow, ...], list[Any]]:
    """The same as `named`, and the replies to other commands in the same round trip, errors among them."""
    blocks = [jobs[start : start + BLOCK] for start in range(0, len(jobs), BLOCK)]
    if not blocks:
        with client.pipeline(transaction=False) as pipe:
            beside(pipe)
            return (), pipe.execute(raise_on_error=False)
    given = [[part for job_id, queue in block for part in (job_id, queue, "")] for block in blocks]
    found = _NAMED.read_many(client, [{"spec": SPEC}] * len(blocks), given, beside=beside)
    return tuple(read(reply) for block in found[: len(blocks)] for reply in block), found[len(blocks) :]


def read(reply: list[Any], listed: Status | None = None) -> JobRow:
    """The row made from a reply of `row.lua`, from the list of a status; what cannot be read is described in its `problem`."""
    job_id, queue, score, problem = decode(reply[0]), decode(reply[1]), reply[2], reply[3]
    if problem:
        return JobRow(id=job_id, queue=queue or None, status=None, problem=PROBLEMS[problem])
    raw = dict(zip(FIELDS, reply[6:], strict=False))
    return from_fields(
        job_id,
        queue,
        raw,
        data=reply[4],
        error=error_line(parse_traceback(reply[5], TRACEBACK_READ)),
        scheduled_for=_due(raw, score, listed),
        lease_until=_lease_until(raw, score, listed),
    )


def _due(raw: dict[str, bytes | None], score: bytes, listed: Status | None) -> float | None:
    """When a scheduled job is due, also where no list named it."""
    shown_as = listed or (Status.SCHEDULED if raw["status"] == Status.SCHEDULED.value.encode() else None)
    return parse_number(score or b"") if shown_as is Status.SCHEDULED else None


def _lease_until(raw: dict[str, bytes | None], score: bytes, listed: Status | None) -> float | None:
    """By when the worker of a started job should give a sign of life; its start, if no registry has it any more."""
    if listed is Status.STARTED:
        return parse_number(score)
    runs = listed is None and raw["status"] == Status.STARTED.value.encode()
    return parse_number(score or b"") or parse_time(raw["started_at"]) if runs else None


def from_fields(
    job_id: str,
    queue: str,
    raw: dict[str, bytes | None],
    *,
    data: bytes | None,
    error: str | None,
    scheduled_for: float | None,
    lease_until: float | None,
) -> JobRow:
    """The row made from the fields of a job's hash."""
    status = parse(decode(raw.get("status")))
    description = raw.get("description")
    refusal = _refusal(raw.get(keys.FIELD_REFUSED)) if status is not None and status.waits else None
    noted = raw.get("meta") if status is Status.STARTED else None
    meta: Any = stored_payload.decode(noted).value if noted else None
    return JobRow(
        id=job_id,
        queue=queue or decode(raw.get("origin")) or None,
        status=status,
        function=_function(data, description),
        description=None if description is None else without_url_passwords(decode(description)),
        created_at=parse_time(raw.get("created_at")),
        enqueued_at=parse_time(raw.get("enqueued_at")),
        started_at=parse_time(raw.get("started_at")),
        ended_at=parse_time(raw.get("ended_at")),
        scheduled_for=scheduled_for,
        attempts=parse_int(raw.get(keys.FIELD_ATTEMPT)),
        attempts_allowed=parse_int(raw.get(keys.FIELD_ATTEMPTS)),
        retries_left=parse_int(raw.get("retries_left")),
        progress=progress(raw.get(keys.FIELD_PROGRESS), meta),
        error=error if refusal is None else refusal,
        refused=refusal,
        held=hold.read(raw.get(keys.FIELD_HELD)) if status is Status.DEFERRED else None,
        worker=decode(raw.get("worker_name")) or None,
        meta=_noted(meta, noted),
        timeout=parse_number(raw.get("timeout")),
        heartbeat_at=parse_time(raw.get("last_heartbeat")),
        lease_until=lease_until,
        problem=_problem(raw, data, status),
    )


def _refusal(raw: bytes | None) -> str | None:
    """Why workers have left a waiting job for others; None where none has."""
    try:
        found = json.loads(raw or b"null")
        return found and f"refused: {found['why']}"
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _function(data: bytes | None, description: bytes | None) -> str | None:
    """The function's name; if `data` is too long to be read, the name at the beginning of RQ's description."""
    if data:
        return stored_payload.function_name(data)
    return described_function(decode(description)) if data == b"" else None


def described_function(description: str) -> str | None:
    """The name of the function at the beginning of RQ's description of a job."""
    found = _CALL.match(description)
    return found[1] if found else None


def _problem(raw: dict[str, bytes | None], data: bytes | None, status: Status | None) -> str | None:
    if data is None:
        return "the job has no data: half of its hash is missing"
    if status is None:
        found = decode(raw.get("status"))
        return f"RQ knows no status {found!r}" if found else "the job has no status"
    return None


def _noted(meta: Any, raw: bytes | None) -> Mapping[str, str]:
    """What a job has in its meta, besides its progress."""
    if not isinstance(meta, dict):
        return TOO_LONG if raw and len(raw) >= FIELDS["meta"] else NOTHING
    others = [(str(name)[:META_NAME], value) for name, value in meta.items() if name != "progress"][:META_NAMES]
    return {name: as_text(redacted_field(name, value))[:META_VALUE] for name, value in others} if others else NOTHING


def progress(raw: bytes | None, meta: Any) -> Progress | None:
    """The progress that a job reports: the field that our worker writes, else `progress` in the meta of a job that runs.

    In meta, a number is a percentage; a mapping holds done and total. Jobs of plain RQ commonly write one of these.
    """
    if raw:
        value = stored_payload.decode(raw).value
        return _progress(value) if isinstance(value, dict) else None
    found = meta.get("progress") if isinstance(meta, dict) else None
    if isinstance(found, dict):
        return _progress(found)
    percentage = _number(found)
    return None if percentage is None else Progress(percentage, 100.0)


def _progress(value: dict[str, Any]) -> Progress | None:
    done, total, message = _number(value.get("done")), _number(value.get("total")), value.get("message")
    return None if done is None else Progress(done, total, message if isinstance(message, str) else "")


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if known else None
