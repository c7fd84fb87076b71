"""`qtui schedule`: what it says of cron jobs and scheduled jobs."""

from __future__ import annotations

from datetime import timedelta

import redis
from rq import Queue

from qtui_workers.enqueue.cron import Cron
from tests.broker.tasks import add
from tests.cli.support import ISO, Qtui, keyspace
from tests.workers.test_cron import NOON, scheduled


def test_cron_jobs_and_scheduled_jobs_are_listed(qtui: Qtui, client: redis.Redis) -> None:
    assert qtui("schedule").out == "Nothing is scheduled.\n"
    cron = Cron(client, [scheduled(cron="0 * * * *")])
    cron.tick(NOON - 2)
    cron.tick(NOON)
    queue = Queue("mail", connection=client)
    late, later = (queue.enqueue_in(timedelta(minutes=minutes), add, 1, 2).id for minutes in (-5, 50))
    before = keyspace(client)
    document = qtui("schedule", "--json").json
    (row,) = document["cron"]
    assert row == row | {
        "name": "tidy", "queue": "q", "cron": "0 * * * *", "every_seconds": None, "timezone": "UTC", "words": "every hour",
        "scheduler": cron.name, "last_at": "2026-05-01T12:00:00Z", "next_at": "2026-05-01T13:00:00Z",
    }  # fmt: skip
    assert [job["id"] for job in document["jobs"]] == [late, later]
    assert all(ISO.fullmatch(job["scheduled_for"]) for job in document["jobs"])
    assert (document["total"], document["late_queues"]) == (2, ["mail"])
    head, tick, first, more = qtui("schedule", "--limit", "1").out.splitlines()
    assert head.split() == ["JOB", "QUEUE", "RUNS", "DUE", "LAST", "WHY", "LATE"]
    assert tick.startswith("↻  tidy ")
    assert first.startswith(f"◷  {late} ")
    assert first.split()[3:] == ["tasks.add", "5m", "late", "no", "scheduler"]
    assert more == "1 more scheduled jobs: see --limit"
    assert keyspace(client) == before
