"""Enqueuing one job with its options, and reading how it is."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, Webhook
from rq.job import Job
from rq.serializers import JSONSerializer

from qtui_workers.define.decorator import processor
from qtui_workers.enqueue.enqueue_options import JobOptions
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput, NotFound, RedisUnavailable, Refused
from qtui_workers.processors.test_job import TestJob, TestJobResult
from qtui_workers.server import keys
from tests.support import ONCE, Server
from tests.workers.support import run_burst


def test_add_test_job_puts_a_job_on_the_main_queue(client: redis.Redis) -> None:
    job_id = QueueService(client).add_test_job(TestJob(message="hi"))
    assert client.lrange(keys.queue("main-queue"), 0, -1) == [job_id.encode()]


def test_a_job_is_written_in_the_json_format_of_rq(client: redis.Redis) -> None:
    job_id = QueueService(client).add_test_job({"message": "hi"})
    raw = client.hgetall(keys.job(job_id))
    assert json.loads(zlib.decompress(raw[b"data"])) == [
        "qtui_workers.processors.test_job.test_job",
        None,
        [],
        {"message": "hi"},
    ]
    assert raw[b"description"] == b"test_job(message='hi')"
    job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
    assert (job.origin, job.get_status(), job.timeout) == ("main-queue", "queued", 3660)


def test_a_description_is_bounded_and_holds_no_control_characters(client: redis.Redis) -> None:
    job_id = QueueService(client).enqueue("report", {"title": "\x1b[2J\u202e" + "x" * 190}).id
    description = (client.hget(keys.job(job_id), "description") or b"").decode()
    assert len(description) <= 201
    assert description.isprintable()


def test_attempts_become_rq_retries_with_an_interval_for_each(client: redis.Redis) -> None:
    job_id = QueueService(client).enqueue("test_job", attempts=4, backoff="exponential:2s").id
    job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
    assert (job.retries_left, job.retry_intervals) == (3, [2, 4, 8])
    assert client.hget(keys.job(job_id), keys.FIELD_ATTEMPTS) == b"4"


def test_a_single_attempt_has_no_retries(client: redis.Redis) -> None:
    job_id = QueueService(client).enqueue("test_job", attempts=1).id
    assert Job.fetch(job_id, connection=client, serializer=JSONSerializer).retries_left is None


@pytest.mark.parametrize(("priority", "queue"), [("high", "q-high"), ("normal", "q"), ("low", "q-low")])
def test_a_priority_is_a_queue_of_its_own(client: redis.Redis, priority: Any, queue: str) -> None:
    enqueued = QueueService(client).enqueue("test_job", queue="q", priority=priority)
    assert enqueued.queue == queue
    assert client.llen(keys.queue(queue)) == 1


def test_a_delayed_job_is_scheduled_and_never_early(client: redis.Redis) -> None:
    asked = datetime.now(UTC).timestamp() + 60.5
    enqueued = QueueService(client).enqueue("test_job", delay=timedelta(seconds=60.5))
    assert enqueued.status == "scheduled"
    due = client.zscore(keys.registry("scheduled", "main-queue"), enqueued.id)
    assert asked <= due <= asked + 2
    assert client.llen(keys.queue("main-queue")) == 0
    assert keys.queue("main-queue").encode() in client.smembers(keys.QUEUES)


def test_lengths_of_time_and_moments_are_read_as_the_command_reads_them(client: redis.Redis) -> None:
    service = QueueService(client)
    delayed = service.enqueue("test_job", delay="1h30m", timeout="5m")
    due = client.zscore(keys.registry("scheduled", "main-queue"), delayed.id) or 0
    assert 5_390 < due - datetime.now(UTC).timestamp() <= 5_401
    assert client.hget(keys.job(delayed.id), "timeout") == b"300"
    dated = service.enqueue("test_job", at="2040-01-31T17:00:00.2Z")
    assert (
        client.zscore(keys.registry("scheduled", "main-queue"), dated.id)
        == datetime(2040, 1, 31, 17, 0, 1, tzinfo=UTC).timestamp()
    )


def test_a_job_has_retention_and_webhooks_of_its_own(client: redis.Redis) -> None:
    hook = Webhook("https://example.org/done", "finished")
    options: JobOptions = {"result_ttl": "10m", "failure_ttl": timedelta(hours=2), "webhooks": [hook]}
    service = QueueService(client)
    for job_id in (service.enqueue("test_job", **options).id, *service.enqueue_many("test_job", [{}], **options)):
        job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
        assert (job.result_ttl, job.failure_ttl) == (600, 7_200)
        assert [each.url for each in job.webhooks] == [hook.url]


def test_a_processors_priority_and_delay_hold_where_nothing_else_is_said(client: redis.Redis) -> None:
    later = processor(queue="q", priority="low", delay="1h")(limitless)
    service = QueueService(client)
    assert (service.enqueue(later).queue, service.enqueue(later).status) == ("q-low", "scheduled")
    now = service.enqueue(later, delay=0, priority="normal")
    assert (now.queue, now.status) == ("q", "queued")
    assert service.enqueue(later, at=datetime(2020, 1, 1, tzinfo=UTC)).status == "queued"


def test_a_time_that_is_past_means_now(client: redis.Redis) -> None:
    assert QueueService(client).enqueue("test_job", at=datetime(2020, 1, 1, tzinfo=UTC)).status == "queued"


def test_a_unique_id_is_refused_the_second_time(client: redis.Redis) -> None:
    service = QueueService(client)
    service.enqueue("test_job", job_id="nightly", unique=True)
    with pytest.raises(Refused, match="there is a job 'nightly' already"):
        service.enqueue("test_job", job_id="nightly", unique=True)
    with pytest.raises(Refused):
        service.enqueue("test_job", job_id="nightly", unique=True, delay=60)
    assert client.llen(keys.queue("main-queue")) == 1


def test_a_job_enqueued_over_an_older_one_begins_to_count_anew(client: redis.Redis) -> None:
    service = QueueService(client)
    service.enqueue("test_job", job_id="again")
    client.hset(keys.job("again"), mapping={keys.FIELD_ATTEMPT: 7, keys.FIELD_PROGRESS: "{}"})
    service.enqueue("test_job", job_id="again")
    assert client.hmget(keys.job("again"), keys.FIELD_ATTEMPT, keys.FIELD_PROGRESS) == [None, None]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"queue": "two words"}, "queue name 'two words' is not allowed"),
        ({"queue": "a\x1b[31m"}, "is not allowed"),
        ({"queue": "a" * 201}, "is not allowed"),
        ({"queue": "a:intermediate"}, "RQ keeps its own lists"),
        ({"job_id": "a b"}, "job id 'a b' is not allowed"),
        ({"job_id": ""}, "is not allowed"),
        ({"attempts": 0}, "attempts must be from 1"),
        ({"attempts": -1}, "attempts must be from 1"),
        ({"delay": -1}, "delay must be at least 0"),
        ({"timeout": 0}, "timeout must be at least 1"),
        ({"timeout": float("nan")}, "timeout must be at least 1"),
        ({"backoff": "sometimes"}, "is not a backoff"),
        ({"priority": "urgent"}, "priority must be"),
        ({"unique": True}, "unique needs a job id"),
        ({"delay": 1, "at": datetime(2100, 1, 1, tzinfo=UTC)}, "not both"),
        ({"attempts": "3"}, "attempts must be a whole number, not '3'"),
        ({"attempts": True}, "attempts must be a whole number"),
        ({"timeout": "soon"}, "'soon' is not a length of time"),
        ({"delay": [5]}, "delay must be a length of time"),
        ({"delay": float("inf")}, "ten years"),
        ({"result_ttl": "-1s"}, "is not a length of time"),
        ({"failure_ttl": -1}, "failure_ttl must be at least 0"),
        ({"at": "tomorrow"}, "'tomorrow' is not a time"),
        ({"at": 5}, "'5' is not a time"),
        ({"at": "9999-12-31T23:59:59.9Z"}, "is not a time"),
        ({"backoff": 3}, "'3' is not a backoff"),
        ({"queue": 7}, "queue name '7' is not allowed"),
        ({"queue": ""}, "queue name '' is not allowed"),
        ({"job_id": 7}, "job id '7' is not allowed"),
        ({"priority": ["high"]}, "priority must be"),
        ({"webhooks": "https://example.org"}, "webhooks must be a list of rq.Webhook"),
        ({"webhooks": 5}, "webhooks must be a list of rq.Webhook"),
        ({"tiemout": 5}, "there is no option 'tiemout': did you mean 'timeout'?"),
    ],
)
def test_a_bad_option_is_refused_and_nothing_is_enqueued(client: redis.Redis, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        QueueService(client).enqueue("test_job", **options)
    assert client.dbsize() == 0


def test_many_jobs_are_enqueued_in_order(client: redis.Redis) -> None:
    ids = QueueService(client).enqueue_many("report", ({"title": f"n{n}"} for n in range(1_203)))
    assert len(set(ids)) == 1_203
    assert [i.decode() for i in client.lrange(keys.queue("main-queue"), 0, -1)] == ids


def test_one_bad_payload_among_many_enqueues_nothing(client: redis.Redis) -> None:
    payloads = [{"title": "a"}] * 600 + [{"steps": 0}]
    with pytest.raises(InvalidInput, match="payload 601, field 'steps': must be at least 1"):
        QueueService(client).enqueue_many("report", payloads)
    assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"job_id": "a"}, "job_id and unique are about one job"), ({"retries": 5}, "there is no option 'retries'")],
)
def test_an_option_that_many_jobs_cannot_have_is_refused(client: redis.Redis, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        QueueService(client).enqueue_many("test_job", [{}, {}], **options)
    assert client.dbsize() == 0


def test_an_unknown_processor_enqueues_nothing(client: redis.Redis) -> None:
    with pytest.raises(NotFound):
        QueueService(client).enqueue("reprot")
    assert client.dbsize() == 0


def test_the_status_of_a_waiting_job(client: redis.Redis) -> None:
    service = QueueService(client)
    job_id = service.enqueue("report", {"steps": 2}).id
    state = service.status(job_id)
    assert (state.queue, state.status, state.result, state.progress) == ("main-queue", "queued", None, None)
    assert state.payload is not None
    assert state.payload["steps"] == 2


def test_the_status_of_an_unknown_job_is_not_found(client: redis.Redis) -> None:
    with pytest.raises(NotFound, match="there is no job 'none'"):
        QueueService(client).status("none")


def test_the_status_of_a_pickled_job_unpickles_nothing(client: redis.Redis) -> None:
    job = Queue("default", connection=client).enqueue("os.getcwd")
    assert QueueService(client).status(job.id).payload is None


def test_a_corrupt_job_has_a_status_nonetheless(client: redis.Redis) -> None:
    client.hset(keys.job("odd"), mapping={"data": b"\xff", "status": b"\xfe", keys.FIELD_PROGRESS: "[1"})
    assert QueueService(client).status("odd").progress is None


def test_the_status_tells_the_attempts_and_when_they_were(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    job_id = service.enqueue("test_job", {"message": "hi"}, attempts=3).id
    waiting = service.status(job_id)
    assert (waiting.attempt, waiting.attempts, waiting.started_at, waiting.ended_at) == (0, 3, None, None)
    run_burst(server, home)
    ended = service.status(job_id)
    assert (ended.status, ended.attempt, ended.result) == ("finished", 1, {"message": "hi", "attempt": 1})
    assert ended.enqueued_at == waiting.enqueued_at
    assert waiting.enqueued_at <= ended.started_at <= ended.ended_at <= datetime.now(UTC)


def test_the_status_of_a_failed_job_tells_the_reason(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    job_id = service.enqueue("test_job", {"message": "no", "fail": True}).id
    run_burst(server, home)
    state = service.status(job_id)
    assert (state.status, state.result) == ("failed", None)
    assert state.failed_reason == "qtui_workers.processors.test_job.TestJobFailed: told to fail: no"


def test_a_job_enqueued_over_an_older_one_tells_nothing_of_that(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    service.enqueue("test_job", {"fail": True}, job_id="again", attempts=1)
    run_burst(server, home)
    service.enqueue("test_job", job_id="again")
    state = service.status("again")
    assert (state.status, state.failed_reason, state.attempt, state.ended_at) == ("queued", None, 0, None)
    assert client.ttl(keys.job("again")) == -1


def limitless(payload: TestJob) -> TestJobResult:
    """Nothing runs it here."""
    raise NotImplementedError


def test_job_max_retries_counts_where_a_processor_names_no_attempts(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_MAX_RETRIES", "4")
    service = QueueService(client)
    silent, modest = processor()(limitless), processor(attempts=2)(limitless)
    ids = [service.enqueue(silent).id, service.enqueue(modest).id, service.enqueue(silent, attempts=1).id]
    ids += service.enqueue_many(silent, [None])
    retries = [Job.fetch(i, connection=client, serializer=JSONSerializer).retries_left for i in ids]
    assert retries == [4, 1, None, 4]
    assert QueueService(client, max_retries=0).status(ids[0]).attempts == 5


def test_without_job_max_retries_a_job_has_one_attempt(client: redis.Redis) -> None:
    service = QueueService(client)
    assert service.status(service.enqueue(processor()(limitless)).id).attempts == 1


def test_a_job_max_retries_that_is_no_number_is_reported(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_MAX_RETRIES", "many")
    with pytest.raises(InvalidInput, match="JOB_MAX_RETRIES"):
        QueueService(client)


def test_a_server_that_is_gone_is_reported(own_server: Server) -> None:
    with own_server.client(retry=ONCE) as client:
        service = QueueService(client)
        own_server.kill()
        with pytest.raises(RedisUnavailable):
            service.add_test_job({})
