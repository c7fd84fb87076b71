"""`qtui stop`, `cancel`, `pause`, `suspend`, `resume`, `worker`: what they do, what they refuse, what they answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui.broker.status import Status
from qtui_workers.enqueue.pause import paused
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.both_kinds import KINDS, worker
from tests.cli.support import Qtui, keyspace
from tests.support import Server, wait_until
from tests.workers import engine


def running(client: redis.Redis) -> str:
    """The id of a job that a worker runs now."""
    job = Queue("default", connection=client).enqueue(engine.sleep, 600)
    wait_until(lambda: job.get_status() == "started", description="the job runs")
    return str(job.id)


def stopped(client: redis.Redis, job_id: str) -> None:
    """Return when the job is stopped."""
    wait_until(lambda: client.hget(keys.job(job_id), "status") == b"stopped", description="the job is stopped")


def test_stop_asks_the_workers_and_says_whom(qtui: Qtui, client: redis.Redis, server: Server, home: Path) -> None:
    with worker("qtui-worker", server, home):
        job_id = running(client)
        assert qtui("stop", "--all", "--dry-run").out == "would be: 1 asked to stop; 1 × through worker w1\n"
        assert "Stop 1 started job in all queues on" in qtui.fails(5, "stop", "--all")
        report = qtui("stop", job_id, "--yes", "--json").json
        assert (report["operation"], report["matched"], report["done"]) == ("stop", 1, 1)
        assert report["reasons"] == {"through worker w1": 1}
        stopped(client, job_id)


def test_a_job_whose_worker_is_gone_is_skipped_and_exit_1(qtui: Qtui, client: redis.Redis) -> None:
    job_id = seed.everything(client).first(Status.STARTED)
    client.delete(keys.worker("w1"))
    assert qtui("stop", job_id, "--yes", code=1).out == "1 × its worker is gone\n"


def test_cancel_takes_ids_or_all_of_a_status(qtui: Qtui, client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    first, second, third = (queue.enqueue(tasks.add, n) for n in range(3))
    assert qtui("cancel", second.id, "--yes").out == "1 canceled\n"
    assert "say which jobs to cancel: --status with one of queued, scheduled" in qtui.fails(2, "cancel", "--all", "--yes")
    report = qtui("cancel", "--all", "--queue", "mail", "--status", "queued", "--yes", "--json").json
    assert (report["matched"], report["done"], report["reasons"]) == (2, 2, {})
    assert [job.get_status() for job in (first, second, third)] == ["canceled"] * 3
    assert qtui("cancel", first.id, "--yes", code=1).out == "1 × it does not wait: canceled\n"
    assert "there is no job 'nosuch'" in qtui.fails(4, "cancel", "nosuch", "--yes")


def test_a_paused_queue_is_reported_and_resumed(qtui: Qtui, client: redis.Redis) -> None:
    for name in ("mail", "media"):
        Queue(name, connection=client).enqueue(tasks.add, 1)
    assert qtui("pause", "mail").out == "mail: paused\n"
    assert qtui("pause", "media", "mail", "--json").json == {"operation": "pause", "done": ["media"], "already": ["mail"]}
    assert qtui("pause", "mail").out == "mail: paused already\n"
    assert [queue["paused"] for queue in qtui("queues", "--json").json] == [True, True]
    assert qtui("queues").out.count("‖ paused") == 2
    assert qtui("resume", "mail", "--json").json == {"operation": "resume", "done": ["mail"], "already": []}
    assert qtui("resume", "mail").out == "mail: was not paused\n"
    assert paused(client) == {"media"}
    assert qtui("resume", "--all").out == "media: resumed\n"
    assert qtui("resume", "--all").out == "no queue to resume\n"
    assert qtui("pause", "--all").out == "mail: paused\nmedia: paused\n"


def test_a_paused_queue_that_rq_has_forgotten_can_be_resumed(qtui: Qtui, client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    qtui("pause", "mail")
    client.delete(keys.QUEUES)
    assert qtui("resume", "mail").out == "mail: resumed\n"


def test_a_worker_takes_no_job_of_a_paused_queue_until_it_is_resumed(
    qtui: Qtui, client: redis.Redis, server: Server, home: Path
) -> None:
    queue, other = (Queue(name, connection=client) for name in ("default", "other"))
    other.enqueue(engine.give)
    queue.enqueue(engine.give)
    qtui("pause", "default")
    with worker("qtui-worker", server, home), worker("qtui-worker", server, home, "w2", "other"):
        wait_until(lambda: not other.count, description="the other queue is worked on")
        assert queue.count == 1
        qtui("resume", "default")
        wait_until(lambda: not queue.count, description="the resumed queue is worked on")


@KINDS
def test_suspended_workers_of_any_kind_take_no_job_until_they_are_resumed(
    qtui: Qtui, client: redis.Redis, server: Server, home: Path, kind: str
) -> None:
    Queue("other", connection=client).enqueue(tasks.add, 1)
    with worker(kind, server, home):
        told = "all workers are suspended (1 living worker, 1 job waits). To have them take jobs again: qtui resume --workers\n"
        assert qtui("suspend").out == told
        queue = Queue("default", connection=client)
        if kind == "rq worker":  # it waits for a job already, and takes that one
            first = queue.enqueue(engine.give)
            wait_until(lambda: first.get_status() == "finished", description="it takes one more job")
        job = queue.enqueue(engine.give)
        wait_until(lambda: client.hget(keys.worker("w1"), "state") == b"suspended", description="it is suspended")
        assert (job.get_status(), client.ttl(keys.SUSPENDED)) == ("queued", -1)
        figures = {"workers": 1, "queued": 2, "seconds": 600}
        document = qtui("suspend", "--for", "10m", "--json").json
        assert document == {"operation": "suspend", "suspended": True, "already": True, **figures}
        assert 590 < client.ttl(keys.SUSPENDED) <= 600
        assert qtui("resume", "--workers").out.startswith("all workers take jobs again (1 living worker, ")
        wait_until(lambda: job.get_status() == "finished", description="it takes jobs again")
    assert qtui("resume", "--workers", "--json").json["already"] is True
    assert [(entry["what"], entry["about"]) for entry in qtui("audit", "--json").json] == [
        ("resume", "all workers"), ("resume", "all workers"), ("suspend", "all workers"), ("suspend", "all workers"),
    ]  # fmt: skip


def test_what_waits_for_nobody_after_a_resume_or_a_release_is_said(qtui: Qtui, client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue("shop.charge")
    Queue("media", connection=client)
    client.sadd(keys.QUEUES, keys.queue("media"))
    qtui("pause", "--all")
    assert qtui("resume", "--all", "--yes").err == "mail: nobody listens; the jobs will wait\n"
    qtui("hold", "shop.charge")
    qtui("suspend")
    assert "mail: all workers are suspended (qtui resume --workers ends that)\n" in qtui("release", "shop.charge").err
    assert qtui("release", "--all", "--yes").err == ""


def test_all_workers_are_no_queues(qtui: Qtui) -> None:
    assert "about all workers, not about queues" in qtui.fails(2, "resume", "--workers", "mail")
    assert "all workers: qtui resume --workers" in qtui.fails(2, "resume")
    assert "all workers: qtui suspend" in qtui.fails(2, "pause")
    assert "at least a second" in qtui.fails(2, "suspend", "--for", "10ms")


@pytest.mark.parametrize("operation", ["pause", "resume"])
def test_an_unknown_queue_is_exit_4_and_nothing_is_changed(qtui: Qtui, client: redis.Redis, operation: str) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    before = keyspace(client)
    assert "there is no queue 'nosuch': the queues are mail" in qtui.fails(4, operation, "mail", "nosuch")
    assert f"name the queues to {operation}, or use --all" in qtui.fails(2, operation)
    assert "not both" in qtui.fails(2, operation, "mail", "--all")
    assert keyspace(client) == before


def test_a_worker_is_requested_to_stop_its_job_and_to_leave(qtui: Qtui, client: redis.Redis, server: Server, home: Path) -> None:
    with worker("rq worker", server, home) as process:
        assert qtui("worker", "w1", "stop-job", code=1).out == "w1: it runs no job\n"
        job_id = running(client)
        assert qtui("worker", "w1", "stop-job").out == f"w1: stop-job of job {job_id} was sent\n"
        stopped(client, job_id)
        told = {"worker": "w1", "command": "shutdown", "sent": True, "job": None, "reason": None}
        assert qtui("worker", "w1", "shutdown", "--json").json == told
        assert process.wait(20) == 0


def test_what_a_worker_cannot_do(qtui: Qtui, client: redis.Redis) -> None:
    seed.everything(client)
    assert "there is no worker 'w9': the workers are w1" in qtui.fails(4, "worker", "w9", "shutdown")
    assert "use one of stop-job, shutdown, kill-horse" in qtui.fails(2, "worker", "w1", "dance")
    answer = qtui("worker", "w1", "shutdown", "--json", code=1).json
    assert (answer["sent"], answer["reason"]) == (False, "it hears no commands")


@pytest.mark.parametrize(
    "words",
    [
        ["stop", "--all", "--yes"],
        ["cancel", "x", "--yes"],
        ["pause", "mail"],
        ["suspend"],
        ["resume", "--all"],
        ["resume", "--workers"],
        ["worker", "w1", "shutdown"],
    ],
    ids=" ".join,
)
def test_a_read_only_connection_refuses_all_of_them(
    bare: Qtui, client: redis.Redis, server: Server, home: Path, words: list[str]
) -> None:
    seed.everything(client)
    (config := home / "config.toml").write_text(f'[contexts.prod]\nurl = "{server.url}"\nread_only = true\n')
    before = keyspace(client)
    assert "prod is read-only: qtui" in bare.fails(5, *words, "--context", "prod", QTUI_CONFIG=str(config))
    assert keyspace(client) == before
