"""Started jobs that have lost their worker: what marks them, and how they are put back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.rate_limit import RateLimit

from qtui.broker import rows
from qtui.broker.lists import jobs
from qtui.broker.one_job import job as jobs_whole
from qtui.broker.operations import Chosen, Matching, plan, run
from qtui.broker.operations.requeue import REQUEUE
from qtui.broker.status import Status
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.both_kinds import KINDS, worker
from tests.broker.copies import copied
from tests.broker.watching import digest, watching
from tests.support import Server, wait_until
from tests.workers import engine

WIP = keys.registry("wip", "mail")
TWICE = REQUEUE.risk


def lost(client: redis.Redis, queue: str = "mail") -> str:
    """A started job of a worker that was killed long ago: its entry has expired, its worker's record is gone."""
    job_id = seed.everything(client).first(Status.STARTED)
    expire(client, queue)
    client.delete(keys.worker("w1"))
    return job_id


def expire(client: redis.Redis, queue: str = "mail") -> None:
    wip = keys.registry("wip", queue)
    for entry in client.zrange(wip, 0, -1):
        client.zadd(wip, {entry: client.time()[0] - 90})


def as_rq(space: dict[str, Any], job_id: str) -> dict[str, Any]:
    """A keyspace without the time of the change, and without what only a client's version and RQ's own save add."""
    found = dict(space)
    job = dict(found[keys.job(job_id)])
    for name in (b"enqueued_at", b"last_heartbeat", b"redis_server_version"):
        job.pop(name, None)
    found[keys.job(job_id)] = job
    return found


def test_the_running_jobs_are_gone_through_only_for_one_that_does_not_name_its_execution(client: redis.Redis) -> None:
    job_id = lost(client)
    with watching(client) as seen:
        assert run(client, REQUEUE, Chosen((job_id,))).done == 1
    assert not [command for command in seen.by_scripts if f"ZREVRANGE {WIP} 0 -1" in command]
    client.flushall()
    job_id = lost(client)
    client.delete(keys.executions(job_id))
    with watching(client) as seen:
        assert run(client, REQUEUE, Chosen((job_id,))).done == 1
    assert [command for command in seen.by_scripts if f"ZREVRANGE {WIP} 0 -1" in command]
    assert client.zcard(WIP) == 0


def test_a_lost_job_is_put_back_as_rqs_parts_would_do_it(client: redis.Redis, server: Server) -> None:
    job_id = lost(client)
    with copied(server, client) as other:
        assert run(client, REQUEUE, Chosen((job_id,))).reasons == {}
        job = Job.fetch(job_id, connection=other)
        job.started_at = None
        (member,) = other.zrange(WIP, 0, -1)
        execution = Execution.from_composite_key(member.decode(), connection=other)
        execution.refresh()
        with other.pipeline() as pipe:
            execution.delete(job, pipe)
            pipe.execute()
        Queue("mail", connection=other).enqueue_job(job, at_front=True)
        assert as_rq(digest(client), job_id) == as_rq(digest(other), job_id)
    assert client.lindex(keys.queue("mail"), 0) == job_id.encode()


@pytest.mark.parametrize(
    ("alive", "note"),
    [
        (lambda c: None, {}),
        (lambda c: c.hset(keys.worker("w1"), mapping={"death": "2024-01-01T00:00:00.000000Z"}), {}),
        (lambda c: c.hset(keys.worker("w1"), "state", "busy"), {TWICE: 1}),
        (lambda c: c.zadd(WIP, {c.zrange(WIP, 0, 0)[0]: c.time()[0] + 60}), {TWICE: 1}),
    ],
    ids=["nobody", "it said that it ended", "its record is there", "its entry holds"],
)
def test_it_is_put_back_freely_only_where_nobody_can_still_run_it(
    client: redis.Redis, alive: Callable[[redis.Redis], object], note: dict[str, int]
) -> None:
    job_id = lost(client)
    alive(client)
    planned = plan(client, REQUEUE, Chosen((job_id,)))
    assert (planned.doable, planned.reasons, bool(planned.lasting)) == (1, note, bool(note))
    whole = plan(client, REQUEUE, Matching("mail", Status.STARTED))
    assert whole.doable == (0 if note else 1)
    assert set(whole.reasons) == ({"its worker may still be alive: choose it by itself"} if note else set())
    assert run(client, REQUEUE, Chosen((job_id,))).done == 1
    assert (client.zcard(WIP), client.exists(keys.executions(job_id))) == (0, 0)
    assert not list(client.scan_iter(keys.execution(job_id, "*")))


def test_only_started_jobs_are_put_back_and_nothing_else_is_touched(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    before = digest(client)
    for status in set(Status) - {Status.STARTED}:
        report = run(client, REQUEUE, Chosen(tuple(seeded.ids.get(status, ()))))
        assert report.done == 0
    assert digest(client) == before


@pytest.mark.parametrize("spoiled", [WIP, keys.queue("mail"), "executions"])
def test_a_key_of_the_wrong_type_leaves_all_as_it_was(client: redis.Redis, spoiled: str) -> None:
    job_id = lost(client)
    name = keys.executions(job_id) if spoiled == "executions" else spoiled
    client.delete(name)
    client.set(name, "x")
    before = digest(client)
    assert run(client, REQUEUE, Chosen((job_id,))).done == 0
    assert digest(client) == before


def test_many_lost_jobs_are_put_back_in_the_order_in_which_they_were_lost(client: redis.Redis) -> None:
    ids = [f"job-{number}" for number in range(20)]
    for number, job_id in enumerate(ids):
        client.hset(keys.job(job_id), mapping={"status": "started", "origin": "mail", "data": b"{}", "worker_name": "gone"})
        client.zadd(keys.executions(job_id), {"execution": number + 1})
        client.zadd(WIP, {f"{job_id}:execution": number + 1})
    client.sadd(keys.QUEUES, keys.queue("mail"))
    client.rpush(keys.queue("mail"), "waits")
    assert run(client, REQUEUE, Matching("mail", Status.STARTED)).done == 20
    assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode() for job_id in [*ids, "waits"]]


def test_the_lost_attempt_is_not_counted_and_the_slot_of_a_limit_is_kept(client: redis.Redis) -> None:
    job_id = lost(client)
    limit = RateLimit("api", concurrency=1)
    client.hset(keys.job(job_id), mapping={keys.FIELD_ATTEMPT: 2, "rate_limit_key": limit.key, "rate_limit_concurrency": 1})
    client.zadd(keys.rate_limit_allowed(limit.key), {job_id: 1})
    assert run(client, REQUEUE, Chosen((job_id,))).done == 1
    assert client.hget(keys.job(job_id), keys.FIELD_ATTEMPT) == b"1"
    assert client.zscore(keys.rate_limit_allowed(limit.key), job_id) == 1


def test_a_lost_job_is_marked_in_lists_and_by_itself(client: redis.Redis) -> None:
    job_id = lost(client)
    now = client.time()[0]
    client.hset(keys.job(job_id), "last_heartbeat", engine_time(now - 150))
    (row,) = jobs.window(client, "mail", Status.STARTED, 0, 5).rows
    assert row.silence(now) == pytest.approx(150, abs=3)
    (found,) = rows.named(client, [(row.id, "")])
    assert found.silence(now) == pytest.approx(150, abs=3)
    client.zadd(keys.executions(job_id), {client.zrange(keys.executions(job_id), 0, 0)[0]: now - 90 + 60})
    detail = jobs_whole.load(client, job_id)
    assert any("no sign of life for 15" in problem for problem in detail.problems)


def test_a_job_whose_worker_lives_is_not_marked(client: redis.Redis) -> None:
    job_id = seed.everything(client).first(Status.STARTED)
    (row,) = jobs.window(client, "mail", Status.STARTED, 0, 5).rows
    assert row.silence(client.time()[0]) is None
    assert not jobs_whole.load(client, job_id).problems


def engine_time(at: float) -> str:
    from qtui_workers.server.rq_format import format_time

    return format_time(at)


@KINDS
def test_the_job_of_a_worker_that_was_killed_runs_again(server: Server, client: redis.Redis, home: Path, kind: str) -> None:
    go = home / "go"
    with worker(kind, server, home) as process:
        job = Queue("default", connection=client).enqueue(engine.wait_for, str(go))
        wait_until(lambda: job.get_status() == "started", description="the job runs")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
    assert plan(client, REQUEUE, Chosen((job.id,))).reasons == {TWICE: 1}
    expire(client, "default")
    client.delete(keys.worker("w1"))
    assert run(client, REQUEUE, Matching(None, Status.STARTED)).done == 1
    go.touch()
    with worker(kind, server, home, "w2"):
        wait_until(lambda: job.get_status() == "finished", description="another worker has run it")
    assert client.zcard(keys.registry("wip", "default")) == 0


def test_a_worker_of_ours_that_is_alive_after_all_does_not_end_the_job_that_was_taken_from_it(
    server: Server, client: redis.Redis, home: Path
) -> None:
    go = home / "go"
    with worker("qtui-worker", server, home) as process:
        job = Queue("default", connection=client).enqueue(engine.wait_for, str(go))
        wait_until(lambda: job.get_status() == "started", description="the job runs")
        os.kill(process.pid, signal.SIGSTOP)
        assert run(client, REQUEUE, Chosen((job.id,))).reasons == {TWICE: 1}
        client.lrem(keys.queue("default"), 0, job.id)  # nobody takes it meanwhile
        go.touch()
        os.kill(process.pid, signal.SIGCONT)
        other = Queue("default", connection=client).enqueue(engine.give)
        wait_until(lambda: other.get_status() == "finished", description="the worker goes on with another job")
        assert job.get_status() == "queued"
        assert client.xlen(keys.results(job.id)) == 0


def test_a_job_of_a_processor_shows_all_its_attempts_again(client: redis.Redis) -> None:
    job = QueueService(client).enqueue("test_job", {"message": "x"}, queue="mail", attempts=3)
    client.lpop(keys.queue("mail"))
    client.hset(keys.job(job.id), mapping={"status": "started", keys.FIELD_ATTEMPT: 1})
    assert run(client, REQUEUE, Chosen((job.id,))).done == 1
    (row,) = jobs.window(client, "mail", Status.QUEUED, 0, 5).rows
    assert (row.attempts, row.attempts_allowed) == (0, 3)
