"""Jobs that are watched after an operation: exactly those, read little by little, however many."""

from __future__ import annotations

import pytest
import redis
from rq import Queue
from rq.job import Job, JobStatus

from qtui.broker.bulk import watch
from qtui.broker.bulk.selection import take
from qtui.broker.bulk.watch import Watch
from qtui.broker.operations import Chosen
from qtui.broker.status import Status
from tests.broker import seed, tasks
from tests.broker.watching import watching


def watched(client: redis.Redis, ids: list[str]) -> Watch:
    return Watch("retried", take(client, Chosen(tuple(ids))))


def test_each_look_says_how_many_have_which_status(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    ids = [queue.enqueue(tasks.fail if n < 2 else tasks.add, n).id for n in range(5)]
    queue.enqueue(tasks.add, 9)
    found = watched(client, ids)
    course = found.look(client, 0, 10)
    assert (course.counts, course.ended, course.unread, course.total) == ({Status.QUEUED: 5}, 0, 0, 5)
    assert [row.id for row in course.rows] == ids
    seed.work(client, "mail")
    Job.fetch(ids[4], connection=client).delete()
    course = found.look(client, 1, 2)
    assert (course.counts, course.gone, course.ended) == ({Status.FAILED: 2, Status.FINISHED: 2}, 1, 5)
    assert ([row.id for row in course.rows], course.offset) == (ids[1:3], 1)
    assert [found.next_failed(*where) for where in ((-1, 1), (0, 1), (1, 1), (4, -1))] == [0, 1, None, 1]


def test_the_jobs_that_were_tried_so_far_are_watched(client: redis.Redis) -> None:
    ids = [Queue("mail", connection=client).enqueue(tasks.add, n).id for n in range(5)]
    tried = 2
    found = Watch("retried", take(client, Chosen(tuple(ids))), lambda: tried)
    course = found.look(client, 0, 10)
    assert (course.total, course.counts, [row.id for row in course.rows]) == (2, {Status.QUEUED: 2}, ids[:2])
    assert (len(found), found.planned) == (2, 5)
    tried = 4
    assert (len(found), found.look(client, 3, 10).rows[0].id) == (4, ids[3])
    tried = 9
    assert found.look(client, 0, 10).counts == {Status.QUEUED: 5}


def test_a_look_reads_a_bounded_number_those_that_were_read_longest_ago(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "READ", 2)
    ids = [Queue("mail", connection=client).enqueue(tasks.add, n).id for n in range(5)]
    found = watched(client, ids)
    assert [found.look(client, 0, 0).unread for _ in range(3)] == [3, 1, 0]
    seed.work(client, "mail")
    assert [found.look(client, 0, 0).counts[Status.FINISHED] for _ in range(3)] == [2, 4, 5]
    with watching(client) as seen:
        found.look(client, 0, 0)
    assert not [command for command in seen.sent if command.startswith("HGET")]


def test_what_had_ended_and_runs_again_is_seen_in_the_window_and_watched_again(client: redis.Redis) -> None:
    ids = seed.failed(client, count=2)
    found = watched(client, ids)
    assert found.look(client, 0, 0).counts == {Status.FAILED: 2}
    Job.fetch(ids[1], connection=client).requeue()
    assert found.look(client, 0, 2).counts == {Status.FAILED: 1, Status.QUEUED: 1}
    Job.fetch(ids[1], connection=client).set_status(JobStatus.FINISHED)
    assert found.look(client, 0, 0).counts == {Status.FAILED: 1, Status.FINISHED: 1}


def test_many_jobs_are_read_in_a_few_looks_and_a_failed_look_loses_none(client: redis.Redis) -> None:
    ids = [f"job-{n}" for n in range(20_000)]
    found = watched(client, ids)
    client.set("rq:job:job-0", "no hash")
    for _ in range(5):
        course = found.look(client, 0, 0)
    assert (course.gone, course.unread, course.ended) == (20_000, 0, 20_000)
    ids = [Queue("mail", connection=client).enqueue(tasks.add, n).id for n in range(2)]
    found = watched(client, ids)
    with pytest.raises(redis.ConnectionError):
        found.look(redis.Redis(unix_socket_path="/nowhere"), 0, 0)
    assert found.look(client, 0, 0).counts == {Status.QUEUED: 2}
