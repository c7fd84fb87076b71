"""One job whole, against what RQ itself reads of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import redis
from rq import Queue
from rq.job import Job

from qtui.broker.models import Progress
from qtui.broker.one_job import job, job_history
from qtui.broker.status import STATUSES, Status
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.reporting.job_log import LogLine
from qtui_workers.server import keys
from tests.broker import seed, tasks


def _time(moment: datetime | None) -> float | None:
    return None if moment is None else moment.replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("status", list(STATUSES))
def test_a_job_reads_as_rq_reads_it(client: redis.Redis, status: Status) -> None:
    job_id = seed.everything(client).first(status)
    theirs = Job.fetch(job_id, connection=client)

    ours = job.load(client, job_id)

    assert (ours.row.id, ours.row.queue, ours.row.status) == (job_id, theirs.origin, status)
    assert (ours.row.function, ours.row.description) == (theirs.func_name, theirs.description)
    assert ours.payload == {"args": list(theirs.args), "kwargs": theirs.kwargs}
    assert (ours.row.created_at, ours.row.enqueued_at) == (_time(theirs.created_at), _time(theirs.enqueued_at))
    assert (ours.row.started_at, ours.row.ended_at) == (_time(theirs.started_at), _time(theirs.ended_at))
    assert (ours.row.timeout, ours.row.retries_left) == (theirs.timeout, theirs.retries_left)
    assert (ours.meta or {}) == theirs.meta
    assert ours.result == theirs.return_value()
    newest = theirs.latest_result()
    assert ours.traceback == (newest and newest.exc_string)
    assert ours.depends_on == tuple(theirs._dependency_ids)
    assert ours.problems == ()


def test_a_finished_job_tells_its_story_in_time_order(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client)
    detail = job.load(client, job_id)
    assert [moment.what for moment in job_history.load(client, detail).moments] == [
        "created",
        "enqueued",
        "attempt 1 started on burst",
        "attempt 1 finished",
    ]
    assert [m.at for m in job_history.load(client, detail).moments] == sorted(
        m.at for m in job_history.load(client, detail).moments
    )
    assert detail.result == 1
    assert [attempt.outcome for attempt in detail.attempts] == ["ok"]


def test_a_result_of_an_unknown_type_is_no_failure(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client)
    client.xadd(keys.results(job_id), {"type": "99"})
    detail = job.load(client, job_id)
    assert [attempt.outcome for attempt in detail.attempts] == ["ok", None]
    assert job_history.load(client, detail).moments[-1].what.endswith("ended")
    assert detail.problems == ("a result of the unknown type '99'",)


def test_a_job_without_a_queue_and_data_says_neither(client: redis.Redis) -> None:
    client.hset(keys.job("bare"), "status", "failed")
    detail = job.load(client, "bare")
    assert (detail.row.queue, detail.payload_bytes) == (None, None)


def test_a_failed_job_shows_its_newest_traceback_and_last_line(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    detail = job.load(client, job_id)
    assert detail.traceback is not None
    assert detail.traceback.startswith("Traceback (most recent call last):")
    assert detail.failed_reason == detail.row.error == "ValueError: message 0"
    assert detail.row.attempts == 1


def test_a_job_that_was_retried_by_hand_has_its_attempts_counted(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    Job.fetch(job_id, connection=client).requeue()
    seed.work(client, "mail")
    detail = job.load(client, job_id)
    assert detail.row.attempts == 2
    assert [moment.what for moment in job_history.load(client, detail).moments if "failed" in moment.what] == [
        "attempt 1 failed",
        "attempt 2 failed",
    ]


def test_attempts_that_rq_retries_by_itself_are_not_guessed(client: redis.Redis) -> None:
    from rq import Retry

    (job_id,) = seed.failed(client, retry=Retry(max=2))
    assert job.load(client, job_id).row.attempts is None
    client.hset(keys.job(job_id), mapping={keys.FIELD_ATTEMPT: 3, keys.FIELD_ATTEMPTS: 3})
    detail = job.load(client, job_id)
    assert (detail.row.attempts, detail.row.attempts_allowed) == (3, 3)
    assert "attempt 3 failed" in [moment.what for moment in job_history.load(client, detail).moments]


def test_a_scheduled_retry_says_when_it_is_due(client: redis.Redis) -> None:
    from rq import Retry

    (job_id,) = seed.failed(client, retry=Retry(max=1, interval=600))
    detail = job.load(client, job_id)
    assert detail.row.status is Status.SCHEDULED
    last = job_history.load(client, detail).moments[-1]
    assert (last.what, last.at) == ("next attempt due", client.zscore(keys.registry("scheduled", "mail"), job_id))


def test_logs_are_shown_oldest_first_and_only_the_newest_thousand(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client)
    with client.pipeline() as pipe:
        for number in range(1_005):
            pipe.xadd(keys.log(job_id), {"level": "warning", "text": f"line {number}", "at": 1.5e9 + number})
        pipe.execute()
    logs = job.load(client, job_id).logs
    assert len(logs) == 1_000
    assert logs[0] == LogLine(1.5e9 + 5, "warning", "line 5")
    assert logs[-1].text == "line 1004"


def test_dependencies_and_dependents_are_named(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    parent = queue.enqueue(tasks.add, 1)
    child = queue.enqueue(tasks.add, 2, depends_on=parent)
    assert job.load(client, parent.id).dependents == (child.id,)
    assert job.load(client, child.id).depends_on == (parent.id,)


def test_a_job_of_our_producer_shows_just_its_payload(client: redis.Redis) -> None:
    client.hset(
        keys.job("j"),
        mapping={"status": "queued", "data": '["p", null, [], {"to": "ada"}]', keys.FIELD_ATTEMPTS: 3},
    )
    assert job.load(client, "j").payload == {"to": "ada"}


def test_a_password_of_an_address_is_not_shown(client: redis.Redis) -> None:
    login = "https://me:hunter2@api.example/a?at=me@example.org"
    payload = {"base_url": login, "area": "a"}
    enqueued = QueueService(client).enqueue("fetch_area", payload, job_id="ours").id
    plain = Queue("plain", connection=client).enqueue("app.fetch", login, meta={"from": [login]}, job_id="plain").id
    for job_id in (enqueued, plain):
        shown = job.load(client, job_id)
        assert "hunter2" not in repr(shown)
        assert "https://me:***@api.example/a?at=me@example.org" in repr(shown.payload)


def test_what_a_processor_declares_secret_is_not_shown(client: redis.Redis) -> None:
    payload = {"url": "https://example.org/hook", "secret": f"whsec_{'c2VjcmV0' * 6}", "payload": {"secret": "of another kind"}}
    job_id = QueueService(client).enqueue("webhook", payload).id

    assert job.load(client, job_id).payload == payload | {"secret": "***"}


def test_a_job_whose_hash_is_gone_still_shows_its_results(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    client.delete(keys.job(job_id))
    detail = job.load(client, job_id)
    assert detail.row.problem == "the job's hash is gone"
    assert detail.traceback is not None


def test_ttl_facts_and_progress_are_read(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client, result_ttl=600)
    client.hset(keys.job(job_id), keys.FIELD_PROGRESS, '{"done": 10, "total": 10, "message": "done"}')
    detail = job.load(client, job_id)
    assert detail.ttl is not None
    assert 0 < detail.ttl <= 600
    assert detail.facts["result_ttl"] == "600"
    assert detail.row.progress == Progress(10.0, 10.0, "done")
