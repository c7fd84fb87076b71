"""Lines of a tail that are filtered by more than they tell: each job is read once, all new ones together."""

from __future__ import annotations

import pytest
import redis
from rq import Queue

from qtui.broker.search.expression import parse
from qtui.broker.tail import job_line_filter
from qtui.broker.tail.job_line_filter import JobLineFilter
from qtui.broker.tail.lines import LOG, NOTE, Line
from qtui_workers.server import keys
from tests.broker import tasks
from tests.broker.watching import watching

NOW = 1_763_800_000.0


def line(job: str | None, kind: str = LOG, text: str = "at work") -> Line:
    return Line(NOW, kind, text, "INFO", job, "mail", "shop.charge")


def jobs(client: redis.Redis, *customers: int) -> list[str]:
    queue = Queue("mail", connection=client)
    return [queue.enqueue(tasks.add, customer_id=customer).id for customer in customers]


def test_each_job_is_read_once_and_all_new_ones_in_two_round_trips(client: redis.Redis) -> None:
    ids = jobs(client, 42, 7, 42)
    found = JobLineFilter(lambda: client, parse("payload.customer_id:42 work"))
    lines = [*map(line, ids), line(None, NOTE), line("gone"), line(ids[0], text="idle")]
    with watching(client) as seen:
        assert [each.job for each in found.fitting(lines)] == [ids[0], ids[2]]
        assert [each.job for each in found.fitting(lines)] == [ids[0], ids[2]]
    assert len([command for command in seen.sent if command.startswith("HMGET")]) == 4, "those three, and the one that is gone"


def test_a_job_that_is_queued_again_is_read_again(client: redis.Redis) -> None:
    (job_id,) = jobs(client, 42)
    client.hset(keys.job(job_id), "enqueued_at", "2020-01-01T00:00:00.000000Z")
    found = JobLineFilter(lambda: client, parse("age<1h"))
    assert found.fitting([line(job_id)]) == []
    client.hset(keys.job(job_id), "enqueued_at", "2025-11-22T08:26:30.000000Z")
    assert found.fitting([line(job_id)]) == []
    assert len(found.fitting([line(job_id, "queued", "work"), line(job_id)])) == 2


def test_what_lines_tell_needs_no_job(client: redis.Redis) -> None:
    with watching(client) as seen:
        assert len(JobLineFilter(lambda: client, parse("func:charge -idle")).fitting([line("a"), line("b", text="idle")])) == 1
    assert seen.sent == []


def test_as_many_jobs_are_remembered_as_there_is_room_for(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = jobs(client, *[42] * 5)
    found = JobLineFilter(lambda: client, parse("payload.customer_id:42"))
    monkeypatch.setattr(job_line_filter, "REMEMBERED", 2)
    for job_id in ids:
        assert len(found.fitting([line(job_id)])) == 1
    with watching(client) as seen:
        assert len(found.fitting([line(job_id) for job_id in ids])) == 5
    assert len([command for command in seen.sent if command.startswith("HMGET")]) >= 2, "the oldest were forgotten"
