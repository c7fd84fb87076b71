"""Events of jobs and workers, in one capped stream per Redis: written with calls that are made anyway, read by `follow`.

An entry costs about 100 bytes, and one XADD in a call that is made anyway. The stream is only for watching: it is not
complete, as new entries replace the oldest ones, and nothing else depends on it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import redis
from redis.client import Pipeline

from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.server.rq_format import parse_count
from qtui_workers.server.scripts import Argument, Script
from qtui_workers.text import decode, printable

CAP: Final = 10_000
"""Entries that the stream keeps, about (XADD MAXLEN ~), by default."""
START: Final = "0-0"
"""The place before the oldest entry."""

_TEXT_LIMIT: Final = 300
_BYTES: Final = 4 * _TEXT_LIMIT
"""No text of so many characters has more bytes."""
_DETAILS_LIMIT: Final = 2_000
"""Bytes of details; the same number as in `event.lua`."""
_MOST_DETAILS: Final = 12
_BATCH: Final = 500
_LEAST_BLOCK: Final = 0.001

Value = str | int | float | bool | None
Details = Mapping[str, Value]


class EventKind(StrEnum):
    """The kinds of events, each with its details."""

    QUEUED = "queued"
    """The job waits in its queue. Jobs that were enqueued together have one event, without a job: `count`."""
    STARTED = "started"
    """An attempt begins."""
    PROGRESS = "progress"
    """The job's newest progress (`reporting.job_recording`): `done`, `total`, `message`; for each job at most once a second."""
    RETRYING = "retrying"
    """An attempt failed and another follows: `error`, `seconds` until then; `peak_memory` and `cpu`."""
    REFUSED = "refused"
    """A worker cannot run the job, and leaves it for others: `error`, why; `seconds` for which no worker takes it."""
    HELD = "held"
    """A worker has taken the job, and has put it into hold instead of running it: `hold`, what is held."""
    COMPLETED = "completed"
    """The job has finished: `seconds` that the attempt took, `peak_memory` in bytes, `cpu` in seconds."""
    FAILED = "failed"
    """The job has failed, and no attempt is left: `error`, what was raised (`reporting.error_lines`); `seconds`."""
    WORKER_ERROR = "worker_error"
    """A worker has trouble of its own: `error`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry, as it was read; names of jobs, queues and workers are those in Redis, to be made printable when shown."""

    id: str
    """Its place in the stream, after which `read` and `follow` can continue."""
    at: float
    """Seconds since the epoch, by the server's clock."""
    kind: str
    """An EventKind, or a kind of a newer version."""
    source: Source
    details: dict[str, Value]


_EMIT: Final = Script.load("emit")


def packed(details: Details | None) -> bytes:
    """Details as `event()` takes them: JSON of at most 2,000 bytes, long texts cut, b'' for none."""
    if not details:
        return b""
    for limit in (_TEXT_LIMIT, _TEXT_LIMIT // 10):
        bounded = {name[:40]: _bounded(value, limit) for name, value in list(details.items())[:_MOST_DETAILS]}
        text = json.dumps(bounded, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        if len(text) <= _DETAILS_LIMIT:
            return text
    return b""


def arguments(source: Source) -> dict[str, Argument]:
    """`job, queue, call, worker, attempt`, as `event()` of `event.lua` takes them."""
    texts = {"job": source.job, "queue": source.queue, "call": source.function, "worker": source.worker}
    return {**{name: (text or "")[:_TEXT_LIMIT] for name, text in texts.items()}, "attempt": source.attempt or ""}


def emit(
    connection: redis.Redis | Pipeline,
    kind: EventKind,
    source: Source,
    details: Details | None = None,
    *,
    cap: int = CAP,
) -> None:
    """Writes one event; where given a pipeline, at its execution, without a round trip of its own.

    Where the stream cannot be written to, the event is lost. Raises redis.RedisError only where the server cannot be reached.
    """
    given = _EMIT.values(cap=cap, kind=kind, **arguments(source), details=packed(details))
    connection.eval(_EMIT.text, 0, *given)


def latest(connection: redis.Redis) -> str:
    """The place after the newest entry: later events are read from there."""
    newest: Any = connection.xrevrange(keys.EVENTS, count=1)
    return decode(newest[0][0]) if newest else START


def read(connection: redis.Redis, after: str = START, *, block: float | None = None) -> list[Event]:
    """Up to 500 events after that place, oldest first.

    Where there are none, it waits at most `block` seconds, and never longer than half the client's socket timeout.
    Raises redis.RedisError.
    """
    wait = None if block is None else _milliseconds(connection, block)
    reply: Any = connection.xread({keys.EVENTS: after}, count=_BATCH, block=wait)
    if isinstance(reply, dict):  # RESP3
        entries = [entry for batches in reply.values() for batch in batches for entry in batch]
    else:
        entries = [entry for _, batch in reply or () for entry in batch]
    return [from_entry(entry_id, fields) for entry_id, fields in entries]


def newest(connection: redis.Redis, count: int) -> list[Event]:
    """So many of the newest events, oldest first. Raises redis.RedisError."""
    reply: Any = connection.xrevrange(keys.EVENTS, count=count)
    return [from_entry(entry_id, fields) for entry_id, fields in reversed(reply)]


def follow(
    connection: redis.Redis,
    after: str | None = None,
    *,
    block: float = 1.0,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Events as they are written, after that place (None: from now on); calls `stopped` at least every `block` seconds.

    Raises redis.RedisError. After an outage, call it again with the id of the last event that you received.
    """
    place = latest(connection) if after is None else after
    while not stopped():
        for event in read(connection, place, block=block):
            place = event.id
            yield event


def _milliseconds(connection: redis.Redis, block: float) -> int:
    timeout = connection.connection_pool.connection_kwargs.get("socket_timeout")
    seconds = min(block, timeout / 2) if timeout else block
    return round(max(seconds, _LEAST_BLOCK) * 1000)  # 0 is for ever


def from_entry(entry_id: bytes, fields: Mapping[bytes, bytes] | None) -> Event:
    """The event that an entry of the stream is; whatever the entry holds, its texts are bounded."""
    read = (fields or {}).get
    place = decode(entry_id)
    return Event(
        id=place,
        at=int(place.partition("-")[0]) / 1000,
        kind=_printable(read(b"event", b"")[:_BYTES], 40),
        source=Source(
            job=decode(read(b"job", b"")[:_BYTES])[:_TEXT_LIMIT] or None,
            queue=_text(read(b"queue", b"")[:_BYTES]),
            function=_printable(read(b"function", b"")[:_BYTES], _TEXT_LIMIT) or None,
            worker=_text(read(b"worker", b"")[:_BYTES]),
            attempt=parse_count(read(b"attempt")) or None,
        ),
        details=_details(read(b"details", b"")),
    )


# Few names differ, and many events have them.
@lru_cache(1_024)
def _text(raw: bytes) -> str | None:
    return decode(raw)[:_TEXT_LIMIT] or None


@lru_cache(1_024)
def _name(text: str) -> str:
    return printable(text, 40)


@lru_cache(1_024)
def _printable(raw: bytes, limit: int) -> str:
    return printable(decode(raw)[:_TEXT_LIMIT], limit)


def _details(raw: bytes) -> dict[str, Value]:
    if not raw or len(raw) > _DETAILS_LIMIT:
        return {}
    try:
        found = json.loads(raw.decode("utf-8", "surrogatepass"))  # of bytes it would find out first how they are encoded
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {_name(name): _bounded(value, _TEXT_LIMIT) for name, value in list(found.items())[:_MOST_DETAILS]}


def _bounded(value: object, limit: int) -> Value:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):  # or a bool
        return value
    return printable(str(value), limit)
