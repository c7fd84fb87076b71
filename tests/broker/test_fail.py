"""Started jobs that have lost their worker, recorded as failed: as RQ's own maintenance does it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.job import Dependency, Job
from rq.rate_limit import RateLimit
from rq.registry import StartedJobRegistry

from qtui.broker.lists import jobs
from qtui.broker.one_job import job as jobs_whole
from qtui.broker.operations import Chosen, Matching, plan, run
from qtui.broker.operations.fail import FAIL
from qtui.broker.operations.retry import RETRY
from qtui.broker.search.fingerprint import cause
from qtui.broker.status import Status
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.both_kinds import worker
from tests.broker.copies import copied
from tests.broker.test_requeue import WIP, lost
from tests.broker.watching import digest
from tests.support import Server, wait_until
from tests.workers import engine


def comparable(space: dict[str, Any], job_id: str) -> dict[str, Any]:
    """A keyspace without times, and without what a client's version and RQ's own save add.

    RQ leaves the old execution to expire, and the job without the time of its end.
    """
    found = {name: value for name, value in space.items() if not name.startswith(("rq:execution", "rq:worker:"))}
    for name in [name for name in found if name.startswith("rq:job:") and isinstance(found[name], dict)]:
        fields = dict(found[name])
        for field in (b"enqueued_at", b"ended_at", b"last_heartbeat", b"redis_server_version"):
            fields.pop(field, None)
        found[name] = fields
    for name, value in found.items():
        if name.startswith(("rq:failed:", "rq:ready:")):
            found[name] = set(value)
    found.pop(keys.results(job_id))
    return found


def both(client: redis.Redis, server: Server, job_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keyspace after our operation, and that of a copy after RQ's maintenance; their results are alike."""
    with copied(server, client) as other:
        report = run(client, FAIL, Chosen((job_id,)))
        assert (report.done, report.failed) == (1, 0), report.reasons
        StartedJobRegistry("mail", connection=other).cleanup()
        ours, theirs = (jobs_whole.load(each, job_id) for each in (client, other))
        assert [attempt.outcome for attempt in ours.attempts] == [attempt.outcome for attempt in theirs.attempts] == ["failed"]
        assert cause(ours.traceback) == cause(theirs.traceback)
        assert client.ttl(keys.results(job_id)) == other.ttl(keys.results(job_id))
        return comparable(digest(client), job_id), comparable(digest(other), job_id)


@pytest.mark.parametrize("ttl", [None, 1000, -1])
def test_a_lost_job_fails_as_rqs_maintenance_fails_it(client: redis.Redis, server: Server, ttl: int | None) -> None:
    job_id = lost(client)
    if ttl:
        client.hset(keys.job(job_id), "failure_ttl", ttl)
    ours, theirs = both(client, server, job_id)
    assert ours == theirs
    (row,) = (row for row in jobs.window(client, "mail", Status.FAILED, 0, 50).rows if row.id == job_id)
    assert row.ended_at == pytest.approx(client.time()[0], abs=5)
    assert row.error
    assert "AbandonedJobError" in row.error
    assert not list(client.scan_iter(keys.execution(job_id, "*")))


def test_what_may_run_after_a_failure_is_enqueued_as_rq_does_and_the_rest_stays(client: redis.Redis, server: Server) -> None:
    job_id = lost(client)
    queue, parent = Queue("media", connection=client), Job.fetch(job_id, connection=client)
    other = queue.enqueue_call(tasks.add, (1, 1))
    for depends_on in (
        Dependency([parent], allow_failure=True),
        Dependency([parent], allow_failure=True, enqueue_at_front=True),
        Dependency([parent]),
        Dependency([parent, other], allow_failure=True),
    ):
        queue.enqueue(tasks.add, 1, depends_on=depends_on)
    planned = plan(client, FAIL, Chosen((job_id,)))
    assert planned.reasons == {"failed, though other jobs wait for it and will not run": 1}
    ours, theirs = both(client, server, job_id)
    assert ours == theirs
    assert client.zcard(keys.registry("deferred", "media")) == 3


def test_a_dependent_with_a_concurrency_limit_is_left_to_the_maintenance(client: redis.Redis) -> None:
    job_id = lost(client)
    parent, limit = Job.fetch(job_id, connection=client), RateLimit("api2", concurrency=1)
    child = Queue("media", connection=client).enqueue(
        tasks.add, 1, 1, depends_on=Dependency([parent], allow_failure=True), rate_limit=limit
    )
    assert run(client, FAIL, Chosen((job_id,))).done == 1
    assert child.get_status() == "ready_to_enqueue"
    seed.work(client, "media")
    assert child.get_status() == "finished"


def test_its_place_in_a_concurrency_limit_goes_to_the_next(client: redis.Redis) -> None:
    job_id = lost(client)
    allowed = keys.rate_limit_allowed("api")
    client.delete(allowed)
    client.zadd(allowed, {job_id: 1})
    client.hset(keys.job(job_id), mapping={"rate_limit_key": "api", "rate_limit_concurrency": 1})
    ((held, _), *_) = client.zrange(keys.rate_limited("api"), 0, 0, withscores=True)
    assert run(client, FAIL, Chosen((job_id,))).done == 1
    assert client.zrange(allowed, 0, -1) == [held]
    assert client.hget(keys.job(held.decode()), "status") == b"queued"


def test_retries_that_are_left_are_not_used_and_a_retry_gives_the_job_another_run(client: redis.Redis) -> None:
    job_id = lost(client)
    client.hset(keys.job(job_id), mapping={"retries_left": 2, "number_of_retries": 0})
    assert run(client, FAIL, Chosen((job_id,))).done == 1
    assert client.hget(keys.job(job_id), "status") == b"failed"
    assert run(client, RETRY, Chosen((job_id,))).done == 1
    seed.work(client, "mail")
    assert client.hget(keys.job(job_id), "status") == b"finished"


def test_a_job_whose_worker_may_live_fails_only_by_itself_and_with_a_note(client: redis.Redis) -> None:
    job_id = lost(client)
    client.hset(keys.worker("w1"), "state", "busy")
    whole = plan(client, FAIL, Matching("mail", Status.STARTED))
    assert (whole.doable, whole.reasons) == (0, {"its worker may still be alive: choose it by itself": 1})
    planned = plan(client, FAIL, Chosen((job_id,)))
    assert (planned.doable, planned.reasons) == (1, {FAIL.risk: 1})
    assert planned.lasting == "It may end twice: its worker may still be alive."


def test_a_callback_that_is_not_called_is_said(client: redis.Redis) -> None:
    job_id = lost(client)
    client.hset(keys.job(job_id), "failure_callback_name", "shop.report")
    assert run(client, FAIL, Chosen((job_id,))).reasons == {
        "failed, though its failure callback and its webhooks are not called": 1
    }


def test_only_started_jobs_fail_and_nothing_else_is_touched(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    before = digest(client)
    for status in set(Status) - {Status.STARTED}:
        assert run(client, FAIL, Chosen(tuple(seeded.ids.get(status, ())))).done == 0
    assert digest(client) == before


@pytest.mark.parametrize("spoiled", [WIP, keys.registry("failed", "mail"), keys.QUEUES, "results", "executions", "dependents"])
def test_a_key_of_the_wrong_type_leaves_all_as_it_was(client: redis.Redis, spoiled: str) -> None:
    job_id = lost(client)
    named = {"results": keys.results, "executions": keys.executions, "dependents": keys.dependents}
    name = named[spoiled](job_id) if spoiled in named else spoiled
    client.delete(name)
    client.set(name, "x")
    before = digest(client)
    assert run(client, FAIL, Chosen((job_id,))).done == 0
    assert digest(client) == before


def test_a_worker_of_ours_that_is_alive_after_all_writes_no_other_end(server: Server, client: redis.Redis, home: Path) -> None:
    go = home / "go"
    with worker("qtui-worker", server, home) as process:
        job = Queue("default", connection=client).enqueue(engine.wait_for, str(go))
        wait_until(lambda: job.get_status() == "started", description="the job runs")
        os.kill(process.pid, signal.SIGSTOP)
        assert run(client, FAIL, Chosen((job.id,))).reasons == {FAIL.risk: 1}
        go.touch()
        os.kill(process.pid, signal.SIGCONT)
        other = Queue("default", connection=client).enqueue(engine.give)
        wait_until(lambda: other.get_status() == "finished", description="the worker goes on with another job")
        assert job.get_status() == "failed"
        assert client.xlen(keys.results(job.id)) == 1
