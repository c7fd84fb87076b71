"""All that is in Redis, with times, names and ids of executions made equal: what two workers left can be compared."""

from __future__ import annotations

import base64
import re
import time
import zlib
from typing import Any

import redis

_IGNORED = re.compile(r"rq:(qtui:|clean_|scheduler|pubsub)|tries:|rq:worker:.*:executions$")
_TIMES = {"created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat", "execution_started_at", "execution_ended_at"}
DIED = "Work-horse terminated unexpectedly"
_WORKER = {"successful_job_count", "failed_job_count"}


def snapshot(client: redis.Redis) -> dict[str, Any]:
    """Every key with its type, content and time to live, comparable."""
    found = {}
    for key in sorted(client.keys()):
        name = key.decode()
        if _IGNORED.match(name):
            continue
        content = _content(client, name)
        found[re.sub(r"^rq:worker:.*", "rq:worker:W", name)] = (content, _rough(client.ttl(name)))
    return found


def _content(client: redis.Redis, key: str) -> Any:
    kind = client.type(key).decode()
    if kind == "hash":
        fields = {k.decode(): v for k, v in client.hgetall(key).items()}
        if key.startswith("rq:worker:"):
            return {k: v for k, v in fields.items() if k in _WORKER}
        return {k: _field(k, v) for k, v in fields.items() if not k.startswith("qtui_")}
    if kind == "zset":
        return {
            m.decode(): _rough(score - time.time()) if score > 1e6 else score
            for m, score in client.zrange(key, 0, -1, withscores=True)
        }
    if kind == "stream":
        entries = [{k.decode(): v for k, v in entry.items()} for _, entry in client.xrange(key)]
        return [{k: _field(k, v) for k, v in entry.items() if not k.startswith("qtui_")} for entry in entries]
    if kind == "list":
        return client.lrange(key, 0, -1)
    return client.smembers(key) if kind == "set" else client.get(key)


def _field(name: str, value: bytes) -> Any:
    if name in _TIMES:
        return "T" if value else ""
    if name == "worker_name":
        return "W" if value else ""
    if name == "execution_id":
        return "E"
    if name == "exc_string":
        lines = zlib.decompress(base64.b64decode(value)).decode().strip().splitlines()[-1:]
        # Of a function that is not found we say the reason, too, in a ValueError of our own, and why a process died.
        lines = [re.sub(r"^\S+: (Invalid attribute name: \S+).*", r"ValueError: \1", line) for line in lines]
        return [DIED if DIED in line else line for line in lines]
    return value


def _rough(seconds: float) -> float:
    """Lengths of time that differ by less than ten seconds are equal, where the longer is a multiple of twenty, or five more."""
    return seconds if seconds in (-1, float("inf")) else (seconds + 10) // 20
