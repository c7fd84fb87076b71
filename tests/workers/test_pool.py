"""What becomes of a pool when one of its workers dies, leaks or is refused, and of the signals that it heeds."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests import launcher
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.support import environment, field, run, working

ENGINE = ("default", "--allow-pickle", "--allow", engine.MODULE, "--concurrency", "2")
PAIR = ("--concurrency", "2", "--name", "pair")


def test_a_name_that_is_taken_ends_the_pool_and_is_said_once(server: Server, home: Path) -> None:
    with working(server, home, *PAIR, "--lease", "3"):
        done = run(home, "--url", server.url, *PAIR)
    assert done.returncode == 5
    assert done.stderr.count("is there already: choose another --name") == 1
    assert "another takes its place" not in done.stderr


def test_a_wrong_password_ends_the_pool_and_is_said_once(own_server: Server, home: Path) -> None:
    with own_server.client() as client:
        client.config_set("requirepass", "the right one")
    done = run(home, "--url", f"unix://:wrong@{own_server.socket}", "--concurrency", "3")
    assert done.returncode == 3
    assert done.stderr.count("refused the user name or password") == 1
    assert "another takes its place" not in done.stderr


def test_how_many_may_come_from_the_environment(server: Server, client: redis.Redis, home: Path) -> None:
    with working(server, home, JOB_CONCURRENCY="2"):
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
    assert "JOB_CONCURRENCY: must be at most 256" in run(home, "--burst", JOB_CONCURRENCY="1000").stderr


def test_one_of_a_named_pool_that_was_killed_is_replaced_at_once(server: Server, client: redis.Redis, home: Path) -> None:
    with working(server, home, *PAIR):
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
        os.kill(int(client.hget("rq:worker:pair-1", "pid") or 0), signal.SIGKILL)
        wait_until(lambda: client.exists("rq:worker:pair-1.2"), description="another took its place", timeout=10)


def test_a_worker_that_cannot_be_started_is_started_when_that_is_possible(
    server: Server, client: redis.Redis, home: Path
) -> None:
    with working(server, home, *PAIR) as pool:
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
        usual = resource.prlimit(pool.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pool.pid, resource.RLIMIT_NOFILE, (3, usual[1]))
        os.kill(int(client.hget("rq:worker:pair-1", "pid") or 0), signal.SIGKILL)
        said = b"worker 1 cannot be started: Too many open files"
        wait_until(lambda: said in (home / "worker.log").read_bytes(), description="it says so")
        resource.prlimit(pool.pid, resource.RLIMIT_NOFILE, usual)
        wait_until(lambda: client.exists("rq:worker:pair-1.2"), description="another took its place")
        pool.terminate()
        assert pool.wait(20) == 0
    assert (home / "worker.log").read_bytes().count(said) == 1


@pytest.mark.parametrize("number", [signal.SIGTTIN, signal.SIGTTOU])
def test_a_signal_to_resize_does_not_stop_a_worker_that_is_alone(
    server: Server, client: redis.Redis, home: Path, number: signal.Signals
) -> None:
    service = QueueService(client)
    with working(server, home) as process:
        os.kill(process.pid, number)
        job_id = service.enqueue("test_job").id
        wait_until(lambda: field(client, job_id, "status") == b"finished", description="it goes on")


def test_a_signal_to_resize_does_not_stop_a_process_of_a_pool_nor_its_horse(
    server: Server, client: redis.Redis, home: Path
) -> None:
    service = QueueService(client)
    with working(server, home, *PAIR):
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
        ids = [service.enqueue("test_job", {"seconds": 1}).id for _ in range(2)]
        wait_until(lambda: [field(client, i, "status") for i in ids] == [b"started"] * 2, description="both work")
        for name in client.smembers(keys.WORKERS):
            worker = int(client.hget(name, "pid") or 0)
            children = Path(f"/proc/{worker}/task/{worker}/children")
            wait_until(children.read_text, description="it has a horse")
            for pid in [worker, *map(int, children.read_text().split())]:
                os.kill(pid, signal.SIGTTIN)
        wait_until(lambda: [field(client, i, "status") for i in ids] == [b"finished"] * 2, description="both go on")


def test_sigterm_puts_what_does_not_end_in_time_back_at_the_head_with_its_attempts(
    server: Server, client: redis.Redis, home: Path
) -> None:
    service = QueueService(client)
    running = [service.add_test_job({"seconds": 600}) for _ in range(2)]
    waiting = service.add_test_job({})
    with working(server, home, "--concurrency", "2", "--shutdown-timeout", "0.5") as pool:
        for job_id in running:
            wait_until(lambda job_id=job_id: service.status(job_id).status == "started", description="the job runs")
        pool.terminate()
        assert pool.wait(20) == 0
    queue = [raw.decode() for raw in client.lrange(keys.queue("main-queue"), 0, -1)]
    assert (sorted(queue[:2]), queue[2:]) == (sorted(running), [waiting])
    assert [field(client, job_id, keys.FIELD_ATTEMPT) for job_id in running] == [b"0", b"0"]
    assert client.smembers(keys.WORKERS) == set()


def test_a_process_that_holds_too_much_is_replaced_and_its_worker_goes_on(
    server: Server, client: redis.Redis, home: Path
) -> None:
    jobs = [Queue("default", connection=client).enqueue(engine.pid) for _ in range(6)]
    with working(server, home, *ENGINE, "--max-memory", "1") as pool:
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
        before = client.smembers(keys.WORKERS)
        wait_until(lambda: all(field(client, job.id, "status") == b"finished" for job in jobs), description="all are done")
        assert client.smembers(keys.WORKERS) == before
        assert pool.poll() is None
    assert len({job.return_value() for job in jobs}) == 6


@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_workers_that_start_before_redis_say_so_once_and_work_when_it_comes(
    own_server: Server, home: Path, concurrency: str
) -> None:
    own_server.kill()
    log = home / "worker.log"
    with log.open("wb") as output, Path("/dev/null").open("rb") as nothing:
        arguments = ["--url", own_server.url, "--concurrency", concurrency]
        process = launcher.start("qtui_workers.cli", arguments, environment(home), [nothing, output, output])
    try:
        wait_until(lambda: b"Waiting for it" in log.read_bytes(), description="it waits")
        own_server.start()
        with own_server.client() as client:
            service = QueueService(client)
            job_id = service.add_test_job({})
            wait_until(lambda: service.status(job_id).status == "finished", description="the job is finished", timeout=40)
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert log.read_text().count("Waiting for it") == 1
