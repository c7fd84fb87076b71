"""Reads all of one job: its call, results, tracebacks, log, and dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker import arguments, clock, rows
from qtui.broker.models import EndedAttempt, JobDetail, JobRow
from qtui.broker.one_job.job_ids import gone
from qtui.broker.status import Status
from qtui_workers.reading import stored_payload
from qtui_workers.records import replace
from qtui_workers.reporting.error_lines import error_line
from qtui_workers.reporting.job_log import read_log
from qtui_workers.reporting.redaction import without_url_passwords
from qtui_workers.server import keys
from qtui_workers.server.replies import unless_wrong_type
from qtui_workers.server.rq_format import parse_int, parse_number, parse_result, parse_time, parse_traceback
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, encode

MAX_DATA: Final = 1024 * 1024
"""The server sends at most this many bytes of `data`."""
MAX_FIELD: Final = 64 * 1024
"""The server sends at most this many bytes of any other field."""
MAX_FIELDS: Final = 100
MAX_RESULTS: Final = 10
MAX_LOG: Final = 1_000
MAX_IDS: Final = 200
EXECUTION_KEPT: Final = 60
"""Seconds for which an execution is kept longer than its worker's sign of life holds (`rq.executions.ExecutionRegistry.add`)."""
MAX_TRACEBACK: Final = 200_000

_DETAIL: Final = Script.load("detail", "qtui.broker")

_OUTCOMES: Final = {b"1": "ok", b"2": "failed", b"3": "stopped", b"4": "retried", b"5": "gave up"}
"""`rq.results.Result.Type`."""

_FACTS: Final = (
    "result_ttl",
    "failure_ttl",
    "ttl",
    "group_id",
    "retry_intervals",
    "number_of_retries",
    "repeats_left",
    "rate_limit_key",
    "rate_limit_concurrency",
    "success_callback_name",
    "failure_callback_name",
    "stopped_callback_name",
    "allow_dependency_failures",
    "enqueue_at_front",
)


@dataclass(frozen=True, slots=True)
class _Raw:
    """The reply of the script."""

    exists: bool
    fields: dict[str, bytes]
    sizes: dict[str, int]
    ttl: float | None
    results: list[Any]
    log: list[Any]
    dependents: tuple[str, ...]
    dependencies: tuple[str, ...]
    at: float
    wrong: tuple[str, ...]


def load(client: redis.Redis, job_id: str) -> JobDetail:
    """The job with this id, in two round trips at most.

    Each damaged or missing part is described by a sentence in `problems`; all other parts are read. Raises NotFound if there
    is neither a hash nor a result for the id, redis.RedisError if the server cannot answer.
    """
    whole = _read(client, job_id)
    if not whole.exists and not whole.results:
        raise gone(job_id)
    scheduled_for = _scheduled_for(client, job_id, whole.fields)
    return _detail(job_id, whole, scheduled_for, _lease_until(client, job_id, whole.fields))


def _read(client: redis.Redis, job_id: str) -> _Raw:
    reply = _DETAIL.read(
        client,
        id=job_id,
        data=MAX_DATA,
        text=MAX_FIELD,
        fields=MAX_FIELDS,
        results=MAX_RESULTS,
        log=MAX_LOG,
        ids=MAX_IDS,
    )
    exists, flat, ttl, results, log, dependents, dependencies, moment, wrong = reply
    texts = [decode(name) for name in flat[::3]]
    return _Raw(
        exists=bool(exists),
        fields=dict(zip(texts, flat[2::3], strict=True)),
        sizes=dict(zip(texts, flat[1::3], strict=True)),
        ttl=ttl / 1000 if ttl >= 0 else None,
        results=results,
        log=log,
        dependents=tuple(sorted(decode(member) for member in dependents)),
        dependencies=tuple(sorted(decode(member) for member in dependencies)),
        at=clock.of_reply(moment).seconds,
        wrong=tuple(decode(key) for key in wrong),
    )


def _scheduled_for(client: redis.Redis, job_id: str, fields: dict[str, bytes]) -> float | None:
    if fields.get("status") != Status.SCHEDULED.value.encode():
        return None
    scheduled = encode(keys.registry("scheduled", decode(fields.get("origin"))))
    score = unless_wrong_type(client.zscore, scheduled, encode(job_id))
    return parse_number(str(score)) if score is not None else None


def _lease_until(client: redis.Redis, job_id: str, fields: dict[str, bytes]) -> float | None:
    """By when the worker of a started job should give a sign of life; its start, if it has no execution any more."""
    if fields.get("status") != Status.STARTED.value.encode():
        return None
    newest = unless_wrong_type(client.zrevrange, encode(keys.executions(job_id)), 0, 0, withscores=True)
    if newest is None:
        return None
    return newest[0][1] - EXECUTION_KEPT if newest else parse_time(fields.get("started_at"))


def _detail(job_id: str, whole: _Raw, scheduled_for: float | None, lease_until: float | None) -> JobDetail:
    problems = _problems(whole)
    call = stored_payload.job_call(whole.fields.get("data", b""))
    if call.decoded.problem:
        problems.append(f"payload: {call.decoded.problem}")
    attempts = tuple(_attempt(entry_id, flat, problems) for entry_id, flat in reversed(whole.results))
    traceback = next((a.traceback for a in reversed(attempts) if a.traceback), None) or _old_traceback(whole.fields)
    row = replace(_row(job_id, whole, attempts, traceback, scheduled_for), lease_until=lease_until)
    if silence := row.silence(whole.at):
        problems.append(f"its worker has given no sign of life for {silence:,.0f} s: the job can be put back into its queue")
    if row.problem:
        problems.insert(0, row.problem)
    ok = next((a for a in reversed(attempts) if a.outcome == "ok"), None)
    return JobDetail(
        row=row,
        payload=without_url_passwords(_payload(call, whole.fields)),
        payload_bytes=whole.sizes.get("data"),
        meta=_plain("meta", whole.fields.get("meta"), problems),
        result=ok.result if ok else _plain("result", whole.fields.get("result"), problems),
        failed_reason=row.error,
        traceback=traceback,
        attempts=attempts,
        logs=read_log(whole.fields.get(keys.FIELD_LOG), [_entry(*each) for each in reversed(whole.log)])[-MAX_LOG:],
        depends_on=whole.dependencies or _named_dependencies(whole.fields),
        dependents=whole.dependents,
        edited_from=_ids(whole.fields.get(keys.FIELD_EDITED_FROM)),
        edited_as=_ids(whole.fields.get(keys.FIELD_EDITED_AS)),
        heartbeat_at=parse_time(whole.fields.get("last_heartbeat")),
        ttl=whole.ttl,
        problems=tuple(problems),
        facts={name: decode(whole.fields[name][:500]) for name in _FACTS if whole.fields.get(name)},
    )


def _problems(whole: _Raw) -> list[str]:
    problems = [f"{key}: a key of the wrong type" for key in whole.wrong]
    for name, size in whole.sizes.items():
        if size > len(whole.fields[name]):
            problems.append(f"{name}: only the first {len(whole.fields[name]):,} of {size:,} bytes are shown")
    if len(whole.fields) == MAX_FIELDS:
        problems.append(f"only {MAX_FIELDS} fields of the hash are shown")
    for name in ("created_at", "enqueued_at", "started_at", "ended_at"):
        text = whole.fields.get(name)
        if text and parse_time(text) is None:
            problems.append(f"{name}: {decode(text[:40])!r} is no time")
    return problems


def _row(
    job_id: str, whole: _Raw, attempts: tuple[EndedAttempt, ...], traceback: str | None, scheduled_for: float | None
) -> JobRow:
    known: dict[str, bytes | None] = {name: whole.fields.get(name) for name in rows.FIELDS}
    row = rows.from_fields(
        job_id,
        "",
        known,
        data=whole.fields.get("data"),
        error=error_line(traceback) if attempts and attempts[-1].outcome != "ok" else None,
        scheduled_for=scheduled_for,
        lease_until=None,
    )
    if row.attempts is None and "retries_left" not in whole.fields and len(attempts) < MAX_RESULTS and whole.exists:
        # Without RQ's retries each ended attempt leaves a result, so they can be counted.
        row = replace(row, attempts=len(attempts) + (row.status is Status.STARTED))
    if not whole.exists or whole.wrong:
        gone = rows.PROBLEMS[b"type" if keys.job(job_id) in whole.wrong else b"gone"]
        row = replace(row, problem=gone if not whole.fields else row.problem)
    return row


def _payload(call: stored_payload.Call, fields: dict[str, bytes]) -> Any:
    if "data" not in fields:
        return None
    return arguments.shown(call, ours=keys.FIELD_ATTEMPTS in fields)


def _plain(name: str, raw: bytes | None, problems: list[str]) -> Any:
    if not raw:
        return None
    decoded = stored_payload.decode(raw)
    if decoded.problem:
        problems.append(f"{name}: {decoded.problem}")
    return without_url_passwords(decoded.value)


def _attempt(entry_id: bytes, flat: list[bytes], problems: list[str]) -> EndedAttempt:
    """An entry of the results stream (`rq.results.Result.restore`)."""
    fields = {decode(name): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
    outcome: Any = _OUTCOMES.get(fields.get("type", b""))
    if outcome is None:
        problems.append(f"a result of the unknown type {decode(fields.get('type', b'')[:20])!r}")
    stamp = parse_int(entry_id.split(b"-")[0])
    raw_peak, _, raw_cpu = (fields.get(keys.FIELD_USED) or b"").partition(b" ")
    peak, cpu = parse_int(raw_peak), parse_number(raw_cpu)
    return EndedAttempt(
        outcome=outcome,
        ended_at=parse_number(fields.get("execution_ended_at")) or (None if stamp is None else stamp / 1000),
        started_at=parse_number(fields.get("execution_started_at")),
        worker=decode(fields.get("worker_name")) or None,
        result=_plain("result", parse_result(fields.get("return_value")), problems),
        traceback=parse_traceback(fields.get("exc_string"), MAX_TRACEBACK),
        peak_memory_bytes=None if peak is None or peak < 0 else peak,
        cpu_seconds=None if cpu is None or cpu < 0 else cpu,
    )


def _old_traceback(fields: dict[str, bytes]) -> str | None:
    """The traceback in the field where RQ before 1.13 stored it; a requeue leaves that field empty."""
    raw = fields.get("exc_info")
    text = stored_payload.decode(raw).value if raw else None
    return text if isinstance(text, str) and text else None


def _named_dependencies(fields: dict[str, bytes]) -> tuple[str, ...]:
    """The dependencies that the hash names; those that have finished are no longer in the set."""
    raw = fields.get("dependency_ids")
    value = stored_payload.decode(raw).value if raw else None
    return tuple(str(item) for item in value[:MAX_IDS]) if isinstance(value, list) else ()


def _ids(raw: bytes | None) -> tuple[str, ...]:
    return tuple(decode(raw).split())[-MAX_IDS:]


def _entry(entry_id: bytes, flat: list[bytes]) -> tuple[bytes, dict[bytes, bytes]]:
    return entry_id, dict(zip(flat[::2], flat[1::2], strict=True))
