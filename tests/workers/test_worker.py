"""The worker on real jobs: refusals, attempts, signals, a server that goes away."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, Retry

from qtui_workers.engine.job import Job, NotAllowed, Policy
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.support import MODULE, add, environment, field, log_lines, log_of, run_burst, working


@pytest.fixture
def service(client: redis.Redis) -> QueueService:
    return QueueService(client)


def test_a_job_of_the_service_is_worked_and_its_result_read(server: Server, service: QueueService, home: Path) -> None:
    job_id = service.add_test_job({"message": "hi"})
    run_burst(server, home)
    state = service.status(job_id)
    assert (state.status, state.result) == ("finished", {"message": "hi", "attempt": 1})


def test_what_a_job_logs_is_kept_with_it_and_in_the_log_of_the_worker(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    job_id = service.add_test_job({"message": "red \x1b[31m"})
    said = run_burst(server, home)
    assert log_lines(client, job_id) == [("INFO", "red \x1b[31m")]
    assert "red ␛[31m" in said
    assert "\x1b" not in said


def test_a_job_that_fails_at_first_is_finished_at_its_second_attempt(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    job_id = service.enqueue("test_job", {"fail_first": 1}, attempts=3, backoff="fixed:0s").id
    run_burst(server, home)
    state = service.status(job_id)
    assert (state.status, state.result["attempt"]) == ("finished", 2)
    assert field(client, job_id, keys.FIELD_ATTEMPT) == b"2"


def test_a_failing_job_waits_longer_each_time_and_then_fails(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    job_id = service.enqueue("test_job", {"fail": True}, attempts=3, backoff="exponential:1s").id
    with working(server, home):
        wait_until(lambda: service.status(job_id).status == "failed", description="the job fails for good")
    assert field(client, job_id, keys.FIELD_ATTEMPT) == b"3"
    times = [line.at for line in log_of(client, job_id)]
    # RQ schedules in whole seconds, so a wait of one may be nearly none.
    assert times[1] - times[0] < times[2] - times[1]
    assert service.status(job_id).failed_reason == "qtui_workers.processors.test_job.TestJobFailed: told to fail: hello"


@pytest.mark.parametrize("backoff", ["exponential:1h,cap=1h,jitter=0", "fixed:3600s", "exponential:1h,cap=1h,jitter=0.5"])
def test_a_retry_waits_exactly_as_its_record_says_and_no_longer_than_the_cap(
    server: Server, service: QueueService, client: redis.Redis, home: Path, backoff: str
) -> None:
    job_ids = service.enqueue_many("test_job", [{"fail": True}] * 20, attempts=2, backoff=backoff)
    begun = client.time()[0]
    run_burst(server, home)
    ended = client.time()[0]
    for job_id in job_ids:
        due = client.zscore(keys.registry("scheduled", "main-queue"), job_id)
        (wait,) = json.loads(field(client, job_id, "retry_intervals") or b"[]")
        assert wait <= 3600
        assert begun + wait <= due <= ended + wait


def test_a_delayed_job_runs_when_it_is_due(server: Server, service: QueueService, home: Path) -> None:
    job_id = service.enqueue("test_job", delay=1).id
    with working(server, home):
        wait_until(lambda: service.status(job_id).status == "finished", description="the job is finished")


def test_an_invalid_payload_fails_its_job_with_the_field_and_the_reason(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    queue = Queue("main-queue", connection=client, serializer="json")
    job = queue.enqueue("qtui_workers.processors.report.report", steps=0)
    run_burst(server, home)
    assert (service.status(job.id).failed_reason or "").endswith("payload field 'steps': must be at least 1")


def test_high_priority_goes_first(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    ids = [service.enqueue("test_job", priority=p).id for p in ("low", "normal", "high")]
    run_burst(server, home)
    started = {i: (field(client, i, "started_at") or b"") for i in ids}
    assert sorted(ids, key=lambda i: started[i]) == ids[::-1]


@pytest.mark.parametrize("name", ["os.getcwd", f"{MODULE}.add", "os.system", "__import__", "", "qtui_workers.cli.main"])
def test_a_function_that_is_no_processor_is_refused(
    server: Server, service: QueueService, client: redis.Redis, home: Path, name: str
) -> None:
    job = Queue("main-queue", connection=client, serializer="json").enqueue_call(name)
    run_burst(server, home, "--refuse-after", "0")
    state = service.status(job.id)
    assert state.status == "failed"
    assert "is no registered processor" in (state.failed_reason or "")


class Marker:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickled_job_fails_with_the_reason_and_nothing_is_unpickled(
    server: Server, service: QueueService, client: redis.Redis, home: Path, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    job = Queue("main-queue", connection=client).enqueue(add, 1, 2, meta={"a": 1})
    fields = {"data": zlib.compress(pickle.dumps(Marker(evil))), "meta": pickle.dumps(Marker(evil))}
    client.hset(job.key, mapping=fields)
    run_burst(server, home, "--allow", MODULE, "--refuse-after", "0")
    assert not evil.exists()
    state = service.status(job.id)
    assert state.status == "failed"
    assert "--allow-pickle" in (state.failed_reason or "")
    assert field(client, job.id, "meta") == fields["meta"]


@pytest.mark.parametrize("serializer", ["pickle", "json"])
@pytest.mark.parametrize("options", [{}, {"result_ttl": 0}], ids=["plain", "ended by RQ"])
def test_a_refused_job_that_fails_has_no_further_attempt(
    server: Server, service: QueueService, client: redis.Redis, home: Path, serializer: str, options: dict[str, int]
) -> None:
    queue = Queue("main-queue", connection=client, serializer=serializer)
    job = queue.enqueue(add, 1, 2, retry=Retry(5), **options)
    run_burst(server, home, "--refuse-after", "0")
    assert service.status(job.id).status == "failed"
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"1"


def test_pickled_meta_of_a_json_job_is_never_unpickled(
    server: Server, service: QueueService, client: redis.Redis, home: Path, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    job_id = service.add_test_job({})
    client.hset(keys.job(job_id), "meta", pickle.dumps(Marker(evil)))
    run_burst(server, home, "--allow-pickle")
    assert service.status(job_id).status == "finished"
    assert not evil.exists()


def test_a_callback_that_is_not_allowed_refuses_the_job_and_never_runs(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    job_id = service.add_test_job({})
    client.hset(keys.job(job_id), mapping={"success_callback_name": "os._exit", "failure_callback_name": "os._exit"})
    run_burst(server, home, "--refuse-after", "0")
    state = service.status(job_id)
    assert (state.status, state.result) == ("failed", None)
    assert "the callback os._exit" in (state.failed_reason or "")


def test_a_prefix_allows_whole_words_only() -> None:
    policy = Policy(allow=("my_app.jobs",))
    assert policy.allows("my_app.jobs.send")
    assert policy.allows("my_app.jobs")
    assert not policy.allows("my_app.jobs_of_others.send")
    assert not policy.allows("my_app")


def test_a_prefix_does_not_reach_what_its_modules_import(client: redis.Redis) -> None:
    job = Queue("q", connection=client, serializer="json").enqueue_call(f"{MODULE}.os.getcwd")
    fetched = Job.under(Policy(allow=(MODULE,))).fetch(job.id, connection=client)
    with pytest.raises(NotAllowed, match=re.escape(f"{MODULE}.os.getcwd is really posix.getcwd")):
        fetched.perform()


def test_a_method_of_plain_data_is_no_job(client: redis.Redis) -> None:
    job = Queue("q", connection=client, serializer="json").enqueue_call("builtins.str")
    client.hset(job.key, "data", b'["format", "{0.__class__}", [1], {}]')
    fetched = Job.under(Policy(allow=("builtins",))).fetch(job.id, connection=client)
    with pytest.raises(NotAllowed, match="a method of plain data"):
        fetched.perform()


CORRUPT: dict[str, dict[str, bytes]] = {
    "bad status": {"status": b"bogus"},
    "bad time": {"created_at": b"yesterday"},
    "bad timeout": {"timeout": b"soon"},
    "bad dependencies": {"dependency_ids": b"[1"},
    "description that is no UTF-8": {"description": b"\xff\xfe"},
    "worker name that is no UTF-8": {"worker_name": b"\xff"},
}


@pytest.mark.parametrize("queues", [["main-queue"], ["main-queue", "other"]], ids=["one queue", "two queues"])
def test_unreadable_jobs_are_set_aside_and_the_others_worked(
    server: Server, service: QueueService, client: redis.Redis, home: Path, queues: list[str]
) -> None:
    bad = {what: service.add_test_job({}) for what in CORRUPT}
    for what, job_id in bad.items():
        client.hset(keys.job(job_id), mapping=CORRUPT[what])
    client.set(keys.job("text"), "no hash")
    client.hset(keys.job("empty"), "status", "queued")
    client.rpush(keys.queue("main-queue"), "text", "empty", "no such job", "a b:c")
    good = service.add_test_job({})
    run_burst(server, home, *queues)
    assert service.status(good).status == "finished"
    assert client.llen(keys.queue("main-queue")) == client.llen(keys.intermediate("main-queue")) == 0
    failed = {i.decode() for i in client.zrange(keys.registry("failed", "main-queue"), 0, -1)}
    assert failed == {*bad.values(), "text", "empty"}
    for what, job_id in bad.items():
        state = service.status(job_id)
        assert (state.status, "cannot be read" in (state.failed_reason or "")) == ("failed", True), what


def test_sigterm_lets_the_running_job_finish_and_takes_no_more(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    first, second = (service.add_test_job({"seconds": 1}) for _ in range(2))
    with working(server, home) as process:
        wait_until(lambda: b"hello" in (home / "worker.log").read_bytes(), description="the first job runs")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    assert service.status(first).status == "finished"
    assert service.status(second).status == "queued"
    assert client.smembers(keys.WORKERS) == set()


def test_sigterm_between_the_claim_and_the_start_of_a_job_is_not_lost(server: Server, service: QueueService, home: Path) -> None:
    job_id = service.add_test_job({"seconds": 600})
    code = (
        "import os, signal, sys, qtui_workers.cli, qtui_workers.engine.worker as module; "
        "module.Worker.reorder_queues = lambda *_: os.kill(os.getpid(), signal.SIGTERM); "  # RQ's own hook, right after a claim
        f"sys.argv = {['qtui-worker', '--url', server.url, '--in-process', '--shutdown-timeout', '0.5']!r}; "
        "qtui_workers.cli.main()"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(home), check=True, capture_output=True, timeout=20)
    assert service.status(job_id).status == "queued"


def test_sigterm_ends_an_idle_worker_at_once(server: Server, home: Path) -> None:
    with working(server, home) as process:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


def test_progress_is_seen_from_another_process_while_the_job_runs(server: Server, service: QueueService, home: Path) -> None:
    job_id = service.enqueue("report", {"steps": 60, "seconds_per_step": 0.05}).id
    seen: set[float] = set()

    def moves() -> bool:
        state = service.status(job_id)
        assert state.status in ("queued", "started")
        if state.progress:
            seen.add(state.progress["done"])
        return len(seen) >= 3

    with working(server, home) as process:
        wait_until(moves, description="progress is seen three times")
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)
    assert service.status(job_id).status == "finished"


def test_a_new_attempt_begins_without_the_progress_of_the_one_before(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    job_id = service.add_test_job({})
    client.hset(keys.job(job_id), keys.FIELD_PROGRESS, '{"done": 9}')
    run_burst(server, home)
    assert service.status(job_id).progress is None


def test_the_worker_goes_on_when_redis_comes_back(own_server: Server, home: Path) -> None:
    with own_server.client() as client:
        service = QueueService(client)
        with working(own_server, home) as process:
            wait_until(lambda: client.scard(keys.WORKERS), description="the worker is there")
            own_server.kill()
            wait_until(lambda: b"Waiting for it" in (home / "worker.log").read_bytes(), description="it is noticed")
            own_server.start()
            job_id = service.add_test_job({})
            wait_until(lambda: service.status(job_id).status == "finished", description="it works again", timeout=40)
            assert process.poll() is None


def test_a_command_that_cannot_be_read_does_not_deafen_the_worker(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    with working(server, home, "--name", "w1") as process:
        wait_until(lambda: client.publish("rq:pubsub:w1", "{"), description="the worker listens for commands")
        client.publish("rq:pubsub:w1", '{"command": "shutdown"}')
        assert process.wait(20) == 0


def test_no_job_is_lost_to_sigterm_at_any_moment(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    ids = service.enqueue_many("test_job", [{}] * 400)

    def waiting() -> int:
        return int(client.llen(keys.queue("main-queue")))

    for enough in (395, 350, 300):
        with working(server, home) as process:
            wait_until(lambda enough=enough: waiting() < enough, description=f"fewer than {enough} wait")
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(20) == 0
    statuses = [service.status(job_id).status for job_id in ids]
    assert statuses == ["finished"] * (400 - waiting()) + ["queued"] * waiting()


def schedulers(client: redis.Redis) -> list[bytes]:
    return list(client.scan_iter("rq:scheduler:*"))


def test_the_scheduler_ends_with_its_worker_even_one_that_was_killed(server: Server, client: redis.Redis, home: Path) -> None:
    with working(server, home) as process:
        wait_until(lambda: schedulers(client), description="the scheduler is there")
        process.kill()
        wait_until(lambda: not schedulers(client), description="the scheduler has left")


def test_an_unreadable_scheduled_job_is_set_aside_and_the_others_are_enqueued(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    bad, good = (service.enqueue("test_job", delay=1).id for _ in range(2))
    client.hset(keys.job(bad), "created_at", "yesterday")
    with working(server, home):
        wait_until(lambda: service.status(good).status == "finished", description="the good one is finished")
    assert service.status(bad).status == "failed"
    assert client.zcard(keys.registry("scheduled", "main-queue")) == 0


def test_a_delayed_job_is_not_forgotten_when_redis_was_away(own_server: Server, home: Path) -> None:
    with own_server.client() as client, working(own_server, home):
        wait_until(lambda: schedulers(client), description="the scheduler is there")
        own_server.kill()
        wait_until(lambda: b"Waiting for it" in (home / "worker.log").read_bytes(), description="it is noticed")
        own_server.start()
        service = QueueService(client)
        job_id = service.enqueue("test_job", delay=1).id
        wait_until(lambda: service.status(job_id).status == "finished", description="it is worked", timeout=40)


def test_a_second_sigterm_a_second_later_ends_the_running_job_too(server: Server, service: QueueService, home: Path) -> None:
    job_id = service.add_test_job({"seconds": 600})
    with working(server, home) as process:
        wait_until(lambda: service.status(job_id).status == "started", description="the job runs")

        def ended() -> bool:
            process.terminate()
            return process.poll() is not None

        wait_until(ended, description="the worker ends")
    assert service.status(job_id).status != "finished"
