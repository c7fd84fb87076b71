"""What a worker logs about its jobs and itself: for a person who looks at night, and for machines."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Retry
from rq.suspension import resume as resume_all
from rq.suspension import suspend

from qtui_workers.enqueue.pause import pause, resume
from qtui_workers.enqueue.queue_service import QueueService
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.engine import MODULE
from tests.workers.support import field, run_burst, working

ALLOW = ("default", "--allow-pickle", "--allow", MODULE, "--name", "w1")
SECRET = "tiger-lily-42"


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue("default", connection=client)


@pytest.fixture
def service(client: redis.Redis) -> QueueService:
    return QueueService(client)


def about(said: str, job_id: str) -> list[str]:
    """The lines about a job, without their times."""
    return [line[9:] for line in said.splitlines() if job_id in line and " " in line[:9]]


def records_of(said: str, job_id: str) -> list[dict[str, Any]]:
    return [one for one in map(json.loads, said.splitlines()) if one.get("job") == job_id]


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("ended_by", ["us", "RQ"])
def test_nothing_that_a_failing_job_was_given_is_in_the_log(
    server: Server, client: redis.Redis, home: Path, log_format: str, ended_by: str
) -> None:
    queue = Queue("pins", connection=client, serializer="json")
    options: dict[str, Any] = {"retry": Retry(1)} if ended_by == "us" else {"failure_ttl": 0}
    queue.enqueue("tests.workers.secretive.refuse_pin", pin=SECRET, **options)
    queue.enqueue("tests.workers.secretive.refuse_pin", pin=SECRET, other=SECRET)
    said = run_burst(server, home, "pins", "--log-format", log_format, QTUI_PROCESSORS="tests.workers.secretive")
    assert SECRET not in said
    assert "ValueError: no" in said
    assert "Traceback (most recent call last)" in said
    assert "there is no such field" in said


def test_each_attempt_has_a_line_when_it_begins_and_one_when_it_has_ended(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(engine.fail_first, 1, retry=Retry(2))
    said = about(run_burst(server, home, *ALLOW), job.id)
    head = rf"default: job {job.id} \(tests\.workers\.engine\.fail_first\)"
    wanted = [  # not in this order: the worker logs the beginning while the job runs
        rf"INFO    {head} begins, attempt 1 of 3",
        rf"WARNING {head} raised",
        rf"WARNING {head} failed after \d\.\d{{3}} s \(ValueError: not yet\); attempt 2 of 3 follows",
        rf"INFO    {head} begins, attempt 2 of 3",
        rf"INFO    {head} finished in \d\.\d{{3}} s",
    ]
    for pattern in wanted:
        assert [line for line in said if re.fullmatch(pattern, line)], pattern
    assert len(said) == len(wanted)


@pytest.mark.parametrize("mode", [(), ("--in-process",)], ids=["isolated", "in-process"])
def test_machines_get_the_same_as_fields(
    server: Server, client: redis.Redis, service: QueueService, home: Path, mode: tuple[str, ...]
) -> None:
    retried = service.enqueue("test_job", {"fail": True}, attempts=3, backoff="fixed:100s").id
    failed = service.enqueue("test_job", {"fail": True}, attempts=1).id
    done = service.add_test_job({})
    said = run_burst(server, home, "--log-format", "json", "--name", "w1", *mode)
    ends = {job_id: records_of(said, job_id)[-1] for job_id in (retried, failed, done)}
    shared = {"queue": "main-queue", "function": "test_job", "worker": "w1", "attempt": 1, "logger": "rq.worker"}
    for end in ends.values():
        assert {name: end[name] for name in shared} == shared
        assert 0 <= end["seconds"] < 10
    assert [(e["level"], e["status"]) for e in ends.values()] == [
        ("warning", "scheduled"),
        ("error", "failed"),
        ("info", "finished"),
    ]
    assert "told to fail: hello); attempt 2 of 3 in 100 s" in ends[retried]["message"]
    begins = [one for one in records_of(said, done) if one.get("status") == "started"]
    assert [one["message"].rpartition(") ")[2] for one in begins] == ["begins, attempt 1 of 1"]
    assert all("arguments" not in one and "kwargs" not in one for one in map(json.loads, said.splitlines()))


ENDS: dict[str, tuple[Callable[[Queue], Any], str]] = {
    "a horse that dies": (lambda queue: queue.enqueue(engine.leave, 3), r"ERROR .* failed for good .*terminated unexpectedly"),
    "one that dies of a special job": (
        lambda queue: queue.enqueue(engine.leave, 3, on_failure=Callback(engine.on_failure)),
        r"ERROR .* failed for good .*terminated unexpectedly",
    ),
    "a special job that fails": (
        lambda queue: queue.enqueue(engine.fail, on_failure=Callback(engine.on_failure)),
        r"ERROR .* failed for good after .* s in attempt 1 of 1",
    ),
    "a special job that finishes": (
        lambda queue: queue.enqueue(engine.give, on_success=Callback(engine.on_success)),
        r"INFO .* finished in ",
    ),
    "a special job that is retried": (
        lambda queue: queue.enqueue(engine.fail, retry=Retry(1, 60), on_failure=Callback(engine.on_failure)),
        r"INFO .* ended in .* s and is scheduled now",
    ),
    "a job that asks for another attempt": (
        lambda queue: queue.enqueue(engine.again, 1),
        r"INFO .* ended in .* s and is queued now",
    ),
}


@pytest.mark.parametrize("what", ENDS)
def test_how_a_job_ended_otherwise_is_logged(server: Server, client: redis.Redis, queue: Queue, home: Path, what: str) -> None:
    enqueue, pattern = ENDS[what]
    job = enqueue(queue)
    said = about(run_burst(server, home, *ALLOW), job.id)
    assert [line for line in said if re.match(pattern, line)], said


def test_a_record_that_cannot_be_read_is_a_warning_with_the_reason(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(engine.give)
    client.hset(job.key, "status", "bogus")
    *_, last = about(run_burst(server, home, *ALLOW), job.id)
    assert last.startswith("WARNING")
    assert "(qtui: the job's record cannot be read (ValueError: 'bogus' is not a valid JobStatus))" in last


def test_what_is_logged_of_a_job_steers_no_terminal_and_shows_no_secret(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    queue.enqueue(engine.fail, "\x1b[31m password=hunter2", description="\x1b[2Jnice(job)" + "x" * 100_000)
    said = run_burst(server, home, *ALLOW)
    assert "\x1b" not in said
    assert "hunter2" not in said
    assert "(␛[2Jnice) failed for good" in said
    assert max(map(len, said.splitlines())) < 1_000


def test_what_a_job_logs_can_be_distinguished_from_what_others_log(
    server: Server, client: redis.Redis, service: QueueService, home: Path
) -> None:
    ids = service.enqueue_many("test_job", [{"message": "plain words"}] * 4)
    service.enqueue("test_job", {"message": "plain words"}, job_id="nightly")
    said = run_burst(server, home, "--concurrency", "2")
    lines = [line[17:] for line in said.splitlines() if line.endswith("plain words")]
    assert sorted(lines) == sorted(f"[{name}] plain words" for name in [*(job_id[:8] for job_id in ids), "nightly"])
    assert all("[" not in line for line in said.splitlines() if "Worker" in line)


# About itself


def test_a_worker_says_who_it_is_and_how_much_it_did(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    queue.enqueue(engine.give)
    lines = [line[17:] for line in run_burst(server, home, *ALLOW).splitlines()]
    [who] = [line for line in lines if "qtui" in line]
    assert re.fullmatch(rf"Worker w1: qtui \d+\.\d+\S*, rq \d+\.\d+\S*, Redis at {re.escape(server.socket)}", who)
    assert lines[-1] == "Worker w1: stopped after 1 job"
    assert not [line for line in lines if "lock" in line]


def test_a_stop_names_the_running_job_s_time_only_where_one_runs(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    said, go = home / "worker.log", home / "go"
    with working(server, home, *ALLOW) as process:
        wait_until(lambda: client.hget("rq:worker:w1", "state") == b"idle", description="it is idle")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    assert "running job" not in said.read_text()
    job = queue.enqueue(engine.wait_for, str(go))
    with working(server, home, *ALLOW) as process:
        wait_until(lambda: f"job {job.id} " in said.read_text(), description="the job runs")
        os.kill(process.pid, signal.SIGTERM)
        wait_until(lambda: "at most 30 s for the running job" in said.read_text(), description="the stop is noted")
        go.touch()
        assert process.wait(20) == 0
    assert said.read_text().endswith("Worker w1: stopped after 1 job\n")


def test_a_job_that_a_stop_cuts_short_is_logged_once_as_put_back(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(engine.sleep, 600)
    with working(server, home, *ALLOW, "--shutdown-timeout", "0") as process:
        wait_until(lambda: field(client, job.id, "status") == b"started", description="the job runs")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    said = (home / "worker.log").read_text()
    assert len(re.findall(r"WARNING .* was put back at the head of its queue after \d", said)) == 1


def test_why_no_job_is_taken_is_logged_once_and_again_when_that_has_changed(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    log = home / "worker.log"

    def says(sentence: str, times: int = 1) -> None:
        wait_until(lambda: log.read_text().count(sentence) == times, description=f"'{sentence}' is said")

    with working(server, home, *ALLOW):
        suspend(client)
        says("all workers are suspended")
        pause(client, ["default"])
        job = queue.enqueue(engine.give)
        resume_all(client)
        says("jobs wait in paused queues only")
        resume(client, ["default"])
        says("nothing holds jobs back any more")
        wait_until(lambda: field(client, job.id, "status") == b"finished", description="the job is finished")
    assert [log.read_text().count(part) for part in ("suspended:", "paused queues", "nothing holds")] == [1, 1, 1]


def test_a_rate_limit_is_logged_once_for_all_jobs_that_wait_for_it(server: Server, client: redis.Redis, home: Path) -> None:
    limited = Queue("limited", connection=client, serializer="json")
    for _ in range(6):
        limited.enqueue("tests.workers.keeping.note_start")
    said = run_burst(server, home, "limited", QTUI_PROCESSORS="tests.workers.keeping")
    assert said.count("over a rate limit") == said.count("nothing holds jobs back any more") == 1


def test_an_outage_of_redis_is_logged_in_plain_words_by_the_worker_and_by_the_scheduler(own_server: Server, home: Path) -> None:
    log = home / "worker.log"
    with own_server.client() as client, working(own_server, home, *ALLOW, "--lease", "3"):
        wait_until(lambda: list(client.scan_iter("rq:scheduler:*")), description="the scheduler is there")
        own_server.kill()
        away = ("Worker w1: Redis at ", "Scheduler: Redis at ")
        wait_until(lambda: all(a in log.read_text() for a in away), description="both notice", timeout=40)
        own_server.start()
        back = ("Worker w1: Redis is back after ", "Scheduler: Redis is back after ")
        wait_until(lambda: all(b in log.read_text() for b in back), description="both say that it is back", timeout=40)
    lines = [line[17:] for line in log.read_text().splitlines() if "Redis at " in line and "qtui" not in line]
    assert len(lines) == 2
    assert all(line.endswith(" Waiting for it.") and "Error" not in line for line in lines)
