"""Jobs that want to run again later: the attempt does not count."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Retry

from qtui_workers.reporting import events
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.engine import MODULE
from tests.workers.support import field, run_burst, working

ALLOW = ("default", "--allow-pickle", "--allow", MODULE)
SPECIAL: dict[str, dict[str, Any]] = {
    "plain": {},
    "with retries": {"retry": Retry(max=2, interval=[7, 8])},
    "with a callback": {"on_failure": Callback(engine.on_failure), "retry": Retry(max=2, interval=[7, 8])},
    "not kept": {"result_ttl": 0, "failure_ttl": 0},
}


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue("default", connection=client)


@pytest.mark.parametrize("mode", [[], ["--in-process"]], ids=["horse", "in process"])
@pytest.mark.parametrize("given", SPECIAL.values(), ids=SPECIAL)
def test_a_job_runs_later_with_as_many_attempts_as_before(
    server: Server, client: redis.Redis, queue: Queue, home: Path, given: dict[str, Any], mode: list[str]
) -> None:
    job = queue.enqueue(engine.put_off, 3599.2, 1, **given)
    before = [field(client, job.id, name) for name in ("retries_left", "retry_intervals", "timeout")]
    begun = time.time()
    said = run_burst(server, home, *ALLOW, *mode)
    assert field(client, job.id, "status") == b"scheduled"
    due = client.zscore(keys.registry("scheduled", "default"), job.id)
    assert due is not None
    assert begun + 3599 <= due <= time.time() + 3601
    assert [field(client, job.id, name) for name in ("retries_left", "retry_intervals", "timeout")] == before
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"0"
    assert client.ttl(keys.job(job.id)) == -1
    for gone in (keys.results(job.id), keys.registry("wip", "default"), keys.registry("failed", "default"), "callbacks"):
        assert not client.exists(gone)
    assert "Traceback" not in said
    newest = events.read(client)[-1]
    assert newest.kind == events.EventKind.RETRYING


@pytest.mark.parametrize("given", [{}, {"on_failure": Callback(engine.on_failure)}], ids=["plain", "special"])
def test_it_runs_when_it_is_due_as_the_attempt_that_it_was(
    server: Server, client: redis.Redis, queue: Queue, home: Path, given: dict[str, Any]
) -> None:
    job = queue.enqueue(engine.put_off, 0.1, 2, **given)
    with working(server, home, *ALLOW):
        wait_until(lambda: field(client, job.id, "status") == b"finished", description="it has finished", timeout=60)
    assert job.return_value() == 1
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"1"


@pytest.mark.parametrize("given", [{}, {"on_failure": Callback(engine.on_failure)}], ids=["plain", "special"])
def test_a_job_that_was_canceled_meanwhile_does_not_run_again(
    server: Server, client: redis.Redis, queue: Queue, home: Path, given: dict[str, Any]
) -> None:
    job = queue.enqueue(engine.put_off, 60, 1, cancel=True, **given)
    run_burst(server, home, *ALLOW)
    assert field(client, job.id, "status") == b"canceled"
    assert not client.exists(keys.registry("scheduled", "default"))


def test_the_reason_is_logged_and_no_failure_is_counted(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.put_off, 60, 1)
    with working(server, home, *ALLOW):
        wait_until(lambda: field(client, job.id, "status") == b"scheduled", description="it is scheduled")
        (worker,) = client.smembers(keys.WORKERS)
        assert client.hmget(worker, "failed_job_count", "successful_job_count") in ([None, None], [b"0", b"0"])
    assert "put off for 60 s" in (home / "worker.log").read_text()
    assert "the attempt does not count (not before the sun rises)" in (home / "worker.log").read_text()
