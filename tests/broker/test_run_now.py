"""Running waiting jobs now: as RQ's own API leaves them, in their order, at the head; and which are left and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.rate_limit import RateLimit, RateLimitRegistry

from qtui.broker import holds
from qtui.broker.operations import Chosen, Matching, plan, run
from qtui.broker.operations.run_now import RUN_NOW
from qtui.broker.status import Status
from qtui_workers.enqueue.holds import parse
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.copies import copied
from tests.broker.watching import digest
from tests.support import Server

DUE = datetime(2040, 1, 31, 17, 0, 0, tzinfo=UTC)


def job_of(client: redis.Redis, kind: str) -> Job:
    """The same job, always; two others wait in its queue."""
    mail = Queue("mail", connection=client)
    for number in range(2):
        mail.enqueue(tasks.add, number, job_id=f"other-{number}")
    if kind == "scheduled":
        return mail.enqueue_at(DUE, tasks.add, 1, job_id="j", retry=Retry(max=2), ttl=3600)
    if kind == "queued":
        return mail.enqueue(tasks.add, 1, job_id="j")
    limit = RateLimit("api", concurrency=1)
    if kind == "rate_limited":
        mail.enqueue(tasks.add, 1, job_id="first", rate_limit=limit)
    if kind == "scheduled, limited":
        return mail.enqueue_at(DUE, tasks.add, 1, job_id="j", rate_limit=limit)
    return mail.enqueue(tasks.add, 1, job_id="j", rate_limit=limit)


def as_rq(client: redis.Redis, kind: str) -> None:
    """What RQ's own API does."""
    mail, job = Queue("mail", connection=client), Job.fetch("j", connection=client)
    if kind.startswith("scheduled"):
        mail.scheduled_job_registry.remove(job)
    elif kind == "queued":
        mail.remove(job)
    else:
        client.zrem(RateLimitRegistry.from_job(job).rate_limited_key, "j")
    mail.enqueue_job(job, at_front=True)


def but_for_times(space: dict[str, Any]) -> dict[str, Any]:
    """A keyspace without times, and without what RQ fills in only when it saves a job again."""
    found = {key: {each[0] for each in value} if b"rate_limited" in key.encode() else value for key, value in space.items()}
    found = {key: {each[0] for each in value} if key.endswith(":allowed") else value for key, value in found.items()}
    job = dict(found[keys.job("j")])
    return found | {keys.job("j"): {name: job[name] for name in job if name not in (b"created_at", b"enqueued_at")}}


@pytest.mark.parametrize("kind", ["scheduled", "queued", "rate_limited", "scheduled, limited"])
def test_run_now_leaves_what_rq_leaves(client: redis.Redis, server: Server, kind: str) -> None:
    job_of(client, kind)
    with copied(server, client) as other:
        report = run(client, RUN_NOW, Chosen(("j",)))
        assert (report.done, report.skipped) == (1, 0)
        as_rq(other, kind)
        assert but_for_times(digest(client)) == but_for_times(digest(other))


def test_many_keep_their_order_and_stand_before_what_waits(client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    waiting = mail.enqueue(tasks.add, 0).id
    ids = [mail.enqueue_at(DUE + timedelta(seconds=n), tasks.add, n).id for n in range(300)]
    assert run(client, RUN_NOW, Matching("mail", Status.SCHEDULED)).done == 300
    assert mail.get_job_ids() == [*ids, waiting]
    assert client.exists(keys.registry("scheduled", "mail")) == 0
    seed.work(client, "mail")
    assert client.zcard(keys.registry("finished", "mail")) == 301


def test_a_limited_job_is_the_next_of_its_limit_and_the_limit_holds(client: redis.Redis) -> None:
    limit = RateLimit("api", concurrency=1)
    mail = Queue("mail", connection=client)
    running, second, third = (mail.enqueue(tasks.add, n, rate_limit=limit).id for n in range(3))
    assert run(client, RUN_NOW, Chosen((third,))).done == 1
    assert mail.get_job_ids() == [running]
    assert client.zrange(keys.rate_limited("api"), 0, -1) == [third.encode(), second.encode()]


def test_a_job_that_waits_for_others_stays_where_these_may_still_finish(client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    parent = mail.enqueue(tasks.fail)
    child = mail.enqueue(tasks.add, 1, depends_on=parent)
    report = run(client, RUN_NOW, Chosen((child.id,)))
    assert report.reasons == {"it waits for other jobs, which have not ended": 1}
    seed.work(client, "mail")  # the parent fails
    found = plan(client, RUN_NOW, Chosen((child.id,)))
    assert found.reasons == {"it runs although jobs that it waited for have not finished": 1}
    assert run(client, RUN_NOW, Chosen((child.id,))).done == 1
    parent.refresh()
    parent.requeue()
    seed.work(client, "mail")
    assert child.get_status() == JobStatus.FINISHED
    assert len(child.results()) == 1  # the parent did not enqueue it once more


def test_a_held_job_is_let_through_once(client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    held, other = (mail.enqueue(tasks.add, n).id for n in range(2))
    holds.place(client, parse(["add"]))
    holds.sweep(client, parse(["add"]))
    report = run(client, RUN_NOW, Chosen((held,)))
    assert report.reasons == {"let through its hold, once": 1}
    assert mail.get_job_ids() == [held]
    assert client.hmget(keys.job(held), keys.FIELD_HELD, keys.FIELD_LET) == [None, b"1"]
    assert mail.deferred_job_registry.get_job_ids() == [other]


@pytest.mark.parametrize(
    ("status", "why"), [(Status.FINISHED, "finished"), (Status.STARTED, "started"), (Status.FAILED, "failed")]
)
def test_what_does_not_wait_is_left(client: redis.Redis, status: Status, why: str) -> None:
    seeded = seed.everything(client)
    before = digest(client)
    report = run(client, RUN_NOW, Chosen((seeded.first(status),)))
    assert report.reasons == {f"it does not wait: {why}": 1}
    assert digest(client) == before
