"""The job template, and adding a job, as `test_rows.py` lists what they must do: their stories on real workers."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from qtui.broker.queues import overview
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import NotFound
from qtui_workers.rate.limiter import Limits
from qtui_workers.reporting import events
from qtui_workers.reporting.events import EventKind
from qtui_workers.server import keys
from qtui_workers.server.connection import connect
from tests.cli.support import Qtui
from tests.support import Server, wait_until
from tests.workers import templated
from tests.workers.sockets import free_port
from tests.workers.support import field, run, run_burst, working

KNOWN = {"QTUI_PROCESSORS": templated.MODULE}
AT_ONCE = ("--shutdown-timeout", "0.2")
"""A running job is not waited for at the end."""


@pytest.fixture
def service(client: redis.Redis) -> QueueService:
    return QueueService(client)


def started(service: QueueService, *ids: str) -> None:
    for job_id in ids:
        wait_until(lambda job_id=job_id: service.status(job_id).status == "started", description=f"{job_id} runs")


def test_job_template_retry_policies(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    """No retry, retries at once, after the same time, after a time that grows: seen after a burst."""
    payload = {"fail": True}
    once, none = (service.enqueue("test_job", payload, attempts=n, backoff="none").id for n in (1, 3))
    fixed = service.enqueue("test_job", payload, attempts=3, backoff="fixed:60s").id
    growing = service.enqueue("test_job", payload, attempts=3, backoff="exponential:60s,jitter=0").id
    client.hset(keys.job(growing), "retries_left", 1)
    run_burst(server, home)
    begun = [field(client, one, keys.FIELD_ATTEMPT) for one in (once, none, fixed, growing)]
    assert begun == [b"1", b"3", b"1", b"1"]
    assert [service.status(one).status for one in (once, none, fixed)] == ["failed", "failed", "scheduled"]
    now = client.time()[0]
    due = {one: client.zscore(keys.registry("scheduled", "main-queue"), one) - now for one in (fixed, growing)}
    assert 50 < due[fixed] < 70
    assert 110 < due[growing] < 135


def test_job_template_job_max_retries(server: Server, client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_MAX_RETRIES", "2")
    job_id = QueueService(client).enqueue(templated.kept, {"fail": True}).id
    run_burst(server, home, "kept", **KNOWN)
    assert (field(client, job_id, "status"), field(client, job_id, keys.FIELD_ATTEMPT)) == (b"failed", b"3")


def test_job_template_job_concurrency(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    ids = service.enqueue_many("test_job", [{"seconds": 600}] * 4)
    with working(server, home, *AT_ONCE, JOB_CONCURRENCY="3"):
        started(service, *ids[:3])
        assert client.scard(keys.WORKERS) == 3
        assert service.status(ids[3]).status == "queued"


def test_job_template_retention_by_age(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    """24 hours and 1,000 of the completed, 7 days of the failed: of a thousand that are there the oldest goes."""
    registry = keys.registry("finished", "kept")
    now = client.time()[0]
    client.zadd(registry, {f"older-{n}": now + 1_000 + n for n in range(1_000)})
    good, bad = (service.enqueue(templated.kept, {"fail": fail}).id for fail in (False, True))
    run_burst(server, home, "kept", **KNOWN)
    assert client.zcard(registry) == 1_000
    assert client.zrange(registry, 0, 0) == [b"older-1"]
    for job_id, seconds, status in ((good, 86_400, "finished"), (bad, 7 * 86_400, "failed")):
        assert seconds - 60 < client.ttl(keys.job(job_id)) <= seconds
        assert seconds - 60 < client.zscore(keys.registry(status, "kept"), job_id) - now <= seconds + 60


def test_job_template_hundred_a_second(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    ids = service.enqueue_many(templated.hundred, [{}] * 250)
    with working(server, home, "hundred", **KNOWN), working(server, home, "hundred", log_name="second.log", **KNOWN):
        wait_until(lambda: client.zcard(keys.registry("finished", "hundred")) == 250, description="all are done", timeout=60)
        limit = Limits(client).state("hundred")
    assert (limit.max, limit.per) == (100, 1.0)
    began = sorted(service.status(job_id).result["at"] for job_id in ids)
    assert max(sum(first <= at < first + 1 for at in began) for first in began) <= 100
    assert began[-1] - began[0] > 2


def test_job_template_events(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    good = service.enqueue(templated.kept).id
    bad = service.enqueue(templated.kept, {"fail": True}, attempts=2).id
    run_burst(server, home, "kept", **KNOWN)
    told = [event for event in events.read(client) if event.kind != EventKind.QUEUED]
    assert [event.kind for event in told if event.source.job == good] == ["started", "completed"]
    mine = [event for event in told if event.source.job == bad]
    assert [event.kind for event in mine] == ["started", "retrying", "started", "failed"]
    assert "ValueError: as told" in str(mine[-1].details["error"])


def test_job_template_status(server: Server, service: QueueService, home: Path) -> None:
    """State, progress, data, result, failed reason; and an unknown id."""
    good = service.enqueue(templated.counting).id
    bad = service.enqueue(templated.counting, {"fail": True}, attempts=1).id
    waiting = service.status(good)
    assert (waiting.status, waiting.progress, waiting.payload) == ("queued", None, {})
    run_burst(server, home, "counting", **KNOWN)
    done, failed = service.status(good), service.status(bad)
    assert (done.status, done.failed_reason, set(done.result)) == ("finished", None, {"at"})
    assert (failed.status, failed.failed_reason, failed.result) == ("failed", "ValueError: as told", None)
    for state in (done, failed):
        assert state.progress is not None
        assert (state.progress["done"], state.progress["total"]) == (100, 100)
    with pytest.raises(NotFound, match="there is no job 'unknown'"):
        service.status("unknown")


def test_job_template_redis_host_port_password(own_server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Producer and worker find a server by these three alone, and do without one of them what they must: refuse."""
    parts = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port()), "REDIS_PASSWORD": "p@ss/word:1"}
    with own_server.client() as client:
        client.config_set("port", parts["REDIS_PORT"])
        client.config_set("requirepass", parts["REDIS_PASSWORD"])
    for name, value in parts.items():
        monkeypatch.setenv(name, value)
    with connect() as client:
        service = QueueService(client)
        job_id = service.add_test_job({"message": "hi"})
        done = run(home, "--burst", **parts)
        assert done.returncode == 0, done.stderr
        assert service.status(job_id).status == "finished"
    assert run(home, "--burst", **parts | {"REDIS_PASSWORD": "another"}).returncode == 3
    assert "p@ss" not in done.stderr


def test_job_template_counts(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    """Waiting, active, completed, failed, delayed: one, two, three, four, five of them, and how long the first has waited."""
    service.enqueue_many("test_job", [{}] * 3)
    service.enqueue_many("test_job", [{"fail": True}] * 4, attempts=1)
    run_burst(server, home)
    service.enqueue_many("test_job", [{}] * 5, delay=600)
    running = service.enqueue_many("test_job", [{"seconds": 600}] * 2)
    with working(server, home, *AT_ONCE, "--concurrency", "2"):
        started(service, *running)
        service.add_test_job({})
        (queue,) = overview.load(client).queues
    counts = {status.value: count for status, count in queue.counts.items() if count}
    assert counts == {"queued": 1, "started": 2, "finished": 3, "failed": 4, "scheduled": 5}
    assert queue.oldest_seconds is not None


def test_job_template_lost(own_server: Server, home: Path) -> None:
    """What was enqueued is there after the server was killed, also what waits for its time."""
    with own_server.client() as client:
        service = QueueService(client)
        now, later = service.add_test_job({}), service.enqueue("test_job", delay=600).id
        own_server.kill()
        own_server.start()
        run_burst(own_server, home)
        assert (service.status(now).status, service.status(later).status) == ("finished", "scheduled")


def test_job_template_rollback(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    """Workers are stopped, one queue is cleared from a shell, and nothing of it is left; the other queue is untouched."""
    ids = service.enqueue_many("test_job", [{}] * 2) + service.enqueue_many("test_job", [{"fail": True}] * 2, attempts=1)
    other = service.enqueue("report", queue="other").id
    with working(server, home, "main-queue") as worker:
        wait_until(lambda: service.status(ids[-1]).status == "failed", description="all have ended")
        worker.terminate()
        assert worker.wait(30) == 0
    ids += service.enqueue_many("test_job", [{}] * 3) + service.enqueue_many("test_job", [{}] * 2, delay=600)
    qtui = Qtui(home, {"REDIS_URL": server.url})
    for status in ("queued", "scheduled", "finished", "failed"):
        qtui("remove", "--all", "--status", status, "--queue", "main-queue", "--purge", "--yes")
    left = [key.decode() for key in client.keys("*")]
    assert [key for key in left if any(job_id in key for job_id in ids)] == []
    assert [key for key in left if client.type(key) in (b"list", b"zset") and "main-queue" in key and "ends" not in key] == []
    assert service.status(other).status == "queued"


def test_adding_a_job_options(service: QueueService, client: redis.Redis) -> None:
    options = {"attempts": 4, "backoff": "exponential:3s,jitter=0", "delay": 60, "priority": "high", "timeout": 30}
    job = service.enqueue(templated.kept, job_id="mine", **options)
    assert (job.id, job.queue, job.status) == ("mine", "kept-high", "scheduled")
    names = ("retries_left", "retry_intervals", "timeout", keys.FIELD_ATTEMPTS)
    assert client.hmget(keys.job("mine"), *names) == [b"3", b"[3, 6, 12]", b"30", b"4"]
    due = client.zscore(keys.registry("scheduled", "kept-high"), "mine") - client.time()[0]
    assert 50 < due <= 62


def test_adding_a_job_removed_at_its_end(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    for fail in (False, True):
        service.enqueue(templated.fleeting, {"fail": fail}, attempts=1)
    run_burst(server, home, "fleeting", **KNOWN)
    kinds = [event.kind for event in events.read(client)]
    assert [kinds.count(kind) for kind in ("completed", "failed")] == [1, 1]
    left = ("rq:job:*", "rq:results:*", "rq:finished:*", "rq:qtui:log:*", "rq:queue:fleeting")
    assert [key for pattern in left for key in client.keys(pattern)] == []
    # RQ leaves an entry, which has expired already, for its next clean-up.
    assert client.zcount(keys.registry("failed", "fleeting"), f"({client.time()[0]}", "+inf") == 0
