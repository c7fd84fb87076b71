"""Our worker class where RQ's own stood: `rq worker --worker-class`, its options, and subclasses of it."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue
from rq.job import Job

from qtui_workers.server import keys
from tests.support import Server
from tests.workers import drop_in, engine
from tests.workers.drop_in import NAME, Worker
from tests.workers.support import environment
from tests.workers.test_worker import Marker


def rq_worker(server: Server, home: Path, *options: str, worker: str = "Worker") -> str:
    """`rq worker` with a class of ours, until the queue is empty; what it said."""
    command = [
        str(Path(sys.executable).parent / "rq"),
        "worker",
        "--burst",
        "--url",
        server.url,
        "--worker-class",
        f"{NAME}.{worker}",
        *options,
    ]
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue(connection=client)


@pytest.fixture
def signals() -> Iterator[None]:
    """A worker in this very process leaves no handlers behind."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def told(client: redis.Redis) -> list[str]:
    return [line.decode() for line in client.lrange("told", 0, -1)]


def test_rq_s_own_command_runs_our_worker(server: Server, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.give, {"a": 1})
    rq_worker(server, home)
    assert (job.get_status(), job.return_value()) == ("finished", {"a": 1})
    assert queue.connection.hget(keys.job(job.id), keys.FIELD_ATTEMPT) == b"1", "attempts are counted by our worker only"


def test_a_job_finds_its_id_and_its_worker_s_name_in_the_environment(server: Server, queue: Queue, home: Path) -> None:
    jobs = [queue.enqueue(engine.variables) for _ in range(2)]
    rq_worker(server, home, "--name", "w1")
    assert [job.return_value() for job in jobs] == [["w1", job.id, job.id] for job in jobs]


def test_without_a_policy_only_processors_run(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.give, 1)
    rq_worker(server, home, worker="Strict")
    assert job.get_status() == "scheduled"
    assert b"--allow" in client.hget(job.key, keys.FIELD_REFUSED)


def test_rq_s_default_serializer_unpickles_nothing_that_the_policy_forbids(
    server: Server, client: redis.Redis, queue: Queue, home: Path, tmp_path: Path
) -> None:
    """RQ decodes a field `result` wherever it reads a job: here its scheduler does, and the code that sees to dependents."""
    job = queue.enqueue_at(datetime(2020, 1, 1, tzinfo=UTC), engine.give, 1)
    child = queue.enqueue(engine.give, 2, depends_on=job)
    for number, one in enumerate((job, child)):
        client.hset(one.key, "result", pickle.dumps(Marker(tmp_path / f"evil{number}")))
    rq_worker(server, home, "--with-scheduler", "--serializer", "rq.serializers.DefaultSerializer", worker="Strict")
    assert list(tmp_path.glob("evil*")) == []
    assert b"PickleRefused" in client.hget(keys.job(job.id), keys.FIELD_REFUSED)


def test_the_time_that_results_are_kept(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    kept, kept_longer = queue.enqueue(engine.give, 1), queue.enqueue(engine.give, 1, result_ttl=900)
    rq_worker(server, home, "--results-ttl", "70")
    assert 60 < client.ttl(keys.job(kept.id)) <= 70 < client.ttl(keys.job(kept_longer.id))
    gone = queue.enqueue(engine.give, 1)
    rq_worker(server, home, "--results-ttl", "0")
    assert not client.exists(keys.job(gone.id))


def test_handlers_of_errors_and_of_killed_horses(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    failing, dying = queue.enqueue(engine.fail), queue.enqueue(engine.leave, 3)
    rq_worker(server, home, "--exception-handler", f"{NAME}.note")
    assert told(client) == [f"error {failing.id} ValueError", f"killed {dying.id} {3 << 8} True"]
    assert set(queue.failed_job_registry.get_job_ids(cleanup=False)) == {failing.id, dying.id}


def test_without_rq_s_own_handler_nothing_is_kept_of_a_failure(server: Server, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.fail)
    rq_worker(server, home, "--disable-default-exception-handler")
    assert job.get_status() == "failed"
    assert (job.latest_result(), len(queue.failed_job_registry)) == (None, 0)


@pytest.mark.parametrize("special", [False, True])
def test_what_a_job_was_given_is_logged_as_rq_s_option_has_it(server: Server, queue: Queue, home: Path, special: bool) -> None:
    for options, wanted in (((), True), (("--disable-job-desc-logging",), False)):
        queue.enqueue(engine.give, "tiger-lily", on_success=Callback(engine.on_success) if special else None)
        assert ("give('tiger-lily')" in rq_worker(server, home, *options)) is wanted


def test_what_a_subclass_does_around_a_job_is_done(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.give, 1)
    rq_worker(server, home, worker="Recording")
    assert (told(client), job.get_status(), job.return_value()) == ([f"before {job.id}"], "finished", 1)


def test_what_a_subclass_changes_about_a_job_holds(server: Server, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.give, value="as enqueued")
    rq_worker(server, home, worker="Changing")
    assert job.return_value() == "changed"


BEFORE = ["reorder_queues default", "perform_job", "prepare_job_execution"]
"""What is called before a job's own code …"""
ENDS = ["handle_execution_ended"]
"""… and right after it."""


@pytest.mark.parametrize(
    ("function", "options", "after"),
    [
        (engine.give, {}, [*ENDS, "handle_job_success"]),
        (engine.give, {"on_success": Callback(engine.on_success)}, [*ENDS, "handle_job_success"]),
        (engine.fail, {}, [*ENDS, "handle_exception", "handle_job_failure"]),
        (engine.again, {"args": (1,)}, [*ENDS, "handle_job_retry", *BEFORE, *ENDS, "handle_job_success"]),
        (engine.leave, {"args": (3,)}, ["handle_job_failure"]),
    ],
    ids=["success", "callback", "failure", "returned Retry", "death"],
)
def test_a_subclass_s_methods_are_called_as_rq_calls_them(
    server: Server, client: redis.Redis, queue: Queue, home: Path, function: Any, options: dict[str, Any], after: list[str]
) -> None:
    queue.enqueue(function, **options)
    rq_worker(server, home, worker="Hooked")
    noted = [line for line in told(client) if not line.startswith("killed")]
    assert noted[:2] == ["register_birth", "subscribe"]
    assert noted[-1] == "teardown"
    assert noted.count("run_maintenance_tasks") == 1
    between = [line for line in noted[2:-1] if line != "run_maintenance_tasks"]
    assert between == [*BEFORE, *after]


def test_jobs_use_the_client_that_rq_makes_also_after_a_special_one(server: Server, queue: Queue, home: Path) -> None:
    """It has no retry of its own; what RQ's way of ending sets meanwhile has to be undone for the next job of the horse."""
    jobs = [queue.enqueue(engine.mark, "ran", on_success=Callback(engine.on_success)) for _ in range(3)]
    rq_worker(server, home)
    assert [job.get_status() for job in jobs] == ["finished"] * 3


def test_a_class_of_jobs_and_a_serializer_of_the_user_s_own(server: Server, client: redis.Redis, home: Path) -> None:
    options = ["--job-class", f"{NAME}.ShoutingJob", "--serializer", f"{NAME}.Inverted"]
    queue = Queue(connection=client, serializer=drop_in.Inverted)
    job = queue.enqueue(engine.give, "loud")
    said = rq_worker(server, home, *options)
    assert job.return_value() == "LOUD", said


def test_a_queue_under_another_key_is_refused(server: Server, client: redis.Redis, home: Path) -> None:
    said = rq_worker(server, home, "--queue-class", f"{NAME}.Elsewhere")
    assert f"looks at {keys.queue('default')}, never at elsewhere:default" in said
    assert not client.exists("rq:workers")


def test_a_worker_may_work_twice(client: redis.Redis, queue: Queue, signals: None) -> None:
    worker = Worker([queue], connection=client, in_process=True)
    for number in range(2):
        job = queue.enqueue(engine.give, number)
        assert worker.work(burst=True)
        assert job.return_value() == number
    assert not worker.work(burst=True)


def test_a_job_taken_as_the_stop_comes_is_put_back(client: redis.Redis, queue: Queue, signals: None) -> None:
    class Stopped(Worker):
        def reorder_queues(self, reference_queue: Queue) -> None:
            self.request_stop(signal.SIGTERM, None)  # when a job is taken, and not yet begun

    job = queue.enqueue(engine.mark, "ran")
    Stopped([queue], connection=client, in_process=True).work()
    assert not client.exists("marks")
    assert client.lrange(keys.queue("default"), 0, -1) == [job.id.encode()]
    assert client.hget(keys.job(job.id), keys.FIELD_ATTEMPT) == b"0"


def test_all_workers_are_read_with_our_class(client: redis.Redis, queue: Queue) -> None:
    names = [f"w{number}" for number in range(3)]
    for name in names:
        Worker([queue], name, connection=client).register_birth()
    assert sorted(worker.name for worker in Worker.all(client)) == names


def test_jobs_are_the_same_by_id_whatever_their_class(queue: Queue) -> None:
    job = queue.enqueue(engine.give, 1)
    read = Worker([queue], connection=queue.connection).job_class.fetch(job.id, connection=queue.connection)
    assert type(read) is not Job
    assert read == job
    assert hash(read) == hash(job)
