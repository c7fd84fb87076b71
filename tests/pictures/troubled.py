"""A small keyspace in which things are wrong, every value fixed: records that are damaged or gone, a job without its worker."""

from __future__ import annotations

from datetime import UTC, datetime

import redis

from qtui_workers.server import keys
from screenshots.keyspace import NOW

QUEUE = "orders"
LOST, RUNS, ENDS = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))


def seed(client: redis.Redis) -> None:
    """Failed jobs of which most are damaged, and three started ones, of which one has lost its worker."""
    client.sadd(keys.QUEUES, keys.queue(QUEUE))
    for place, fields in enumerate(
        (
            {"status": "failed", "data": b"", "description": "shop.charge.charge(order=1)", "worker_name": "web-1.7"},
            {"status": "failed"},
            {"status": "dreaming", "data": b"", "description": "shop.charge.charge(order=2)"},
        )
    ):
        _job(client, f"failed-{place}", {"ended_at": _time(60 + place), "started_at": _time(90 + place), **fields})
        client.zadd(keys.registry("failed", QUEUE), {f"failed-{place}": NOW + 9 - place})
    client.set(keys.job("failed-3"), "a text")
    client.zadd(keys.registry("failed", QUEUE), {"failed-3": NOW + 1, "failed-4": NOW})
    for place, job_id in enumerate((LOST, RUNS, ENDS)):
        fields = {"status": "started", "data": b"", "description": "shop.report.build(day=1)", "worker_name": f"web-{place}.812"}
        times = {"started_at": _time(250 - 80 * place), "last_heartbeat": _time(90 if job_id == LOST else 2), "timeout": "7200"}
        _job(client, job_id, {**fields, **times})
        client.zadd(keys.registry("wip", QUEUE), {f"{job_id}:e": NOW - 30 if job_id == LOST else NOW + 60})


def end(client: redis.Redis) -> None:
    """One of the started jobs fails."""
    client.zrem(keys.registry("wip", QUEUE), f"{ENDS}:e")
    client.hset(keys.job(ENDS), mapping={"status": "failed", "ended_at": _time(6)})


def _job(client: redis.Redis, job_id: str, fields: dict[str, str | bytes]) -> None:
    client.hset(keys.job(job_id), mapping={"origin": QUEUE, "created_at": _time(300), "enqueued_at": _time(300), **fields})


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(NOW - seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
