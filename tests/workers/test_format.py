"""Programs of several versions on one Redis: an older one that meets a newer format says so, and does nothing by guessing."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui.broker.lists import jobs as lists
from qtui.broker.queues import overview
from qtui.broker.status import Status
from qtui_workers.engine.maintenance.due_jobs import DueJobs
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import RedisUnavailable
from qtui_workers.server import keys
from qtui_workers.server.connection import connect
from qtui_workers.server.redis_errors import explain
from tests.faults import jobs
from tests.faults.support import ALLOW, ends, status
from tests.support import Server, wait_until
from tests.workers.support import run, run_burst, working

NEWER = str(int(keys.KNOWN_FORMAT) + 1)
SENTENCE = "is used by a newer version of qtui, in a format that this one does not know: update this program"


@pytest.fixture
def newer(client: redis.Redis) -> redis.Redis:
    """A server to which newer programs write."""
    client.set(keys.FORMAT, NEWER)
    return client


def test_who_writes_notes_the_format_and_who_looks_does_not(server: Server, client: redis.Redis, home: Path) -> None:
    connect(server.url).close()
    assert not client.exists(keys.FORMAT)
    QueueService(client).add_test_job({})
    assert client.get(keys.FORMAT) == keys.KNOWN_FORMAT.encode()
    client.set(keys.FORMAT, "0")
    run_burst(server, home)
    assert client.get(keys.FORMAT) == keys.KNOWN_FORMAT.encode()


def test_no_program_connects_where_the_format_is_newer(server: Server, newer: redis.Redis, home: Path) -> None:
    with pytest.raises(RedisUnavailable, match=SENTENCE):
        connect(server.url)
    done = run(home, "--url", server.url, "default")
    assert done.returncode == RedisUnavailable.exit_code
    assert SENTENCE in done.stderr


@pytest.mark.parametrize("content", ["", "two", keys.KNOWN_FORMAT, "0"])
def test_what_is_no_newer_format_stops_nobody(server: Server, client: redis.Redis, content: str) -> None:
    client.set(keys.FORMAT, content)
    connect(server.url).close()
    QueueService(client).add_test_job({})


def test_a_key_of_another_type_stops_nobody(server: Server, client: redis.Redis, home: Path) -> None:
    client.rpush(keys.FORMAT, 1)
    connect(server.url).close()
    assert lists.window(client, "main-queue", Status.QUEUED, 0, 10).total == 0


def test_what_runs_already_neither_enqueues_nor_lists_nor_schedules(newer: redis.Redis) -> None:
    service = QueueService(newer)
    with pytest.raises(RedisUnavailable, match=SENTENCE):
        service.add_test_job({})
    newer.zadd(keys.registry("scheduled", "q"), {"a": 1})
    with pytest.raises(redis.ResponseError) as refusal:
        DueJobs(newer, "s", None, lock=60).enqueue(["q"])
    assert SENTENCE in str(explain(refusal.value, "here"))
    for look in (lambda: lists.window(newer, "q", Status.SCHEDULED, 0, 10), lambda: overview.load(newer)):
        with pytest.raises(redis.ResponseError) as refusal:
            look()
        assert SENTENCE in str(explain(refusal.value, "here"))
    assert set(newer.keys()) == {keys.FORMAT.encode(), keys.registry("scheduled", "q").encode()}


def test_a_worker_ends_its_job_takes_no_other_and_says_why(server: Server, client: redis.Redis, home: Path) -> None:
    queue, go = Queue("default", connection=client), home / "go"
    first, second = queue.enqueue(jobs.wait_for, str(go)), queue.enqueue(jobs.give)
    with working(server, home, *ALLOW) as process:
        ends(client, first, "started")
        client.set(keys.FORMAT, NEWER)
        go.touch()
        wait_until(lambda: process.poll() is not None, description="it ends")
    assert process.returncode == RedisUnavailable.exit_code
    assert (status(client, first), status(client, second)) == ("finished", "queued")
    assert SENTENCE in (home / "worker.log").read_text()
    assert not client.exists(keys.WORKERS)
