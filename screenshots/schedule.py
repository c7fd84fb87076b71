"""The cron jobs and rate limits of the pictures."""

from __future__ import annotations

import json
from typing import Final

import redis

from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time

SCHEDULER: Final = "web-1:812:5f0c2a"
CRON_JOBS: Final = (
    ("close_day", "nightly", "reports.nightly.close_day", "30 2 * * *", "Europe/Berlin", -35_671, 50_729),
    ("sync_rates", "payments", "shop.ledger.sync_rates", "*/15 * * * *", "UTC", -271, 629),
    ("weekly_digest", "mail", "mail.send.digest", "0 9 * * 1", "Europe/Berlin", -104_671, 500_129),
)
"""Name, queue, function, expression, time zone, seconds from now of the last and of the next job."""
LIMITS: Final = (("gateway.example", 10, 60, 10), ("mail.example", 300, 3_600, 128), ("rates.example", 1, 5, 0))
"""Name, starts, seconds, how many are used."""


def seed(client: redis.Redis, now: float) -> None:
    """Write them as of that moment."""
    jobs = [
        {
            "name": name, "queue_name": queue, "func_name": function, "cron": cron, "interval": None, "timezone": zone,
            "latest_enqueue_time": format_time(now + last), "next_enqueue_time": format_time(now + due),
        }
        for name, queue, function, cron, zone, last, due in CRON_JOBS
    ]  # fmt: skip
    with client.pipeline(transaction=False) as pipe:
        pipe.hset(keys.cron_scheduler(SCHEDULER), "cron_jobs", json.dumps(jobs))
        pipe.zadd(keys.CRON_SCHEDULERS, {SCHEDULER: now})
        pipe.hset(keys.cron("prune_carts"), mapping={"schedule": "every 3600 s", "last": now - 90_000, "enqueued": now - 90_000})
        pipe.zadd(keys.CRON_JOBS, {"prune_carts": now - 90_000})
        for name, most, per, used in LIMITS:
            pipe.sadd(keys.LIMITERS, name)
            pipe.hset(keys.limit(name), mapping={"max": most, "per_us": per * 1_000_000})
            for number in range(used):
                pipe.zadd(keys.limit_log(name), {str(number): (now - per * (number + 1) / (used + 2)) * 1_000_000})
        closed = {"closed_until": (now + 3_000) * 1_000_000, "closed_because": "Retry-After: 3600 from rates.example"}
        pipe.hset(keys.limit("rates.example"), mapping=closed)
        pipe.execute()
