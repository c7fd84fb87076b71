"""The same jobs, run by a stock `rq worker` and by ours, leave the same keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Repeat, Retry
from rq.group import Group
from rq.job import Dependency

from tests.support import Server
from tests.workers import engine
from tests.workers.engine import MODULE
from tests.workers.keyspace import snapshot
from tests.workers.support import run_burst, run_stock

Enqueue = Callable[[Queue], Any]


def parent_and_child(queue: Queue) -> None:
    parent = queue.enqueue(engine.give, 1, job_id="parent")
    queue.enqueue(engine.give, 2, job_id="child", depends_on=parent)
    queue.enqueue(engine.give, 2, job_id="of-child", depends_on="child")


def failing_parent(queue: Queue) -> None:
    parent = queue.enqueue(engine.fail, job_id="parent")
    queue.enqueue(engine.give, 2, job_id="waits-on", depends_on=parent)
    queue.enqueue(engine.give, 3, job_id="goes-on", depends_on=Dependency(parent, allow_failure=True))


def dying_parent(queue: Queue) -> None:
    parent = queue.enqueue(engine.leave, 3, job_id="parent")
    queue.enqueue(engine.give, 3, job_id="goes-on", depends_on=Dependency(parent, allow_failure=True))


def canceled_parent(queue: Queue) -> None:
    parent = queue.enqueue(engine.cancel_itself, job_id="parent")
    queue.enqueue(engine.give, 2, job_id="waits-on", depends_on=parent)


def grouped(queue: Queue) -> None:
    data = [Queue.prepare_data(engine.give, (n,), job_id=f"j{n}") for n in range(3)]
    Group.create(connection=queue.connection, name="g").enqueue_many(queue, data)


JOBS: dict[str, Enqueue] = {
    "a result": lambda q: q.enqueue(engine.give, {"a": [1]}, job_id="j", result_ttl=105, meta={"k": 1}, description="d"),
    "no result": lambda q: q.enqueue(engine.give, job_id="j"),
    "kept for ever": lambda q: q.enqueue(engine.give, 1, job_id="j", result_ttl=-1),
    "kept not at all": lambda q: q.enqueue(engine.give, 1, job_id="j", result_ttl=0),
    "a time to live in the queue": lambda q: q.enqueue(engine.give, 1, job_id="j", ttl=1005),
    "a result that cannot be serialized": lambda q: q.enqueue(engine.unserializable, job_id="j"),
    "a failure": lambda q: q.enqueue(engine.fail, job_id="j"),
    "a failure kept for a while": lambda q: q.enqueue(engine.fail, job_id="j", failure_ttl=105),
    "a failure kept for ever": lambda q: q.enqueue(engine.fail, job_id="j", failure_ttl=-1),
    "a failure not kept": lambda q: q.enqueue(engine.fail, job_id="j", failure_ttl=0),
    "attempts until it fails": lambda q: q.enqueue(engine.fail, job_id="j", retry=Retry(max=2)),
    "attempts until it succeeds": lambda q: q.enqueue(engine.fail_first, 2, job_id="j", retry=Retry(max=3)),
    "an attempt that waits": lambda q: q.enqueue(engine.fail, job_id="j", retry=Retry(max=2, interval=[9, 105]), ttl=1005),
    "an attempt at the front": lambda q: q.enqueue(engine.fail_first, 1, job_id="j", retry=Retry(max=1, enqueue_at_front=True)),
    "a returned Retry": lambda q: q.enqueue(engine.again, 2, job_id="j"),
    "a process that exits": lambda q: q.enqueue(engine.leave, 3, job_id="j"),
    "a process that exits well": lambda q: q.enqueue(engine.leave, 0, job_id="j", retry=Retry(max=1)),
    "a segmentation fault": lambda q: q.enqueue(engine.segfault, job_id="j"),
    "canceled while it runs": lambda q: q.enqueue(engine.cancel_itself, job_id="j"),
    "canceled before it fails": lambda q: q.enqueue(engine.cancel_itself, failing=True, job_id="j", retry=Retry(1, interval=105)),
    "a timeout": lambda q: q.enqueue(engine.sleep, 30, job_id="j", job_timeout=1),
    "no such function": lambda q: q.enqueue(f"{MODULE}.nothing", job_id="j"),
    "dependents": parent_and_child,
    "dependents of a failure": failing_parent,
    "dependents of a dead process": dying_parent,
    "dependents of one that is canceled while it runs": canceled_parent,
    "a group": grouped,
    "callbacks of a success": lambda q: q.enqueue(
        engine.give, 1, job_id="j", on_success=Callback(engine.on_success), on_failure=Callback(engine.on_failure)
    ),
    "a callback of a failure": lambda q: q.enqueue(engine.fail, job_id="j", on_failure=Callback(engine.on_failure)),
    "a repetition": lambda q: q.enqueue(engine.give, 1, job_id="j", repeat=Repeat(times=2, interval=105)),
}

KNOWN = {
    "a process that exits well": "RQ takes it for done and leaves the job started; ours fails it, as nothing is known of its end",
    "no such function": "RQ fails it at once; ours leaves it for a worker that may have the function",
}

DEAD = {"a process that exits", "a segmentation fault", "dependents of a dead process"}
"""RQ's worker then writes the job back as it was before its start, without the worker's name and the sign of life."""


def worked_by(work: Callable[[], object], client: redis.Redis, enqueue: Enqueue) -> dict[str, Any]:
    client.flushall()
    enqueue(Queue("default", connection=client))
    work()
    return snapshot(client)


@pytest.mark.parametrize("what", sorted(JOBS.keys() - KNOWN.keys()))
def test_ours_leaves_what_rq_leaves(server: Server, client: redis.Redis, home: Path, what: str) -> None:
    theirs = worked_by(lambda: run_stock(server, home, "default"), client, JOBS[what])
    ours = worked_by(
        lambda: run_burst(server, home, "default", "--allow-pickle", "--allow", MODULE, "--refuse-after", "0"), client, JOBS[what]
    )
    assert any(key.startswith("rq:worker:") for key in theirs)
    if what in DEAD:
        for found in (theirs, ours):
            for key, (content, _) in found.items():
                if key.startswith("rq:job:") and isinstance(content, dict):
                    content.pop("worker_name", None)
                    content.pop("last_heartbeat", None)
    differing = {key: (ours.get(key), theirs.get(key)) for key in ours | theirs if ours.get(key) != theirs.get(key)}
    assert differing == {}
