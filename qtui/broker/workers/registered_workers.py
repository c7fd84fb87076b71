"""Reads the registered workers, and finds out which of them are alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from qtui.broker import clock
from qtui.broker.models import WorkerRow
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.rq_format import names_under, parse_int, parse_time
from qtui_workers.text import decode, encode

if TYPE_CHECKING:
    import redis

Command = tuple[str | bytes | float, ...]
"""A command and its arguments."""

SILENCE: Final = 480
"""Seconds that a worker may be silent where its hash has no expiry: RQ's worker_ttl of 420, and 60 more."""

GRACE: Final = 50
"""RQ lets a worker's record expire 60 seconds after its next heartbeat is due; with fewer seconds left, the heartbeat is late."""
SHORT: Final = 85
"""A record kept for fewer seconds after a heartbeat is that of a qtui-worker: it is gone as soon as the worker is silent."""

FIELDS: Final = (
    "hostname",
    "pid",
    "state",
    "queues",
    "current_job",  # written by RQ before 2.0, which had no executions
    "successful_job_count",
    "failed_job_count",
    "birth",
    "last_heartbeat",
    "death",
    "version",
    "shutdown_requested_date",
    keys.FIELD_HOLDER,
    keys.FIELD_MEMORY,
)
"""What is read of a worker's hash."""


def load(client: redis.Redis) -> tuple[WorkerRow, ...]:
    """Every registered worker, by name, in two round trips; a damaged record gives a stale row, not an error.

    A worker is stale when its hash is gone (RQ lets it expire when the worker is silent for too long), when its hash holds
    the time of its death, or, where the hash has no expiry, when its last heartbeat is older than `SILENCE`.
    """
    return load_at(client)[0]


def load_at(client: redis.Redis) -> tuple[tuple[WorkerRow, ...], float]:
    """The same, and the server's clock."""
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.WORKERS)
        moment, members = pipe.execute(raise_on_error=False)
        at = clock.of_reply(moment).seconds
        names = names_of(reply_of(members) or ())
        for command in commands(names):
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's
        return rows(names, pipe.execute(raise_on_error=False), at=at), at


def names_of(members: Iterable[bytes]) -> tuple[str, ...]:
    """The names in the set of worker keys (`keys.WORKERS`); members that are not keys of workers are left out."""
    return names_under(keys.WORKER_PREFIX, members)


def commands(names: tuple[str, ...]) -> Iterator[Command]:
    """The three commands for each worker whose replies `rows` reads."""
    for name in names:
        key = encode(keys.worker(name))
        yield ("HMGET", key, *FIELDS)
        yield ("TTL", key)
        yield ("SRANDMEMBER", key + b":executions")


def rows(names: tuple[str, ...], replies: list[Any], *, at: float) -> tuple[WorkerRow, ...]:
    """The workers in the replies to `commands`; `at` is the server's clock. Raises the first error among the replies.

    A key of the wrong type counts as a worker without a record.
    """
    known = [reply_of(reply) for reply in replies]
    return tuple(
        _row(name, fields or [], -2 if fields is None else ttl, execution, at)
        for name, fields, ttl, execution in zip(names, known[::3], known[1::3], known[2::3], strict=True)
    )


def _row(name: str, fields: list[bytes | None], ttl: int, execution: bytes | None, at: float) -> WorkerRow:
    found = dict(zip(FIELDS, fields, strict=False))
    heartbeat = parse_time(found.get("last_heartbeat"))
    own, _, horse = decode(found.get(keys.FIELD_MEMORY)).partition(" ")
    silent = None if heartbeat is None else max(0.0, at - heartbeat)
    return WorkerRow(
        name=name,
        host=decode(found.get("hostname")) or None,
        pid=parse_int(found.get("pid")),
        status=decode(found.get("state")) or None,
        queues=tuple(queue for queue in decode(found.get("queues")).split(",") if queue),
        current_job=decode(execution).rpartition(":")[0] or decode(found.get("current_job")) or None,
        successful=_count(found.get("successful_job_count"), ttl),
        failed=_count(found.get("failed_job_count"), ttl),
        started_at=parse_time(found.get("birth")),
        heartbeat_seconds=silent,
        stale=bool(found.get("death")) or _silent_too_long(ttl, silent),
        version=decode(found.get("version")) or None,
        knows_holds=None if ttl == -2 else found.get(keys.FIELD_HOLDER) is not None,
        memory=_bytes(own),
        horse_memory=_bytes(horse),
        stopping=bool(found.get("shutdown_requested_date")),
        late=0 <= ttl < GRACE and (silent or 0.0) + ttl >= SHORT,
    )


def _count(raw: bytes | None, ttl: int) -> int | None:
    """A count of jobs: 0 if RQ has not written one yet; None if the worker's hash is gone or the count is not a number."""
    return 0 if raw is None and ttl != -2 else parse_int(raw)


def _bytes(text: str) -> int | None:
    number = parse_int(text)
    return number if number is not None and number >= 0 else None


def _silent_too_long(ttl: int, silent: float | None) -> bool:
    """`ttl` is the reply of TTL: -2 if the hash is gone, -1 if it has no expiry."""
    return ttl == -2 or (ttl == -1 and (silent is None or silent > SILENCE))
