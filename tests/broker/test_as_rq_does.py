"""What an operation leaves is what RQ's own API leaves on a copy of the same keyspace; each difference is named."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from rq import Queue
from rq.group import Group
from rq.job import Job
from rq.rate_limit import RateLimit

from qtui.broker.operations import Chosen, plan, run
from qtui.broker.operations.cancel import CANCEL
from qtui.broker.operations.remove import REMOVE
from qtui.broker.operations.retry import RETRY
from qtui.broker.status import Status
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.copies import copied
from tests.broker.watching import digest
from tests.support import Server


def _as_rq(space: dict[str, Any], job_id: str) -> dict[str, Any]:
    """A keyspace without the times of the retry and without RQ's known faults in it."""
    found = dict(space)
    job = dict(found[keys.job(job_id)])
    job.pop(b"exc_info", None)  # RQ leaves an empty, compressed traceback behind
    job.pop(b"enqueued_at", None)
    found[keys.job(job_id)] = job
    for key in (keys.job(job_id), keys.dependents(job_id), keys.dependencies(job_id)):
        found.pop(f"{key} expires", None)  # RQ keeps the expiry of the failure: the job could vanish from the queue
    for key, value in found.items():
        if key.endswith((":allowed", ":rate_limited")) or key.startswith(keys.registry("canceled", "")):
            found[key] = set(value)  # the scores are times
    return found


def removed(client: redis.Redis, job_id: str) -> int:
    """Removes a job for good; returns how many were removed."""
    return run(client, REMOVE, plan(client, REMOVE, Chosen((job_id,)), purge=True)).done


@pytest.mark.parametrize("status", [Status.FAILED, Status.STOPPED])
def test_retry_leaves_what_rq_leaves(client: redis.Redis, server: Server, status: Status) -> None:
    job_id = seed.everything(client).first(status)
    with copied(server, client) as other:
        run(client, RETRY, Chosen((job_id,)))
        Job.fetch(job_id, connection=other).requeue()
        assert _as_rq(digest(client), job_id) == _as_rq(digest(other), job_id)


@pytest.mark.parametrize("taken", [False, True])
def test_retry_of_a_rate_limited_job_leaves_what_rq_leaves(client: redis.Redis, server: Server, taken: bool) -> None:
    limit = RateLimit("api", concurrency=1)
    (job_id,) = seed.failed(client, rate_limit=limit)
    if taken:
        Queue("mail", connection=client).enqueue(tasks.add, 1, rate_limit=limit)
    with copied(server, client) as other:
        run(client, RETRY, Chosen((job_id,)))
        Job.fetch(job_id, connection=other).requeue()
        assert _as_rq(digest(client), job_id) == _as_rq(digest(other), job_id)
        status = client.hget(keys.job(job_id), "status")
        assert status == (b"rate_limited" if taken else b"queued")


@pytest.mark.parametrize("status", REMOVE.statuses)
def test_remove_leaves_what_rq_leaves(client: redis.Redis, server: Server, status: Status) -> None:
    job_id = seed.everything(client).first(status)
    with copied(server, client) as other:
        assert removed(client, job_id) == 1
        Job.fetch(job_id, connection=other).delete()
        assert digest(client) == digest(other)


def test_remove_of_a_job_with_a_slot_lets_the_next_one_in_as_rq_does(client: redis.Redis, server: Server) -> None:
    queue, limit = Queue("mail", connection=client), RateLimit("api", concurrency=1)
    first, second = (queue.enqueue(tasks.add, n, rate_limit=limit) for n in range(2))
    with copied(server, client) as other:
        assert removed(client, first.id) == 1
        Job.fetch(first.id, connection=other).delete()
        assert _as_rq(digest(client), second.id) == _as_rq(digest(other), second.id)
        assert client.lrange(keys.queue("mail"), 0, -1) == [second.id.encode()]


def test_remove_of_a_job_in_a_group_leaves_what_rq_leaves(client: redis.Redis, server: Server) -> None:
    group = Group.create(connection=client, name="g")
    jobs = group.enqueue_many(Queue("mail", connection=client), [Queue.prepare_data(tasks.add, (n,)) for n in range(2)])
    with copied(server, client) as other:
        assert removed(client, jobs[0].id) == 1
        Job.fetch(jobs[0].id, connection=other).delete()
        assert digest(client) == digest(other)


@pytest.mark.parametrize("status", CANCEL.statuses)
def test_cancel_leaves_what_rq_leaves(client: redis.Redis, server: Server, status: Status) -> None:
    job_id = seed.everything(client).first(status)
    with copied(server, client) as other:
        assert run(client, CANCEL, Chosen((job_id,))).done == 1
        Job.fetch(job_id, connection=other).cancel()
        assert _as_rq(digest(client), job_id) == _as_rq(digest(other), job_id)
        assert client.hget(keys.job(job_id), "status") == b"canceled"


def test_cancel_of_a_job_that_others_wait_for_leaves_them_deferred_as_rq_does(client: redis.Redis, server: Server) -> None:
    queue = Queue("mail", connection=client)
    parent = queue.enqueue(tasks.add, 1)
    child = queue.enqueue(tasks.add, 2, depends_on=parent)
    with copied(server, client) as other:
        assert run(client, CANCEL, Chosen((parent.id,))).done == 1
        Job.fetch(parent.id, connection=other).cancel()
        assert _as_rq(digest(client), parent.id) == _as_rq(digest(other), parent.id)
        assert child.get_status() == "deferred"


def test_cancel_of_a_job_with_a_slot_lets_the_next_one_in_as_rq_does(client: redis.Redis, server: Server) -> None:
    queue, limit = Queue("mail", connection=client), RateLimit("api", concurrency=1)
    first, second = (queue.enqueue(tasks.add, n, rate_limit=limit) for n in range(2))
    with copied(server, client) as other:
        assert run(client, CANCEL, Chosen((first.id,))).done == 1
        Job.fetch(first.id, connection=other).cancel()
        assert _as_rq(digest(client), second.id) == _as_rq(digest(other), second.id)
        assert client.lrange(keys.queue("mail"), 0, -1) == [second.id.encode()]
