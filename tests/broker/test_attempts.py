"""The attempts of a job and the waits between them, as far as results, the hash and events tell of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import redis
from rq import Queue, Retry
from rq.job import Job

from qtui.broker.models import JobRow
from qtui.broker.one_job import attempts, job, job_history
from qtui.broker.one_job.attempts import KnownAttempt, Span
from qtui.broker.operations import Chosen, run
from qtui.broker.operations.retry import RETRY
from qtui.broker.status import Status
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.broker import seed
from tests.support import Server
from tests.workers import engine
from tests.workers.support import run_burst

ALLOW = ("default", "--allow-pickle", "--allow", engine.MODULE, "--name", "w1")


def known(client: redis.Redis, job_id: str) -> tuple[KnownAttempt, ...]:
    detail = job.load(client, job_id)
    return attempts.known(detail, attempts.JobEvents(job_id).look(client, detail))


def spans(client: redis.Redis, job_id: str) -> tuple[Span, ...]:
    found = attempts.spans(job.load(client, job_id).row, known(client, job_id))
    for one, other in pairwise(found):
        assert one.ended == other.began, "there is no gap, and nothing overlaps"
    return found


@pytest.mark.parametrize(("fails", "retries", "last"), [(2, 3, "ok"), (9, 3, "failed")])
def test_all_attempts_under_our_worker_are_known_though_rq_keeps_one_result(
    server: Server, client: redis.Redis, home: Path, fails: int, retries: int, last: str
) -> None:
    job_id = Queue("default", connection=client).enqueue(engine.fail_first, fails, retry=Retry(retries)).id
    run_burst(server, home, *ALLOW)
    found = known(client, job_id)
    number = min(fails, retries) + 1
    assert len(job.load(client, job_id).attempts) == 1
    assert [each.number for each in found] == list(range(1, number + 1))
    assert [each.outcome for each in found] == ["failed"] * (number - 1) + [last]
    assert {each.error for each in found if each.outcome == "failed"} == {"ValueError: not yet"}
    assert [each.traceback is not None for each in found] == [False] * (number - 1) + [last == "failed"]
    for each in found:
        assert each.worker == "w1"
        assert each.began
        assert each.ended
        assert each.began <= each.ended
        assert each.cpu_seconds is not None
        assert each.waited is not None
    life = spans(client, job_id)
    assert [each.attempt.number for each in life if each.attempt] == list(range(1, number + 1))
    assert not any(each.skipped for each in life)
    assert life[0].began == job.load(client, job_id).row.created_at


@pytest.mark.parametrize("tool", ["rq requeue", "qtui retry"])
def test_attempts_before_a_retry_by_hand_stay_known(server: Server, client: redis.Redis, home: Path, tool: str) -> None:
    job_id = Queue("default", connection=client).enqueue(engine.fail_first, 9, retry=Retry(2)).id
    client.hset(keys.job(job_id), keys.FIELD_ATTEMPTS, 3)
    run_burst(server, home, *ALLOW)
    before = known(client, job_id)
    assert [each.number for each in before] == [1, 2, 3]
    if tool == "rq requeue":
        Job.fetch(job_id, connection=client).requeue()
    else:
        run(client, RETRY, Chosen((job_id,)))
    assert [(each.number, each.error) for each in known(client, job_id)] == [(each.number, each.error) for each in before]
    run_burst(server, home, *ALLOW)
    after = known(client, job_id)
    assert after[:3] == before
    assert [each.number for each in after[3:]] == ([4] if tool == "rq requeue" else [1, 2, 3])
    assert [each.outcome for each in after] == ["failed"] * len(after)
    found = job_history.load(client, job.load(client, job_id))
    assert found.tried == after
    assert sum("failed" in moment.what for moment in found.moments) == len(after)


def test_attempts_that_only_their_number_tells_of_are_counted_where_they_were(
    server: Server, client: redis.Redis, home: Path
) -> None:
    job_id = Queue("default", connection=client).enqueue(engine.fail_first, 9, retry=Retry(2)).id
    run_burst(server, home, *ALLOW)
    client.delete(keys.EVENTS)
    (only,) = known(client, job_id)
    assert (only.number, only.outcome) == (3, "failed")
    wait, attempt = spans(client, job_id)
    assert (wait.skipped, wait.attempt) == (2, None)
    assert attempt.attempt == only


def test_a_job_that_returns_a_retry_has_each_attempt_once(server: Server, client: redis.Redis, home: Path) -> None:
    job_id = Queue("default", connection=client).enqueue(engine.again, 2, retry=Retry(3)).id
    run_burst(server, home, *ALLOW)
    assert [each.outcome for each in known(client, job_id)] == ["retried", "retried", "ok"]


def test_what_a_stock_worker_retried_by_itself_is_not_known_and_by_hand_is(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    Job.fetch(job_id, connection=client).requeue()
    seed.work(client, "mail")
    found = known(client, job_id)
    assert [(each.number, each.outcome) for each in found] == [(1, "failed"), (2, "failed")]
    assert all(each.traceback and each.peak_memory_bytes is None and each.cpu_seconds is None for each in found)
    assert [bool(each.attempt) for each in spans(client, job_id)].count(True) == 2
    (retried,) = seed.failed(client, retry=Retry(max=2))
    (only,) = known(client, retried)
    assert (only.number, only.outcome) == (None, "failed")


def test_a_retry_that_waits_shows_the_attempt_before_it_and_when_the_next_one_is_due(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client, retry=Retry(max=1, interval=600))
    (only,) = known(client, job_id)
    assert (only.outcome, only.error, only.traceback) == ("failed", None, None)
    *_, attempt, wait = spans(client, job_id)
    assert attempt.attempt == only
    assert (wait.status, wait.is_last) == (Status.SCHEDULED, True)
    assert wait.ended == client.zscore(keys.registry("scheduled", "mail"), job_id)


def test_a_job_that_runs_has_an_attempt_that_goes_on_and_one_that_waits_has_none(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    (runs,) = known(client, seeded.first(Status.STARTED))
    assert (runs.outcome, runs.ended, runs.worker) == ("runs", None, "w1")
    assert spans(client, seeded.first(Status.STARTED))[-1].ended is None
    assert known(client, seeded.first(Status.QUEUED)) == ()
    (wait,) = spans(client, seeded.first(Status.QUEUED))
    assert (wait.status, wait.ended, wait.is_last) == (Status.QUEUED, None, True)
    assert spans(client, seeded.first(Status.CANCELED)) == ()


def test_the_stream_of_events_is_read_again_only_where_an_attempt_began_or_ended(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    client.hset(keys.job(job_id), keys.FIELD_ATTEMPT, 2)
    source = Source(job=job_id, worker="w1", attempt=1)
    emit(client, EventKind.STARTED, source)
    emit(client, EventKind.RETRYING, source, {"error": "ValueError: no", "peak_memory": "many", "cpu": -1})
    told, detail = attempts.JobEvents(job_id), job.load(client, job_id)
    assert [event.kind for event in told.look(client, detail)] == ["started", "retrying"]
    emit(client, EventKind.STARTED, Source(job=job_id, worker="w1", attempt=2))
    assert len(told.look(client, detail)) == 2
    client.hset(keys.job(job_id), keys.FIELD_ATTEMPT, 3)
    assert len(told.look(client, job.load(client, job_id))) == 3
    assert next((e.peak_memory_bytes, e.cpu_seconds) for e in attempts.known(detail, told.look(client, detail))) == (None, None)


def test_a_long_stream_is_read_back_to_the_first_attempt_and_no_further_than_a_bound(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job_id,) = seed.failed(client)
    client.hset(keys.job(job_id), keys.FIELD_ATTEMPT, 2)
    emit(client, EventKind.STARTED, Source(job=job_id, attempt=1))
    for number in range(50):
        emit(client, EventKind.STARTED, Source(job=f"other-{number}", attempt=1))
    detail = job.load(client, job_id)
    monkeypatch.setattr(attempts, "CHUNK", 7)
    assert len(attempts.JobEvents(job_id).look(client, detail)) == 1
    monkeypatch.setattr(attempts, "CHUNKS", 2)
    assert attempts.JobEvents(job_id).look(client, detail) == ()


def test_a_stream_of_the_wrong_type_tells_nothing(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    client.hset(keys.job(job_id), keys.FIELD_ATTEMPT, 2)
    client.set(keys.EVENTS, "no stream")
    assert [each.outcome for each in known(client, job_id)] == ["failed"]


@pytest.mark.parametrize(
    "row",
    [
        JobRow("j", "mail", Status.STARTED, created_at=100.0, enqueued_at=50.0, started_at=40.0),
        JobRow("j", "mail", Status.FAILED, created_at=100.0, started_at=90.0, ended_at=80.0),
        JobRow("j", "mail", None),
        JobRow("j", "mail", Status.SCHEDULED, created_at=100.0, scheduled_for=5.0),
    ],
)
def test_clocks_that_contradict_each_other_give_a_life_without_negative_parts(row: JobRow) -> None:
    tried = (KnownAttempt(outcome="failed", began=70.0, ended=60.0), KnownAttempt(outcome="runs", began=row.started_at))
    found = attempts.spans(row, tried if row.status else ())
    assert all(span.ended is None or span.ended >= span.began for span in found)
    assert all(span.seconds(0.0) >= 0 for span in found)
