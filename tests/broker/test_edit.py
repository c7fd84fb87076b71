"""Edited copies of jobs: what can be edited, what the copy keeps, and how both are linked."""

from __future__ import annotations

import json
import pickle
import zlib
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Retry
from rq.job import Job
from rq.rate_limit import RateLimit
from rq.serializers import JSONSerializer

from qtui.broker import edit
from qtui.broker.one_job import job as jobs_whole
from qtui.broker.one_job import relations
from qtui.broker.status import Status
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput, NotFound, Refused
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.watching import digest


def test_the_copy_of_a_plain_job_runs_with_other_arguments_and_keeps_the_options(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    old = queue.enqueue(
        tasks.add, 1, b=2, retry=Retry(max=2, interval=5), job_timeout=77, result_ttl=88, failure_ttl=99, meta={"customer": 7},
        on_failure=Callback(tasks.fail), description="mine",
    )  # fmt: skip
    job = edit.load(client, old.id)
    assert (job.document, job.form, job.written) == ({"args": [1], "kwargs": {"b": 2}}, "call", "pickle")
    edited = edit.enqueue(client, job, {"args": [40], "kwargs": {"b": 2}})
    new = Job.fetch(edited.job_id, connection=client)
    assert (new.func_name, new.args, new.kwargs) == (old.func_name, (40,), {"b": 2})
    assert new.description == "tests.broker.tasks.add(40, b=2)"
    for name in ("origin", "timeout", "result_ttl", "failure_ttl", "meta", "retry_intervals", "retries_left"):
        assert getattr(new, name) == getattr(old, name), name
    assert new.failure_callback is tasks.fail
    assert queue.get_job_ids() == [old.id, new.id]
    assert (old.get_status(), new.get_status()) == ("queued", "queued")
    seed.work(client, "mail")
    assert Job.fetch(edited.job_id, connection=client).return_value() == 42


def test_both_jobs_name_each_other(client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    job = edit.load(client, old)
    copies = [edit.enqueue(client, job, {"args": [text], "kwargs": {}}).job_id for text in ("one", "two")]
    detail = jobs_whole.load(client, old)
    assert detail.edited_as == tuple(copies)
    assert [(each.relation, each.row.id) for each in relations.load(client, detail)] == [("edited as", name) for name in copies]
    (related,) = relations.load(client, jobs_whole.load(client, copies[0]))
    assert (related.relation, related.row.id, related.row.status) == ("edited from", old, Status.FAILED)


def test_the_number_of_named_copies_has_a_bound(client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    job = edit.load(client, old)
    copies = [edit.enqueue(client, job, job.document).job_id for _ in range(25)]
    assert jobs_whole.load(client, old).edited_as == tuple(copies[-20:])


def test_unchanged_it_is_a_duplicate_to_the_byte(client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    job = edit.load(client, old)
    edited = edit.enqueue(client, job, job.document)
    assert not edited.changed
    same = ("data", "description", "origin", "timeout")
    assert client.hmget(keys.job(edited.job_id), same) == client.hmget(keys.job(old), same)


def test_a_job_of_a_processor_is_validated_and_its_attempts_are_fresh(client: redis.Redis) -> None:
    old = QueueService(client).enqueue("test_job", {"message": "hello"}, attempts=3)
    client.hset(keys.job(old.id), mapping={"retries_left": 0, keys.FIELD_ATTEMPT: 3})
    job = edit.load(client, old.id)
    assert (job.form, job.document["message"]) == ("payload", "hello")
    before = digest(client)
    with pytest.raises(InvalidInput, match="nosuch"):
        edit.enqueue(client, job, {"message": "x", "nosuch": 1})
    assert digest(client) == before
    edited = edit.enqueue(client, job, job.document | {"message": "other"})
    detail = jobs_whole.load(client, edited.job_id)
    assert detail.payload["message"] == "other"
    assert (detail.row.retries_left, detail.row.attempts_allowed, detail.row.attempts) == (2, 3, None)


def test_a_job_in_json_stays_one(client: redis.Redis) -> None:
    old = Queue("mail", connection=client, serializer=JSONSerializer).enqueue(tasks.add, 1, b=2)
    job = edit.load(client, old.id)
    edited = edit.enqueue(client, job, {"args": [5], "kwargs": {}})
    stored = client.hget(keys.job(edited.job_id), "data")
    assert isinstance(stored, bytes)
    assert json.loads(zlib.decompress(stored)) == ["tests.broker.tasks.add", None, [5], {}]


ODD: list[tuple[Any, str]] = [
    ((1, 2), r"args\[0\] is a tuple"),
    ({1}, r"args\[0\] is a set"),
    (b"x", r"args\[0\] is bytes"),
    (datetime(2024, 1, 1), r"args\[0\] is an object of datetime.datetime"),
    (Decimal("1.5"), r"args\[0\] is an object of decimal.Decimal"),
    ([{"a": [1, (2,)]}], r"args\[0\]\[0\].a\[1\] is a tuple"),
    ({1: 2}, r"args\[0\] has a key that is no text"),
    (float("nan"), r"args\[0\] is of the kind float"),
    (tasks.add, r"args\[0\] is a class or function"),
    (seed.RunsACommand("exit 1"), r"args\[0\] is an object of "),
]


@pytest.mark.parametrize(("value", "reason"), ODD, ids=[reason for _, reason in ODD])
def test_what_json_cannot_hold_is_refused_with_its_place(client: redis.Redis, value: Any, reason: str) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.hset(keys.job(job.id), "data", zlib.compress(pickle.dumps(("shop.pay", None, (value,), {}))))
    with pytest.raises(Refused, match=reason):
        edit.load(client, job.id)


@pytest.mark.parametrize("data", [b"", b"\x80garbage", b"text", zlib.compress(b"x" * 3_000_000), b"[1, 2]", b'["f", {}, [], {}]'])
def test_arguments_that_cannot_be_read_are_refused(client: redis.Redis, data: bytes) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.hset(keys.job(job.id), "data", data)
    with pytest.raises(Refused, match="cannot be edited"):
        edit.load(client, job.id)


def test_every_hostile_job_is_edited_or_refused(client: redis.Redis) -> None:
    seed.hostile(client, size=100_000)
    refused = []
    for job_id in [*seed.HOSTILE, "good"]:
        try:
            edit.load(client, job_id)
        except (Refused, NotFound, redis.ResponseError):
            refused.append(job_id)
    assert set(seed.HOSTILE) - set(refused) == {"escape", "markup", "huge", "weird"}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "must be a JSON object"),
        ({"args": [1]}, "kwargs: must be a JSON object"),
        ({"args": {}, "kwargs": {}}, "args: must be a JSON list"),
        ({"args": [], "kwargs": {}, "more": 1}, "more: there is no such field"),
    ],
)
def test_a_document_that_is_no_call_is_refused(client: redis.Redis, document: Any, reason: str) -> None:
    (old,) = seed.failed(client)
    job = edit.load(client, old)
    before = digest(client)
    with pytest.raises(InvalidInput, match=reason):
        edit.enqueue(client, job, document)
    assert digest(client) == before


def test_the_copy_of_a_job_with_a_concurrency_limit_waits_for_its_place(client: redis.Redis) -> None:
    queue, limit = Queue("mail", connection=client), RateLimit("api", concurrency=1)
    first = queue.enqueue(tasks.add, 1, rate_limit=limit)
    job = edit.load(client, first.id)
    edited = edit.enqueue(client, job, {"args": [2], "kwargs": {}})
    assert client.hget(keys.job(edited.job_id), "status") == b"rate_limited"
    seed.work(client, "mail")
    assert Job.fetch(edited.job_id, connection=client).get_status() == "finished"


def test_a_job_that_is_removed_meanwhile_gives_no_copy(client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    job = edit.load(client, old)
    Job.fetch(old, connection=client).delete()
    before = digest(client)
    with pytest.raises(NotFound, match="nothing was enqueued"):
        edit.enqueue(client, job, job.document)
    with pytest.raises(NotFound):
        edit.load(client, old)
    assert digest(client) == before


def test_a_queue_of_the_wrong_type_changes_nothing(client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    job = edit.load(client, old)
    client.delete(keys.queue("mail"))
    client.set(keys.queue("mail"), "x")
    before = digest(client)
    with pytest.raises(Refused, match="wrong type"):
        edit.enqueue(client, job, job.document)
    assert digest(client) == before
