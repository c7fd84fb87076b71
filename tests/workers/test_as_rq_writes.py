"""What the producer writes beside what RQ's own API writes, for the same job."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field
from rq import Queue, Retry, Webhook
from rq.job import Job
from rq.rate_limit import RateLimit
from rq.serializers import JSONSerializer

from qtui_workers import Payload, processor
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.processors.report import Report, ReportResult
from qtui_workers.server import keys

TIMES = (b"created_at", b"enqueued_at")
DUE = datetime(2100, 1, 1, tzinfo=UTC)
HOOKS = (Webhook("https://example.org/done", "finished"), Webhook("http://example.org", "failed", method="POST", timeout=3))


class Anything(Payload):
    """Values of every kind that JSON has."""

    text: str = ""
    number: float = 0
    count: int = 0
    items: list[str | int | bool | None] = Field(default_factory=list)
    table: dict[str, list[float]] = Field(default_factory=dict)
    when: datetime | None = None


def anything(payload: Anything) -> ReportResult:
    """Nothing runs it here."""
    raise NotImplementedError


def report(payload: Report) -> ReportResult:
    """Nothing runs it here."""
    raise NotImplementedError


Case = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
"""Options of the processor, of its enqueuing, and the same for RQ."""

CASES: dict[str, Case] = {
    "nothing said": ({}, {}, {}),
    "an id": ({}, {"job_id": "mine"}, {"job_id": "mine"}),
    "attempts, fixed": (
        {"attempts": 4, "backoff": "fixed:5s"},
        {},
        {"retry": Retry(max=3, interval=[5, 5, 5])},
    ),
    "attempts, exponential without jitter": (
        {},
        {"attempts": 3, "backoff": "exponential:2s,jitter=0"},
        {"retry": Retry(max=2, interval=[2, 4])},
    ),
    "attempts, at once": ({"attempts": 2, "backoff": "none"}, {}, {"retry": Retry(max=1, interval=[0])}),
    "timeout": ({"timeout": 11.5}, {}, {"job_timeout": 12}),
    "timeout of the job": ({"timeout": 11}, {"timeout": timedelta(hours=2)}, {"job_timeout": 7_200}),
    "kept for": ({"result_ttl": 7, "failure_ttl": timedelta(days=1)}, {}, {"result_ttl": 7, "failure_ttl": 86_400}),
    "webhooks": ({"webhooks": HOOKS}, {}, {"webhooks": HOOKS}),
    "a concurrency limit with room": ({"concurrency": 2}, {}, {"rate_limit": RateLimit("report", 2)}),
}
USUAL = {"job_timeout": 180, "result_ttl": 86_400, "failure_ttl": 30 * 86_400, "description": "report()"}


def written(client: redis.Redis, work: Callable[[], object]) -> dict[str, str]:
    """All that a piece of work leaves in an empty database, by key; times of now taken out, and random ids numbered."""
    client.flushall()
    work()
    found = {key: read(client, key) for key in client.scan_iter() if not key.startswith(keys.OURS.encode())}
    queued = [job_id.decode() for job_id in client.lrange(keys.queue("q"), 0, -1)]
    ids = queued or [key.decode().removeprefix(keys.JOB_PREFIX) for key in found if key.startswith(keys.JOB_PREFIX.encode())]

    def numbered(text: str) -> str:
        return reduce(lambda so_far, n: so_far.replace(ids[n], f"job {n}"), range(len(ids)), text)

    assert ids
    return {numbered(key.decode()): numbered(repr(value)) for key, value in found.items()}


def read(client: redis.Redis, key: bytes) -> Any:
    match client.type(key):
        case b"hash":
            fields = {name: value for name, value in client.hgetall(key).items() if name not in TIMES}
            assert fields.pop(keys.FIELD_ATTEMPTS.encode(), b"1").isdigit()
            if b"data" in fields:
                fields[b"data"] = json.loads(zlib.decompress(fields[b"data"]))
            return sorted(fields.items())
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return sorted(client.smembers(key))
        case b"zset":
            return [
                (member, score if score == DUE.timestamp() else "now")
                for member, score in client.zrange(key, 0, -1, withscores=True)
            ]
        case other:
            raise AssertionError(f"{key!r} is a {other!r}")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_job_leaves_what_rqs_enqueue_leaves(client: redis.Redis, case: Case) -> None:
    options, ours, theirs = case
    made = processor(queue="q", **options)(report)
    arguments = {**USUAL, **theirs, "kwargs": {}}
    peer = Queue("q", connection=client, serializer=JSONSerializer)
    expected = written(client, lambda: peer.enqueue(made.path, **arguments))
    assert written(client, lambda: QueueService(client).enqueue(made, **ours)) == expected
    if "job_id" not in ours:
        assert written(client, lambda: QueueService(client).enqueue_many(made, [None], **ours)) == expected


def test_a_scheduled_job_leaves_what_rqs_enqueue_at_leaves(client: redis.Redis) -> None:
    made = processor(queue="q", attempts=2, backoff="fixed:5s", concurrency=1)(report)
    arguments = {**USUAL, "retry": Retry(max=1, interval=[5]), "kwargs": {}}
    peer = Queue("q", connection=client, serializer=JSONSerializer)
    limit = RateLimit("report", 1)
    expected = written(client, lambda: peer.enqueue_at(DUE, made.path, rate_limit=limit, **arguments))
    assert written(client, lambda: QueueService(client).enqueue(made, at=DUE)) == expected


def test_many_jobs_leave_what_rqs_enqueue_many_leaves(client: redis.Redis) -> None:
    made = processor(queue="q", attempts=2, backoff="fixed:5s", webhooks=HOOKS)(report)
    peer = Queue("q", connection=client, serializer=JSONSerializer)
    given = {"timeout": 180, "result_ttl": 86_400, "failure_ttl": 30 * 86_400, "retry": Retry(max=1, interval=[5])}
    datas = [
        Queue.prepare_data(
            made.path,
            kwargs={"steps": n},
            description=f"report(steps={n})",
            webhooks=HOOKS,
            **given,
        )
        for n in (1, 2, 3)
    ]
    expected = written(client, lambda: peer.enqueue_many(datas))
    assert len(expected) == 5
    assert written(client, lambda: QueueService(client).enqueue_many(made, [{"steps": n} for n in (1, 2, 3)])) == expected


def test_rqs_reader_finds_every_option_in_the_job(client: redis.Redis) -> None:
    made = processor(queue="q", attempts=4, timeout=9, result_ttl=8, failure_ttl=7, webhooks=HOOKS)(report)
    job_id = QueueService(client).enqueue(made, {"steps": 2}, backoff="exponential:100s").id
    job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
    assert (job.timeout, job.result_ttl, job.failure_ttl, job.retries_left) == (9, 8, 7, 3)
    assert job.webhooks == list(HOOKS)
    assert [90 <= job.retry_intervals[0] <= 100, len(job.retry_intervals)] == [True, 3]
    assert (job.func_name, job.args, job.kwargs["steps"], job.enqueued_at) == (made.path, [], 2, job.created_at)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.builds(
        Anything,
        text=st.text(max_size=3_000),
        number=st.floats(allow_nan=False, allow_infinity=False),
        count=st.integers(),
        items=st.lists(st.text() | st.integers() | st.booleans() | st.none(), max_size=5),
        table=st.dictionaries(st.text(max_size=5), st.lists(st.floats(allow_nan=False, allow_infinity=False)), max_size=3),
        when=st.none() | st.datetimes(),
    )
)
def test_a_payload_comes_back_whole_from_rqs_reader(client: redis.Redis, payload: Anything) -> None:
    made = processor(queue="q")(anything)
    job_id = QueueService(client).enqueue(made, payload).id
    job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
    assert job.kwargs == payload.model_dump(mode="json", exclude_unset=True)
    assert made.validate(job.kwargs) == payload
