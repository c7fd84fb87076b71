"""Steps whose answers are lost, on a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis
from rq import Queue

from qtui_workers.engine.claim import Claim, NoJob
from qtui_workers.engine.ending import Ending
from qtui_workers.engine.worker_name import WorkerName
from qtui_workers.engine.worker_store import Step, WorkerStore
from qtui_workers.server import keys
from tests.workers import engine

NAME = "w"


@pytest.fixture
def store(client: redis.Redis) -> Iterator[WorkerStore]:
    """That of a worker on record."""
    name = WorkerName(client, NAME, 30, wait=lambda _seconds: True)
    name.take(patient=False)
    made = WorkerStore(client, NAME, name, 20, {})
    yield made
    made.close()


def claimed(step: Step) -> Claim:
    assert isinstance(step.found, Claim)
    return step.found


def test_a_step_that_is_repeated_gives_the_job_that_it_has_taken(client: redis.Redis, store: WorkerStore) -> None:
    queue = Queue(connection=client)
    jobs = [queue.enqueue(engine.give) for _ in range(3)]
    first = claimed(store.step(None, "one", ["default"]))
    ended = first, Ending("finished", time.time(), time.time())
    taken = [store.step(ended, "two", ["default"]) for _ in range(3)]
    assert [step.outcome for step in taken] == ["done", "lost", "lost"]
    assert [claimed(step).id for step in taken] == [jobs[1].id] * 3
    assert client.llen(keys.queue("default")) == 1
    assert client.smembers(keys.worker_executions(NAME)) == {f"{jobs[1].id}:two".encode()}
    assert client.hget(keys.worker(NAME), "successful_job_count") == b"1"


def test_what_a_worker_ran_stays_on_its_record_only_while_it_runs(client: redis.Redis, store: WorkerStore) -> None:
    Queue(connection=client).enqueue(engine.give)
    first = claimed(store.step(None, "one", ["default"]))
    assert 0 < client.ttl(keys.worker_executions(NAME)) <= 30
    ended = first, Ending("finished", time.time(), time.time())
    assert isinstance(store.step(ended, "two", ["default"]).found, NoJob)
    assert not client.exists(keys.worker_executions(NAME), keys.registry("wip", "default"))
    assert client.hget(keys.worker(NAME), "state") == b"idle"
