"""Canceling a job that waits, beside RQ's own cancel."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.registry import CanceledJobRegistry
from rq.serializers import JSONSerializer

from qtui_workers.define.decorator import processor
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import NotFound, RedisUnavailable
from qtui_workers.processors.report import Report, ReportResult
from qtui_workers.server import keys
from tests.support import ONCE, Server
from tests.workers.support import run_burst


def report(payload: Report) -> ReportResult:
    """Nothing runs it here."""
    raise NotImplementedError


def waiting_job(client: redis.Redis, status: str) -> str:
    """A job that waits in that status."""
    service = QueueService(client)
    if status == "deferred":
        queue = Queue("main-queue", connection=client, serializer=JSONSerializer)
        return str(
            queue.enqueue("qtui_workers.processors.test_job.test_job", depends_on=service.enqueue("test_job", delay=60).id).id
        )
    if status == "rate_limited":
        limited = processor(concurrency=1)(report)
        service.enqueue(limited)
        return service.enqueue(limited).id
    return service.enqueue("test_job", delay=60 if status == "scheduled" else None).id


def places(client: redis.Redis, job_id: str) -> dict[str, list[str]]:
    """Where the id is, by kind of place, and the job's status."""
    found = {kind: client.zscore(keys.registry(kind, "main-queue"), job_id) for kind in ("scheduled", "deferred", "canceled")}
    found["limited"] = client.zscore(keys.rate_limited("report"), job_id)
    found["queue"] = client.lpos(keys.queue("main-queue"), job_id)
    status = client.hget(keys.job(job_id), "status") or b""
    return {"in": [kind for kind, place in found.items() if place is not None], "status": [status.decode()]}


@pytest.mark.parametrize("status", ["queued", "scheduled", "deferred", "rate_limited"])
def test_a_job_that_waits_is_canceled_as_rq_cancels_it(client: redis.Redis, status: str) -> None:
    theirs, ours = waiting_job(client, status), waiting_job(client, status)
    assert places(client, theirs)["status"] == [status]
    Job.fetch(theirs, connection=client, serializer=JSONSerializer).cancel()
    answer = QueueService(client).cancel(ours)
    assert (answer.id, answer.queue, answer.status, answer.canceled) == (ours, "main-queue", status, True)
    assert places(client, ours) == places(client, theirs) == {"in": ["canceled"], "status": ["canceled"]}
    assert set(CanceledJobRegistry("main-queue", connection=client).get_job_ids()) == {theirs, ours}


def test_canceling_a_job_that_holds_a_place_of_a_concurrency_limit_lets_the_next_one_through(client: redis.Redis) -> None:
    service = QueueService(client)
    limited = processor(concurrency=1)(report)
    first, second = service.enqueue(limited), service.enqueue(limited)
    assert (first.status, second.status) == ("queued", "rate_limited")
    assert service.cancel(first.id).canceled
    assert client.lrange(keys.queue("main-queue"), 0, -1) == [second.id.encode()]


def test_a_job_that_has_ended_is_not_canceled_and_the_answer_says_how_it_is(
    server: Server, client: redis.Redis, home: Path
) -> None:
    service = QueueService(client)
    job_id = service.enqueue("report", {"steps": 1, "seconds_per_step": 0}).id
    run_burst(server, home)
    answer = service.cancel(job_id)
    assert (answer.status, answer.canceled) == ("finished", False)
    assert service.status(job_id).status == "finished"


def test_a_job_that_a_worker_has_just_taken_is_not_canceled(client: redis.Redis) -> None:
    service = QueueService(client)
    job_id = service.enqueue("report").id
    client.lmove(keys.queue("main-queue"), keys.intermediate("main-queue"), "LEFT", "RIGHT")
    assert not service.cancel(job_id).canceled
    assert client.hget(keys.job(job_id), "status") == b"queued"


def test_a_canceled_job_does_not_run(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    job_id = service.enqueue("report", {"seconds_per_step": 0}).id
    service.cancel(job_id)
    other = service.enqueue("report", {"seconds_per_step": 0}).id
    run_burst(server, home)
    assert (service.status(job_id).status, service.status(other).status) == ("canceled", "finished")


def test_canceling_twice_says_so(client: redis.Redis) -> None:
    service = QueueService(client)
    job_id = service.enqueue("report").id
    assert service.cancel(job_id).canceled
    again = service.cancel(job_id)
    assert (again.status, again.canceled) == ("canceled", False)


def test_a_job_that_is_not_there_cannot_be_canceled(client: redis.Redis) -> None:
    with pytest.raises(NotFound, match="there is no job 'none'"):
        QueueService(client).cancel("none")
    assert client.dbsize() == 0


def test_a_corrupt_job_is_let_be(client: redis.Redis) -> None:
    client.hset(keys.job("odd"), mapping={"status": b"\xff\xfe", "origin": b"\x00:*"})
    assert not QueueService(client).cancel("odd").canceled


def test_a_server_that_is_gone_is_reported(own_server: Server) -> None:
    with own_server.client(retry=ONCE) as client:
        service = QueueService(client)
        own_server.kill()
        with pytest.raises(RedisUnavailable):
            service.cancel("any")
