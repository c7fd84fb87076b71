"""Moving jobs that wait: as if they had been enqueued there, whole or not at all, and which are left and why."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from rq import Queue, Retry
from rq.job import Job
from rq.rate_limit import RateLimit
from rq.registry import ScheduledJobRegistry
from rq.scheduler import RQScheduler

from qtui.broker.operations import Chosen, Matching, plan, run
from qtui.broker.operations.move import MOVE
from qtui.broker.status import Status
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.copies import copied
from tests.broker.watching import digest
from tests.support import Server

DUE = datetime(2040, 1, 31, 17, 0, 0, 123456, tzinfo=UTC)


def enqueued(client: redis.Redis, kind: str, queue: str) -> Job:
    """The same job, always, in the queue of that name."""
    place = Queue(queue, connection=client)
    if kind == "scheduled":
        return place.enqueue_at(DUE, tasks.add, 1, job_id="j", meta={"customer": 7})
    limit = RateLimit("api", concurrency=1) if kind == "with a slot" else None
    retry = None if limit else Retry(max=2, interval=[1, 2])
    return place.enqueue(tasks.add, 1, job_id="j", rate_limit=limit, retry=retry, job_timeout=60, ttl=3600)


def but_for_times(space: dict[str, Any]) -> dict[str, Any]:
    """A keyspace without the times at which it was made."""
    found = {key: set(value) if key.endswith(":allowed") else value for key, value in space.items()}
    job = dict(found[keys.job("j")])
    return found | {keys.job("j"): {name: job[name] for name in job if name not in (b"created_at", b"enqueued_at")}}


@pytest.mark.parametrize("kind", ["queued", "scheduled", "with a slot"])
def test_move_leaves_what_rq_would_have_left_had_it_been_enqueued_there(client: redis.Redis, server: Server, kind: str) -> None:
    with copied(server, client) as other:
        enqueued(client, kind, "mail")
        assert run(client, MOVE, Chosen(("j",)), "bulk").done == 1
        enqueued(other, kind, "bulk")
        client.srem(keys.QUEUES, keys.queue("mail"))  # the queue that is empty now stays known, as in RQ
        assert but_for_times(digest(client)) == but_for_times(digest(other))


def test_times_stay_as_they_were(client: redis.Redis) -> None:
    enqueued(client, "scheduled", "mail")
    queued = Queue("mail", connection=client).enqueue(tasks.add, 1)
    before = [client.hmget(keys.job(job_id), "created_at", "enqueued_at") for job_id in ("j", queued.id)]
    run(client, MOVE, Chosen(("j", queued.id)), "bulk")
    assert before == [client.hmget(keys.job(job_id), "created_at", "enqueued_at") for job_id in ("j", queued.id)]
    assert ScheduledJobRegistry("bulk", connection=client).get_scheduled_time("j") == DUE.replace(microsecond=0)


def test_moved_jobs_run_in_their_order_after_those_that_wait_there(client: redis.Redis) -> None:
    there = Queue("bulk", connection=client).enqueue(tasks.add, 0).id
    mail = Queue("mail", connection=client)
    ids = [mail.enqueue(tasks.add, n).id for n in range(300)]
    report = run(client, MOVE, Matching("mail", Status.QUEUED), "bulk")
    assert (report.matched, report.done, report.skipped, report.failed) == (300, 300, 0, 0)
    assert Queue("bulk", connection=client).get_job_ids() == [there, *ids]
    assert mail.is_empty()
    seed.work(client, "bulk")
    assert {job.get_status() for job in Job.fetch_many(ids, connection=client) if job} == {"finished"}
    assert client.zcard(keys.registry("finished", "bulk")) == 301


def test_what_waits_for_a_moved_job_runs_after_it(client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    parent = mail.enqueue(tasks.add, 1)
    child = mail.enqueue(tasks.add, 2, depends_on=parent)
    run(client, MOVE, Chosen((parent.id,)), "bulk")
    seed.work(client, "bulk")
    assert (parent.get_status(), child.get_status(), child.origin) == ("finished", "queued", "mail")
    seed.work(client, "mail")
    assert child.get_status() == "finished"


def test_scheduled_jobs_of_all_queues_go_to_one(client: redis.Redis) -> None:
    ids = seed.everything(client).ids[Status.SCHEDULED]
    assert run(client, MOVE, Matching(None, Status.SCHEDULED), "media").reasons == {
        "it is in that queue already": 2,
    }
    assert set(ScheduledJobRegistry("media", connection=client).get_job_ids()) == set(ids)


def test_a_scheduler_of_the_new_queue_enqueues_what_is_due_there_and_one_of_the_old_does_not(client: redis.Redis) -> None:
    job = enqueued(client, "scheduled", "mail")
    run(client, MOVE, Chosen((job.id,)), "bulk")
    client.zadd(keys.registry("scheduled", "bulk"), {job.id: client.time()[0] - 1})
    for name, waiting in (("mail", []), ("bulk", [job.id])):
        scheduler = RQScheduler([name], connection=client)
        scheduler.acquire_locks()
        scheduler.enqueue_scheduled_jobs()
        assert Queue(name, connection=client).get_job_ids() == waiting
    seed.work(client, "bulk")
    job.refresh()
    assert (job.get_status(), job.origin) == ("finished", "bulk")
    assert client.zcard(keys.registry("scheduled", "bulk")) == 0


def test_a_plan_says_where_the_jobs_will_be_and_changes_nothing(client: redis.Redis) -> None:
    seed.everything(client)
    before = digest(client)
    found = plan(client, MOVE, Matching("mail", Status.QUEUED), "nowhere")
    assert found.doable > 0
    assert (found.reasons, found.queues, found.destinations) == ({}, {"mail": found.doable}, ("nowhere",))
    assert digest(client) == before


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.STARTED, "it is not queued or scheduled: started"),
        (Status.FAILED, "it is not queued or scheduled: failed"),
        (Status.DEFERRED, "it is not queued or scheduled: deferred"),
        (Status.RATE_LIMITED, "it is not queued or scheduled: rate limited"),
    ],
)
def test_a_job_in_another_status_is_left(client: redis.Redis, status: Status, reason: str) -> None:
    seeded = seed.everything(client)
    job_id = next(i for i in seeded.ids[status] if client.hget(keys.job(i), "status") == status.value.encode())
    before = digest(client)
    assert plan(client, MOVE, Chosen((job_id,)), "bulk").reasons == {reason: 1}
    assert run(client, MOVE, Chosen((job_id,)), "bulk").reasons == {reason: 1}
    assert digest(client) == before


def wrong_type(client: redis.Redis, key: str) -> None:
    client.delete(key)
    client.set(key, "x")


SPOILT: dict[str, Any] = {
    "gone": (lambda c, i: c.delete(keys.job(i)), "the job is gone"),
    "text": (lambda c, i: wrong_type(c, keys.job(i)), "the job's key is not a hash"),
    "homeless": (lambda c, i: c.hdel(keys.job(i), "origin"), "the job names no queue"),
    "status": (lambda c, i: c.hset(keys.job(i), "status", "\x1b"), "it is not queued or scheduled: unknown status"),
    "unlisted": (lambda c, i: c.zrem(keys.registry("scheduled", "mail"), i), "no longer scheduled"),
    "due": (
        lambda c, i: c.zadd(keys.registry("scheduled", "mail"), {i: c.time()[0]}),
        "due within seconds: move it once it is queued",
    ),
    "there": (lambda c, i: wrong_type(c, keys.registry("scheduled", "bulk")), "the queue's key has the wrong type"),
    "here": (lambda c, i: wrong_type(c, keys.registry("scheduled", "mail")), "the queue's key has the wrong type"),
    "queues": (lambda c, i: wrong_type(c, keys.QUEUES), "the queue's key has the wrong type"),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOILT.values(), ids=SPOILT)
def test_a_job_that_cannot_be_moved_is_left_with_the_reason(client: redis.Redis, spoil: Any, reason: str) -> None:
    job = Queue("mail", connection=client).enqueue_in(timedelta(hours=1), tasks.add, 1)
    spoil(client, job.id)
    before = digest(client)
    assert run(client, MOVE, Chosen((job.id,)), "bulk").reasons == {reason: 1}
    assert digest(client) == before


def test_a_job_that_a_worker_has_just_taken_is_left(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.lpop(keys.queue("mail"))
    before = digest(client)
    assert run(client, MOVE, Chosen((job.id,)), "bulk").reasons == {"a worker has just taken it": 1}
    assert digest(client) == before


@pytest.mark.parametrize("text", [None, "", "two words", "a\x1b[31m", "x" * 201, "mail:intermediate"])
def test_a_name_that_no_queue_may_have_is_refused_before_anything_is_done(client: redis.Redis, text: str | None) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    before = digest(client)
    with pytest.raises(InvalidInput):
        plan(client, MOVE, Chosen((job.id,)), text)
    with pytest.raises(InvalidInput):
        run(client, MOVE, Chosen((job.id,)), text)
    assert digest(client) == before


def test_a_job_runs_where_it_is_or_is_moved_whoever_comes_first(client: redis.Redis, server: Server) -> None:
    queue = Queue("mail", connection=client)
    ids = [queue.enqueue(tasks.add, n).id for n in range(60)]
    barrier = threading.Barrier(2)

    def move() -> None:
        with server.client() as own:
            barrier.wait()
            for job_id in reversed(ids):
                run(own, MOVE, Chosen((job_id,)), "bulk")

    thread = threading.Thread(target=move)
    thread.start()
    barrier.wait()
    seed.work(client, "mail")
    thread.join()
    moved = Queue("bulk", connection=client).get_job_ids()
    finished = {member.decode() for member in client.zrange(keys.registry("finished", "mail"), 0, -1)}
    assert len(moved) == len(set(moved))
    assert finished | set(moved) == set(ids)
    assert not finished & set(moved)
