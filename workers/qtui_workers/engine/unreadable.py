"""Jobs whose record cannot be read: they are put among the failed jobs, where an operator sees them."""

# mypy: allow-untyped-calls
# (RQ's Result has no types)

from __future__ import annotations

import logging
import time
from typing import Final

import redis
from rq.results import Result
from rq.serializers import JSONSerializer

from qtui_workers.engine.ending import UNREADABLE
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")

AWAY: Final = (redis.ConnectionError, redis.TimeoutError, OSError)
"""Errors of the connection, which are not the fault of a job's record."""
_KEPT: Final = 30 * 86_400


def set_aside(connection: redis.Redis, queue: str, job_id: str, reason: str) -> None:
    """Puts a job among the failed ones of its queue, with the reason as its traceback, if it still exists."""
    kind = connection.type(keys.job(job_id))
    with connection.pipeline(transaction=True) as pipe:
        pipe.lrem(keys.intermediate(queue), 1, job_id)
        pipe.zrem(keys.registry("scheduled", queue), job_id)
        if kind != b"none":
            _add_to_failed(pipe, queue, job_id, reason)
        if kind == b"hash":
            pipe.hset(keys.job(job_id), mapping={"status": "failed", "ended_at": format_time(time.time())})
        pipe.execute()


def _add_to_failed(pipe: redis.client.Pipeline, queue: str, job_id: str, reason: str) -> None:
    sentence = f"{UNREADABLE} ({printable(reason, 300)})"
    log.error("job %s: %s; it is now among the failed jobs of %s", job_id, sentence, queue)
    pipe.zadd(keys.registry("failed", queue), {job_id: time.time() + _KEPT})
    Result(job_id, Result.Type.FAILED, pipe, exc_string=sentence, serializer=JSONSerializer).save(_KEPT, pipe)
