"""Reads all queues, the workers and the server at one moment, in three round trips, whatever their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import redis
from redis.exceptions import ResponseError

from qtui.broker import clock, jobs, workers
from qtui.broker.models import Overview, QueueRow, ServerInfo, WorkerRow
from qtui.broker.status import COUNTED, Status
from qtui_workers.server import keys
from qtui_workers.server.format import check_noted
from qtui_workers.server.redis_errors import reply_of
from qtui_workers.server.rq_format import parse_time
from qtui_workers.text import decode, encode

LATE: Final = 10
"""Seconds after which a scheduled job that is still not queued is overdue: a scheduler looks once a second."""
MORE: Final = 5
"""Number of commands for a queue besides its counts."""


def load(client: redis.Redis) -> Overview:
    """The overview of this moment; the rates of the queues are None (`throughput.Throughput` adds them).

    A key of the wrong type counts 0, and its queue is still listed. If the user may not run INFO, the facts of the server are
    None; without TIME, the time is that of our own clock. Raises redis.RedisError if the server cannot answer, or refuses
    another command, and if newer programs write there.
    """
    with client.pipeline(transaction=False) as pipe:
        pipe.info()
        pipe.time()
        pipe.smembers(keys.QUEUES)
        pipe.smembers(keys.WORKERS)
        pipe.exists(keys.SUSPENDED)
        pipe.smembers(keys.PAUSED)
        pipe.get(keys.FORMAT)
        info, *rest = pipe.execute(raise_on_error=False)
        moment, *others = rest
        queue_keys, worker_keys, suspended, held, noted_format = map(reply_of, others)
        check_noted(noted_format)
        now = clock.moment(moment)
        at = now.seconds
        names = jobs.names_of(queue_keys or ())
        worker_names = workers.names_of(worker_keys or ())

        for name in names:
            jobs.count_commands(pipe, name)
        for name in names:
            _more_commands(pipe, name, at)
        workers.commands(pipe, worker_names)
        replies = pipe.execute(raise_on_error=False)
        counted, rest_at = len(names) * len(COUNTED), len(names) * (len(COUNTED) + MORE)
        seen = workers.rows(worker_names, replies[rest_at:], at=at)
        more = [reply_of(reply) for reply in replies[counted:rest_at]]
        waiting = _waiting(pipe, more[::MORE], at)

    living = [worker for worker in seen if not worker.is_silent]
    listening, busy = _listening(living), _listening(worker for worker in living if worker.current_job)
    paused = {decode(name) for name in held or ()}
    rows = tuple(
        QueueRow(
            name=name,
            counts=jobs.counts_of(replies[index * len(COUNTED) : (index + 1) * len(COUNTED)]),
            workers=listening[name],
            oldest_seconds=waiting[index],
            paused=name in paused,
            silent=max(0, (more[index * MORE + 4] or 0) - listening[name]),
            busy=busy[name],
            lost=more[index * MORE + 1] or 0,
            overdue=more[index * MORE + 2] or 0,
            scheduler=bool(more[index * MORE + 3]),
        )
        for index, name in enumerate(names)
    )
    return Overview(
        server=_server(info),
        queues=rows,
        workers=len(living),
        suspended=bool(suspended),
        at=at,
        silent=len(seen) - len(living),
        own_clock=now.is_own,
    )


def _more_commands(pipe: redis.client.Pipeline, name: str, at: float) -> None:
    """Adds to a pipeline the `MORE` commands for a queue: its head, lost and overdue jobs, its scheduler, its workers."""
    pipe.lindex(encode(keys.queue(name)), 0)
    pipe.zcount(encode(jobs.place(name, Status.STARTED)), "-inf", at)
    pipe.zcount(encode(jobs.place(name, Status.SCHEDULED)), "-inf", at - LATE)
    pipe.exists(encode(keys.scheduler_lock(name)))
    pipe.scard(encode(keys.queue_workers(name)))


def _waiting(pipe: redis.client.Pipeline, heads: list[Any], at: float) -> list[float | None]:
    """Seconds for which the job at the head of each queue has waited."""
    for head in heads:
        pipe.hget(encode(keys.job(decode(head) if isinstance(head, bytes) else "")), "enqueued_at")
    times = [parse_time(reply_of(reply)) for reply in pipe.execute(raise_on_error=False)]
    return [None if since is None else max(0.0, at - since) for since in times]


def _listening(some: Iterable[WorkerRow]) -> Counter[str]:
    """How many of these workers listen to each queue."""
    return Counter(queue for worker in some for queue in set(worker.queues))


def _server(reply: dict[str, Any] | Exception) -> ServerInfo:
    """The facts in a reply to INFO, which a user or a proxy may refuse."""
    info = {} if isinstance(reply, ResponseError) else reply_of(reply)
    valkey, version = info.get("valkey_version"), info.get("redis_version")
    numbers = {name: value for name, value in info.items() if isinstance(value, int)}
    return ServerInfo(
        engine="valkey" if valkey else "redis" if version else None,
        version=str(valkey or version) if valkey or version else None,
        memory_used=numbers.get("used_memory"),
        memory_max=numbers.get("maxmemory") or None,
        operations_per_second=numbers.get("instantaneous_ops_per_sec"),
    )
