"""What a function usually takes: from finished jobs of RQ, and from the events of our workers."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.utils import utcformat

from qtui.broker.models import JobRow
from qtui.broker.one_job import job as whole_job
from qtui.broker.one_job import usual_durations
from qtui.broker.one_job.usual_durations import Usual, Usuals
from qtui.broker.status import Status
from qtui_workers import QueueService
from qtui_workers.processors.test_job import TestJob as Payload
from qtui_workers.processors.test_job import test_job as run_test_job
from qtui_workers.reporting import events
from qtui_workers.reporting.events import EventKind
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.watching import watching


def row_of(function: str | None) -> JobRow:
    return JobRow("a job", "mail", Status.STARTED, function)


def took(client: redis.Redis, job_id: str, seconds: float) -> None:
    """As if the run of a job had taken so long."""
    ended = Job.fetch(job_id, connection=client).ended_at
    assert ended is not None
    client.hset(keys.job(job_id), "started_at", utcformat(ended - timedelta(seconds=seconds)))


def test_median_and_p95_come_from_the_newest_finished_jobs_of_the_queue(client: redis.Redis) -> None:
    for number, job_id in enumerate(seed.finished(client, count=20), start=1):
        took(client, job_id, number)
    seed.failed(client)
    usuals = Usuals()
    usuals.look(client, ["mail", None, "nowhere"])
    assert usuals.of(row_of("tests.broker.tasks.add")) == Usual(runs=20, median=10.0, p95=19.0)
    assert usuals.of(row_of("tests.broker.tasks.fail")) is None
    assert usuals.of(row_of(None)) is None


def test_a_description_of_ones_own_does_not_hide_the_function(client: redis.Redis) -> None:
    took(client, seed.finished(client, description="The sum of two numbers")[0], 4)
    usuals = Usuals()
    usuals.look(client, ["mail"])
    assert usuals.of(row_of("tests.broker.tasks.add")) == Usual(1, 4.0, 4.0)


def test_runs_that_workers_reported_count_also_when_their_jobs_are_gone_and_none_counts_twice(client: redis.Redis) -> None:
    job_id = QueueService(client).enqueue(run_test_job, Payload()).id
    row = whole_job.load(client, job_id).row
    described = Job.fetch(job_id, connection=client).description
    for other, seconds in (("gone-1", 2.0), ("gone-2", 4.0), ("gone-2", 6.0)):
        events.emit(client, EventKind.COMPLETED, Source(other, row.queue, described, "w", 1), {"seconds": seconds})
    events.emit(client, EventKind.FAILED, Source("gone-3", row.queue, described, "w", 1), {"seconds": 99.0})
    client.xadd(keys.EVENTS, {"event": "completed", "job": "x", "function": "test_job", "details": '{"seconds": "soon"}'})
    usuals = Usuals()
    usuals.look(client, [])
    assert usuals.of(row) == Usual(runs=2, median=2.0, p95=6.0)


def test_a_queue_is_read_again_only_after_a_while_and_what_is_kept_is_bounded(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usual_durations, "RUNS", 3)
    monkeypatch.setattr(usual_durations, "FUNCTIONS", 1)
    now = 0.0
    usuals = Usuals(clock=lambda: now)
    seed.finished(client, count=4)
    usuals.look(client, ["mail"])
    known = usuals.of(row_of("tests.broker.tasks.add"))
    assert known is not None
    assert known.runs == 3
    with watching(client) as seen:
        usuals.look(client, ["mail"])
    assert not [command for command in seen.sent if command.split()[0] not in ("CLIENT", "PING")]
    Queue("mail", connection=client).enqueue("tests.broker.tasks.fine", 1)
    events.emit(client, EventKind.COMPLETED, Source("e", "mail", "a.newer_one(1)", "w", 1), {"seconds": 1.0})
    now = usual_durations.EVERY
    usuals.look(client, [])
    assert (usuals.of(row_of("tests.broker.tasks.add")), usuals.of(row_of("a.newer_one"))) == (None, Usual(1, 1.0, 1.0))


def test_a_hostile_keyspace_is_read_within_bounds(client: redis.Redis) -> None:
    seed.hostile(client, size=100_000)
    client.set(keys.registry("finished", "odd"), "no sorted set")
    client.zadd(keys.registry("finished", "hostile"), {"gone": 1.0, "odd": 2.0})
    client.set(keys.job("odd"), "no hash")
    Usuals().look(client, ["hostile", "odd"])


@pytest.mark.parametrize(
    ("known", "seconds", "is_far"),
    [
        (Usual(5, 10.0, 15.0), 20.5, True),
        (Usual(5, 10.0, 15.0), 19.0, False),
        (Usual(5, 10.0, 60.0), 40.0, False),
        (Usual(4, 10.0, 15.0), 90.0, False),
        (Usual(9, 0.1, 0.2), 0.9, False),
    ],
)
def test_only_what_is_longer_than_nearly_all_runs_is_far_over(known: Usual, seconds: float, is_far: bool) -> None:
    assert known.is_far_over(seconds) is is_far
