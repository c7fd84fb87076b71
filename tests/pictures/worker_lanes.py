"""A few workers of both kinds, every value fixed, with ten minutes of events."""

from __future__ import annotations

import json
import zlib

import redis

from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time
from screenshots.keyspace import NOW

MIB = 1024 * 1024
Job = tuple[float, float, str]
"""Seconds ago at which it began, those that it took, and how it ended; '' where it runs."""
SHORT: tuple[Job, ...] = tuple((590.0 - 20 * n, 2.0 + n % 9, "failed" if n in (4, 5, 19) else "completed") for n in range(28))
WORKERS: tuple[tuple[str, float, tuple[Job, ...]], ...] = (
    ("web-1.7", 1.0, (*SHORT, (4.0, 0.0, ""))),
    ("web-1.8", 2.0, ((560.0, 200.0, "completed"), (300.0, 90.0, "retrying"), (150.0, 0.0, ""))),
    ("web-2.7", 95.0, ((580.0, 120.0, "completed"), (400.0, 0.0, ""))),
    ("web-2.8", 3.0, ()),
)
"""Name, seconds since the heartbeat, and jobs."""


def seed(client: redis.Redis) -> None:
    """Four qtui-workers, one of them silent, and a worker of another kind."""
    client.sadd(keys.QUEUES, keys.queue("payments"))
    events = []
    for name, heard, jobs in WORKERS:
        _worker(client, name, heard, holder=name)
        for place, (begun, took, ended) in enumerate(jobs):
            events.append((NOW - begun, "started", name))
            if ended:
                events.append((NOW - begun + took, ended, name))
            else:
                _running(client, f"0000000{place}-0000-4000-8000-{name:0<12}", name, NOW - begun)
    _worker(client, "old-1.99", 40.0)
    for number, (at, kind, name) in enumerate(sorted(events)):
        client.xadd(keys.EVENTS, {"event": kind, "worker": name}, id=f"{int(at * 1000)}-{number}")
    waits = "7f3a91c2-0000-4000-8000-000000000000"
    client.rpush(keys.queue("payments"), waits)
    data = zlib.compress(json.dumps(["shop.charge.charge", None, [], {"order": 1}]).encode())
    client.hset(
        keys.job(waits), mapping={"status": "queued", "data": data, "origin": "payments", "enqueued_at": format_time(NOW)}
    )
    client.hset(keys.worker("web-2.8"), "shutdown_requested_date", format_time(NOW - 5))


def _worker(client: redis.Redis, name: str, heard: float, holder: str = "") -> None:
    host, _, pid = name.partition(".")
    fields = {"hostname": host, "pid": pid, "state": "idle", "queues": "payments,mail", "version": "3.0.0"}
    fields |= {"birth": format_time(NOW - 480 if name == "web-2.8" else NOW - 7200), "last_heartbeat": format_time(NOW - heard)}
    fields |= {"successful_job_count": "1204", "failed_job_count": "3"}
    if holder:
        fields |= {keys.FIELD_HOLDER: holder, keys.FIELD_MEMORY: f"{62 * MIB} {(80 + len(name)) * MIB}"}
    client.sadd(keys.WORKERS, keys.worker(name))
    client.hset(keys.worker(name), mapping=fields)
    client.expire(keys.worker(name), 30 if heard > 60 else 3600)


def _running(client: redis.Redis, job_id: str, worker: str, at: float) -> None:
    data = zlib.compress(json.dumps(["shop.report.build", None, [], {"day": 1}]).encode())
    fields = {"status": "started", "data": data, "description": "shop.report.build(day=1)", "worker_name": worker}
    client.hset(keys.job(job_id), mapping=fields | {"origin": "payments", "started_at": format_time(at)})
    client.hset(keys.worker(worker), "state", "busy")
    client.sadd(keys.worker_executions(worker), f"{job_id}:e")
