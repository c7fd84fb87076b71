"""Jobs that wait and that no list holds: found, and put back only when asked."""

from __future__ import annotations

import redis
from rq import Queue
from rq.job import Job

from qtui.broker import orphans
from qtui.broker.operations import Chosen, run
from qtui.broker.queues import overview
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.watching import digest


def lost(client: redis.Redis, number: int = 1) -> list[str]:
    """Queued jobs that a worker took from their queue before it died; the oldest first."""
    mail = Queue("mail", connection=client)
    taken = [mail.enqueue(tasks.add, n).id for n in range(number)]
    for _ in taken:
        client.lpop(keys.queue("mail"))
    return taken


def found(client: redis.Redis) -> list[str]:
    seen = orphans.find(client, starting=0)
    assert seen.complete
    return [row.id for row in seen.jobs]


def test_in_a_keyspace_where_all_is_well_there_are_none_and_looking_changes_nothing(client: redis.Redis) -> None:
    seed.everything(client)
    before = digest(client)
    assert found(client) == []
    assert digest(client) == before


def test_a_job_that_no_list_holds_is_found_and_runs_once_it_is_put_back(client: redis.Redis) -> None:
    ids = lost(client, 3)
    client.lpush(keys.intermediate("mail"), waiting := Queue("mail", connection=client).enqueue(tasks.add, 1).id)
    client.lrem(keys.queue("mail"), 0, waiting)
    assert found(client) == ids
    report = run(client, orphans.PUT_BACK, Chosen((*ids, waiting)))
    assert (report.done, report.reasons) == (3, {"it is where it belongs by now": 1})
    assert [job_id.decode() for job_id in client.lrange(keys.queue("mail"), 0, -1)] == ids
    assert found(client) == []
    seed.work(client, "mail")
    assert {Job.fetch(job_id, connection=client).get_status() for job_id in ids} == {"finished"}


def test_a_job_that_is_put_back_waits_since_it_was_queued(client: redis.Redis) -> None:
    queued, scheduled = lost(client, 2)
    client.hset(keys.job(queued), "enqueued_at", "2024-01-01T00:00:00.000000Z")
    client.hset(keys.job(scheduled), mapping={"status": "scheduled", "enqueued_at": "2024-01-01T00:00:00.000000Z"})
    created = Job.fetch(queued, connection=client).created_at
    assert run(client, orphans.PUT_BACK, Chosen((queued, scheduled))).done == 2
    assert client.hget(keys.job(queued), "enqueued_at") == b"2024-01-01T00:00:00.000000Z"
    assert client.hget(keys.job(scheduled), "enqueued_at") > b"2026"
    assert Job.fetch(queued, connection=client).created_at == created
    (row,) = overview.load(client).queues
    assert row.oldest_seconds is not None
    assert row.oldest_seconds > 86_400


def test_a_scheduled_job_that_no_schedule_holds_is_found(client: redis.Redis) -> None:
    (job_id,) = lost(client)
    client.hset(keys.job(job_id), "status", "scheduled")
    assert found(client) == [job_id]
    client.zadd(keys.registry("scheduled", "mail"), {job_id: 2e9})
    assert found(client) == []
