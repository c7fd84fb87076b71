"""The commands that an overview needs, in two rounds, and what their replies mean: the same over every kind of connection.

It loads no client. `qtui.broker.queues.overview` asks over one of redis-py, `qtui.broker.queues.quick_overview` over a socket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from functools import lru_cache
from typing import Any, Final

from qtui.broker import clock
from qtui.broker.models import Overview, QueueRow, ServerInfo, WorkerRow
from qtui.broker.status import COUNTED, Status
from qtui.broker.workers import registered_workers
from qtui.broker.workers.registered_workers import Command
from qtui_workers.records import Record
from qtui_workers.server import keys
from qtui_workers.server.format import check_noted
from qtui_workers.server.replies import reply_of, unless_refused
from qtui_workers.server.rq_format import names_under, parse_time
from qtui_workers.server.script_text import Argument
from qtui_workers.text import decode

LATE: Final = 10
"""Seconds after which a scheduled job that is still not queued is overdue: a scheduler looks once a second."""
BLOCK: Final = 100
"""Queues that one script looks at: 1 to 2 ms of server time where all of them hold jobs."""

_COUNTED: Final = str([status.value for status in COUNTED]).replace("'", '"')
"""The same as JSON."""
_NO_JOBS: Final = dict.fromkeys(COUNTED, 0)
_NOTHING: Final[list[Any]] = [*_NO_JOBS.values(), None, 0, 0, 0, 0, 0]
"""What `overview.lua` would say of a queue that it leaves out."""


class Round(Record):
    """The commands of one round trip."""

    commands: tuple[Command, ...]
    arguments: dict[str, Argument]
    """The named arguments of each call of `overview.lua`."""
    blocks: tuple[tuple[str, ...], ...] = ()
    """The positional arguments, one tuple for each call. The replies to the calls come before those to the commands."""


def steps() -> Generator[Round, list[Any], Overview]:
    """Yields the commands to send, receives their replies, errors in their places; returns the overview.

    The reply to INFO is a dict, as redis-py makes it. Raises redis.RedisError where another command was refused, and where newer
    programs write there.
    """
    info, moment, *others = yield _first_round()
    queue_keys, worker_keys, suspended, paused_names, noted_format = map(reply_of, others)
    check_noted(noted_format)
    now = clock.of_reply(moment)
    at = now.seconds
    names = names_under(keys.QUEUE_PREFIX, queue_keys or ())
    worker_names = registered_workers.names_of(worker_keys or ())
    blocks = tuple(names[start : start + BLOCK] for start in range(0, len(names), BLOCK))
    arguments: dict[str, Argument] = {"counted": _COUNTED, "now": at, "late": at - LATE}
    replies = yield Round(tuple(registered_workers.commands(worker_names)), arguments, blocks)
    seen = registered_workers.rows(worker_names, replies[len(blocks) :], at=at)
    living = [worker for worker in seen if not worker.is_silent]
    listening, busy = _listening(living), _listening(worker for worker in living if worker.current_job)
    paused = {decode(name) for name in paused_names or ()}

    found = {block[place - 1]: reply for block, some in zip(blocks, replies, strict=False) for place, *reply in some}

    def row(name: str) -> QueueRow:
        reply = found.get(name)
        if reply is None and name not in paused and name not in listening:
            return _idle(name)
        *counts, since, lost, overdue, waiting_in_hold, scheduler, registered = reply or _NOTHING
        return QueueRow(
            name=name,
            counts=_counts(*counts),
            workers=listening[name],
            oldest_seconds=None if (began := parse_time(since)) is None else max(0.0, at - began),
            paused=name in paused,
            silent=max(0, registered - listening[name]),
            busy=busy[name],
            lost=lost,
            overdue=overdue,
            held=waiting_in_hold,
            scheduler=bool(scheduler),
        )

    return Overview(
        server=_server(info),
        queues=tuple(map(row, names)),
        workers=len(living),
        suspended=bool(suspended),
        at=at,
        silent=len(seen) - len(living),
        own_clock=now.is_own,
    )


def _first_round() -> Round:
    """All that does not depend on which queues and workers there are."""
    commands: tuple[Command, ...] = (
        ("INFO",),
        ("TIME",),
        ("SMEMBERS", keys.QUEUES),
        ("SMEMBERS", keys.WORKERS),
        ("EXISTS", keys.SUSPENDED),
        ("SMEMBERS", keys.PAUSED),
        ("GET", keys.FORMAT),
    )
    return Round(commands, {})


@lru_cache(10_000)
def _counts(*counts: int) -> dict[Status, int]:
    """The counts of a queue by status; thousands of small queues have the same, and share them."""
    return dict(zip(COUNTED, counts, strict=True))


@lru_cache(10_000)
def _idle(name: str) -> QueueRow:
    """The row of a queue of which there is nothing to say: always the same, so that thousands of them cost nothing."""
    return QueueRow(name=name, counts=_NO_JOBS, workers=0)


def _listening(some: Iterable[WorkerRow]) -> Counter[str]:
    """How many of these workers listen to each queue."""
    return Counter(queue for worker in some for queue in set(worker.queues))


def _server(reply: dict[str, Any] | Exception) -> ServerInfo:
    """The facts in a reply to INFO, which a user or a proxy may refuse."""
    info = unless_refused(reply) or {}
    valkey, version = info.get("valkey_version"), info.get("redis_version")
    numbers = {name: value for name, value in info.items() if isinstance(value, int)}
    return ServerInfo(
        engine="valkey" if valkey else "redis" if version else None,
        version=str(valkey or version) if valkey or version else None,
        memory_used=numbers.get("used_memory"),
        memory_max=numbers.get("maxmemory") or None,
        operations_per_second=numbers.get("instantaneous_ops_per_sec"),
    )
