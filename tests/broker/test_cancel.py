"""Canceling jobs that wait: which are, which are not and why, and that a canceled one does not run."""

from __future__ import annotations

import threading

import pytest
import redis
from rq import Queue
from rq.registry import CanceledJobRegistry

from qtui.broker.lists import jobs
from qtui.broker.operations import Chosen, Matching, plan, run
from qtui.broker.operations.cancel import CANCEL
from qtui.broker.status import Status
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.watching import digest
from tests.support import Server


@pytest.mark.parametrize("status", CANCEL.statuses)
def test_all_jobs_of_a_status_are_canceled_and_listed_as_canceled(client: redis.Redis, status: Status) -> None:
    seeded = seed.everything(client)
    ids = [job_id for job_id in seeded.ids[status] if client.hget(keys.job(job_id), "status") == status.value.encode()]
    report = run(client, CANCEL, Matching(None, status))
    assert (report.done, report.skipped, report.failed) == (len(ids), 0, 0)
    assert jobs.window(client, None, status, 0, 50).total == (1 if status is Status.QUEUED else 0)  # a limit lets one in
    canceled = {row.id for row in jobs.window(client, None, Status.CANCELED, 0, 50).rows}
    assert set(ids) <= canceled


def test_jobs_of_one_queue_are_canceled_and_rq_lists_them(client: redis.Redis) -> None:
    mail = [Queue("mail", connection=client).enqueue(tasks.add, n).id for n in range(300)]
    media = Queue("media", connection=client).enqueue(tasks.add, 1)
    assert run(client, CANCEL, Matching("mail", Status.QUEUED)).done == 300
    assert set(CanceledJobRegistry("mail", connection=client).get_job_ids()) == set(mail)
    assert media.get_status() == "queued"


def test_a_canceled_job_does_not_run(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    first, second = queue.enqueue(tasks.add, 1), queue.enqueue(tasks.add, 2)
    run(client, CANCEL, Chosen((first.id,)))
    seed.work(client, "mail")
    assert (first.get_status(), second.get_status()) == ("canceled", "finished")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.STARTED, "running: stop it instead"),
        (Status.FINISHED, "it does not wait: finished"),
        (Status.FAILED, "it does not wait: failed"),
        (Status.CANCELED, "it does not wait: canceled"),
    ],
)
def test_a_job_that_does_not_wait_is_let_be(client: redis.Redis, status: Status, reason: str) -> None:
    job_id = seed.everything(client).first(status)
    before = digest(client)
    assert plan(client, CANCEL, Chosen((job_id,))).reasons == {reason: 1}
    assert run(client, CANCEL, Chosen((job_id,))).reasons == {reason: 1}
    assert digest(client) == before


SPOILT = {
    "gone": (lambda c, i: c.delete(keys.job(i)), "the job is gone"),
    "text": (lambda c, i: (c.delete(keys.job(i)), c.set(keys.job(i), "x")), "the job's key is not a hash"),
    "unlisted": (lambda c, i: c.zrem(keys.registry("scheduled", "mail"), i), "no longer scheduled"),
    "homeless": (lambda c, i: c.hdel(keys.job(i), "origin"), "the job names no queue"),
    "status": (lambda c, i: c.hset(keys.job(i), "status", "\x1b"), "it does not wait: unknown status"),
    "canceled": (
        lambda c, i: (c.delete(keys.registry("canceled", "mail")), c.set(keys.registry("canceled", "mail"), "x")),
        "the queue's key has the wrong type",
    ),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOILT.values(), ids=SPOILT)
def test_a_job_that_cannot_be_canceled_is_left_alone_with_the_reason(client: redis.Redis, spoil: object, reason: str) -> None:
    job_id = seed.everything(client).first(Status.SCHEDULED)
    assert callable(spoil)
    spoil(client, job_id)
    before = digest(client)
    assert run(client, CANCEL, Chosen((job_id,))).reasons == {reason: 1}
    assert digest(client) == before


def test_a_queued_job_that_a_worker_has_just_taken_runs(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.lpop(keys.queue("mail"))
    assert run(client, CANCEL, Chosen((job.id,))).reasons == {"a worker has just taken it": 1}
    assert job.get_status() == "queued"


def test_a_plan_tells_of_jobs_that_wait_for_what_is_canceled(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    parent = queue.enqueue(tasks.add, 1)
    queue.enqueue(tasks.add, 2, depends_on=parent)
    found = plan(client, CANCEL, Chosen((parent.id,)))
    assert (found.doable, found.reasons) == (1, {"canceled, though other jobs wait for it and will not run": 1})


def test_a_job_runs_or_is_canceled_whoever_comes_first(client: redis.Redis, server: Server) -> None:
    queue = Queue("mail", connection=client)
    ids = [queue.enqueue(tasks.add, n).id for n in range(60)]
    barrier = threading.Barrier(2)

    def cancel() -> None:
        with server.client() as own:
            barrier.wait()
            for job_id in reversed(ids):
                run(own, CANCEL, Chosen((job_id,)))

    thread = threading.Thread(target=cancel)
    thread.start()
    barrier.wait()
    seed.work(client, "mail")
    thread.join()
    ends = {status: {x for x in ids if client.hget(keys.job(x), "status") == status} for status in (b"finished", b"canceled")}
    assert len(ends[b"finished"]) + len(ends[b"canceled"]) == 60
    for status, ended in ends.items():
        listed = {member.decode() for member in client.zrange(keys.registry(status.decode(), "mail"), 0, -1)}
        assert listed == ended
