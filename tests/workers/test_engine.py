"""What the engine promises: a job that misbehaves takes only itself down, and no job is lost or run where it must not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, Retry
from rq.command import send_kill_horse_command, send_shutdown_command, send_stop_job_command
from rq.job import Job
from rq.suspension import suspend

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import failing
from qtui_workers.enqueue.pause import pause, paused, resume
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.engine import MODULE
from tests.workers.support import environment, field, run_burst, working

ALLOW = ("default", "--allow-pickle", "--allow", MODULE)


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue("default", connection=client)


def status(client: redis.Redis, job: Job | str) -> str:
    return (field(client, job if isinstance(job, str) else job.id, "status") or b"").decode()


def reason(client: redis.Redis, job: Job) -> str:
    result = Job.fetch(job.id, connection=client).latest_result()
    return (result.exc_string or "").strip() if result else ""


def ends(client: redis.Redis, job: Job, wanted: str, timeout: float = 20) -> None:
    wait_until(lambda: status(client, job) == wanted, description=f"the job is {wanted}", timeout=timeout)


def traces(client: redis.Redis) -> list[bytes]:
    """What still tells of a running job."""
    return [key for shape in ("rq:execution*", "rq:wip:*", "rq:worker:*:executions") for key in client.keys(shape)]


# Isolation


@pytest.mark.parametrize(
    ("function", "arguments", "why"),
    [
        (engine.leave, (3,), "its process exited with code 3"),
        (engine.leave, (0,), "its process exited with code 0"),
        (engine.segfault, (), "killed by signal 11 (segmentation fault). Work-horse terminated unexpectedly"),
        (engine.fail, ("as told",), "ValueError: as told"),
        (engine.sleep, (60,), "exceeded maximum timeout value (1 seconds)"),
    ],
)
def test_a_job_that_misbehaves_fails_with_the_reason_and_the_next_one_runs(
    server: Server, client: redis.Redis, queue: Queue, home: Path, function: Callable[..., Any], arguments: Any, why: str
) -> None:
    bad = queue.enqueue(function, *arguments, job_timeout=1)
    good = queue.enqueue(engine.give, 1)
    run_burst(server, home, *ALLOW)
    assert (status(client, bad), status(client, good)) == ("failed", "finished")
    assert why in reason(client, bad)
    assert traces(client) == []


def test_a_process_runs_many_jobs_until_another_takes_its_place(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    jobs = [queue.enqueue(engine.pid) for _ in range(6)]
    run_burst(server, home, *ALLOW, "--max-jobs", "3")
    pids = [job.return_value() for job in jobs]
    assert len(set(pids)) == 2
    assert pids[0] == pids[1] == pids[2] != pids[3] == pids[4] == pids[5]


def test_a_process_that_holds_too_much_is_replaced(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    jobs = [queue.enqueue(engine.pid) for _ in range(3)]
    run_burst(server, home, *ALLOW, "--max-memory", "1")
    assert len({job.return_value() for job in jobs}) == 3


def test_jobs_run_in_the_worker_itself_where_it_is_set(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    jobs = [queue.enqueue(engine.pid), queue.enqueue(engine.fail), queue.enqueue(engine.pid)]
    run_burst(server, home, *ALLOW, "--in-process")
    assert [status(client, job) for job in jobs] == ["finished", "failed", "finished"]
    assert jobs[0].return_value() == jobs[2].return_value()
    assert traces(client) == []


@pytest.mark.parametrize("mode", [[], ["--in-process"]])
def test_a_plain_job_takes_one_round_trip(server: Server, client: redis.Redis, queue: Queue, home: Path, mode: list[str]) -> None:
    for _ in range(100):
        queue.enqueue(engine.give)
    client.config_resetstat()
    run_burst(server, home, *ALLOW, *mode)
    calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    others = client.info("stats")["total_reads_processed"]
    assert 100 <= calls <= 110
    assert others <= 100 + 80  # what a worker reads and writes at its beginning and end


# Commands and stops


def test_a_stopped_job_is_stopped_and_not_tried_again(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.sleep, 600, retry=Retry(max=3))
    with working(server, home, *ALLOW) as process:
        ends(client, job, "started")
        send_stop_job_command(client, job.id)
        ends(client, job, "stopped")
        assert process.poll() is None
    assert "stopped by user" in reason(client, job)
    assert client.zscore(keys.registry("failed", "default"), job.id)


def test_a_killed_horse_fails_its_job_and_the_worker_goes_on(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(engine.sleep, 600)
    with working(server, home, *ALLOW, "--name", "w1"):
        ends(client, job, "started")
        send_kill_horse_command(client, "w1")
        ends(client, job, "failed")
        after = queue.enqueue(engine.give)
        ends(client, after, "finished")
    assert "Work-horse terminated unexpectedly" in reason(client, job)


def test_the_shutdown_command_lets_the_job_end(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    go = home / "go"
    job = queue.enqueue(engine.wait_for, str(go))
    with working(server, home, *ALLOW, "--name", "w1") as process:
        ends(client, job, "started")
        send_shutdown_command(client, "w1")
        wait_until(lambda: client.hget("rq:worker:w1", "shutdown_requested_date"), description="it is noted")
        go.touch()
        assert process.wait(20) == 0
    assert status(client, job) == "finished"


@pytest.mark.parametrize("mode", [[], ["--in-process"]])
def test_a_job_that_does_not_end_in_time_is_put_back_at_the_head_with_its_attempts(
    server: Server, client: redis.Redis, queue: Queue, home: Path, mode: list[str]
) -> None:
    job = queue.enqueue(engine.sleep, 600, retry=Retry(max=3))
    other = queue.enqueue(engine.give)
    with working(server, home, *ALLOW, "--shutdown-timeout", "0.5", *mode) as process:
        ends(client, job, "started")
        process.terminate()
        assert process.wait(20) == 0
    assert client.lrange(keys.queue("default"), 0, -1) == [job.id.encode(), other.id.encode()]
    assert status(client, job) == "queued"
    assert (field(client, job.id, "retries_left"), field(client, job.id, keys.FIELD_ATTEMPT)) == (b"3", b"0")
    assert traces(client) == []


def test_a_second_signal_puts_the_job_back_at_once(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.sleep, 600)
    with working(server, home, *ALLOW) as process:
        ends(client, job, "started")
        wait_until(lambda: (process.terminate(), process.poll())[1] is not None, description="it ends", timeout=10)
    assert status(client, job) == "queued"
    assert client.lrange(keys.queue("default"), 0, -1) == [job.id.encode()]


def test_what_a_horse_started_dies_with_a_worker_that_is_killed(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(engine.sleep, 600)
    with working(server, home, *ALLOW) as process:
        ends(client, job, "started")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), description="its processes are gone")


# Pause and suspension


def test_a_paused_queue_gives_no_job_and_a_resumed_one_does_at_once(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    assert pause(client, ["default"]) == ["default"]
    assert pause(client, ["default"]) == []
    with working(server, home, *ALLOW, "other"):
        held = queue.enqueue(engine.give)
        passed = Queue("other", connection=client).enqueue(engine.give)
        ends(client, passed, "finished")
        assert status(client, held) == "queued"
        assert paused(client) == {"default"}
        assert resume(client, ["default"]) == ["default"]
        ends(client, held, "finished", timeout=3)


def test_no_job_slips_through_a_suspension(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    with working(server, home, *ALLOW, "--name", "w1"):
        ends(client, queue.enqueue(engine.give), "finished")
        suspend(client)
        held = queue.enqueue(engine.give)
        wait_until(lambda: client.hget("rq:worker:w1", "state") == b"suspended", description="it is suspended")
        assert status(client, held) == "queued"
        client.delete(keys.SUSPENDED)
        ends(client, held, "finished", timeout=3)


# Lost workers


@pytest.mark.parametrize(("retry", "wanted"), [(None, "failed"), (Retry(max=1), "finished")])
def test_the_job_of_a_killed_worker_is_taken_up_within_the_lease(
    server: Server, client: redis.Redis, queue: Queue, home: Path, retry: Retry | None, wanted: str
) -> None:
    go = home / "go"
    job = queue.enqueue(engine.wait_for, str(go), retry=retry)
    with working(server, home, *ALLOW, "--lease", "3") as process:
        ends(client, job, "started")
        process.kill()
        process.wait()
    go.touch()
    with working(server, home, *ALLOW, "--lease", "3"):
        ends(client, job, wanted, timeout=6)
    assert wanted == "finished" or "was lost while it ran this job" in reason(client, job)
    assert traces(client) == []


def test_a_job_that_runs_longer_than_a_lease_keeps_it(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    job = queue.enqueue(engine.sleep, 6, retry=Retry(max=1))
    with working(server, home, *ALLOW, "--lease", "3"), working(server, home, *ALLOW, "--lease", "3"):
        ends(client, job, "finished")
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"1"


def test_what_a_stock_worker_left_between_queue_and_start_is_put_back(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(engine.give)
    client.lmove(keys.queue("default"), keys.intermediate("default"))
    client.set(f"{keys.intermediate('default')}:first_seen:{job.id}", 1_000_000_000)
    with working(server, home, *ALLOW):
        ends(client, job, "finished")
    assert not client.exists(keys.intermediate("default"))


# Dependents, results and retention


def test_jobs_that_wait_for_one_that_runs_already_follow_it(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    go = home / "go"
    parent = queue.enqueue(engine.wait_for, str(go))
    with working(server, home, *ALLOW):
        ends(client, parent, "started")
        child = queue.enqueue(engine.give, 1, depends_on=parent)
        go.touch()
        ends(client, child, "finished")
    assert status(client, parent) == "finished"
    assert traces(client) == []


def test_a_removed_job_does_not_come_back_when_it_ends(server: Server, client: redis.Redis, queue: Queue, home: Path) -> None:
    go = home / "go"
    job = queue.enqueue(engine.wait_for, str(go))
    with working(server, home, *ALLOW):
        ends(client, job, "started")
        job.delete()
        go.touch()
        ends(client, queue.enqueue(engine.give), "finished")
    assert not client.exists(job.key)
    assert not client.zscore(keys.registry("finished", "default"), job.id)


# Redis


def test_a_result_is_not_lost_while_redis_is_away(own_server: Server, home: Path) -> None:
    go = home / "go"
    with own_server.client() as client, working(own_server, home, *ALLOW, "--lease", "3"):
        job = Queue("default", connection=client).enqueue(engine.wait_for, str(go))
        ends(client, job, "started")
        own_server.kill()
        go.touch()
        wait_until(lambda: b"Waiting for it" in (home / "worker.log").read_bytes(), description="it is noticed")
        own_server.start()
        ends(client, job, "finished")
        assert field(client, job.id, keys.FIELD_ATTEMPT) == b"1"


def test_a_result_is_written_once_memory_is_free_again(own_server: Server, home: Path) -> None:
    go = home / "go"
    with own_server.client() as client, working(own_server, home, *ALLOW):
        job = Queue("default", connection=client).enqueue(engine.wait_for, str(go))
        ends(client, job, "started")
        client.config_set("maxmemory", "1")
        go.touch()
        wait_until(lambda: b"has no memory left" in (home / "worker.log").read_bytes(), description="it is refused")
        client.config_set("maxmemory", "0")
        ends(client, job, "finished")


def test_every_registry_of_the_wrong_type_stops_neither_the_job_nor_the_worker(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    for kind in ("finished", "failed", "wip"):
        client.set(keys.registry(kind, "default"), "text")
    client.set(keys.queue("broken"), "text")
    other = Queue("other", connection=client).enqueue(engine.give)
    queue.enqueue(engine.give)
    with working(server, home, "broken", *ALLOW, "other"):
        ends(client, other, "finished")


def test_an_idle_worker_asks_for_next_to_nothing_and_takes_a_job_of_a_stock_producer_at_once(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    with working(server, home, *ALLOW, "other"):
        ends(client, queue.enqueue(engine.give), "finished")
        client.config_resetstat()
        wait_until(lambda: passed_since(client, 4), description="four seconds pass")
        asked = client.info("commandstats").get("cmdstat_smembers", {"calls": 0})["calls"]  # one in each claim
        assert asked <= 4
        ends(client, Queue("other", connection=client).enqueue(engine.give), "finished", timeout=2)


def passed_since(client: redis.Redis, seconds: int) -> bool:
    """Whether the server's clock has gone on by so much since this was first asked."""
    now = client.time()[0]
    client.set("since", now, nx=True)
    return now - int(client.get("since") or now) >= seconds


def test_a_job_that_hears_no_alarm_is_killed_after_its_timeout(
    server: Server, client: redis.Redis, queue: Queue, home: Path
) -> None:
    job = queue.enqueue(engine.deaf, 600, job_timeout=1)
    code = (
        "import sys, qtui_workers.cli\n"
        "from qtui_workers.engine.execution import horse_supervisor\n"
        "horse_supervisor.GRACE = 0.5\n"
        f"sys.argv = {['qtui-worker', '--burst', '--url', server.url, *ALLOW]!r}\n"
        "qtui_workers.cli.main()"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(home), check=True, capture_output=True, timeout=60)
    assert status(client, job) == "failed"
    assert "did not end within" in reason(client, job)


def test_only_the_newest_jobs_are_kept_whatever_their_ages(server: Server, client: redis.Redis, home: Path) -> None:
    """The first job would expire last; it is the oldest by its end all the same."""
    queue = Queue("keeping", connection=client, serializer="json")
    ttls = [9_000, 500, 4_000, 700]
    done = [queue.enqueue("tests.workers.keeping.keep", result_ttl=ttl).id for ttl in ttls]
    failed = [queue.enqueue("tests.workers.keeping.keep", fail=True, failure_ttl=ttl).id for ttl in ttls]
    run_burst(server, home, "keeping", QTUI_PROCESSORS="tests.workers.keeping")
    assert {i.decode() for i in client.zrange(keys.registry("finished", "keeping"), 0, -1)} == set(done[2:])
    assert {i.decode() for i in client.zrange(keys.registry("failed", "keeping"), 0, -1)} == set(failed[3:])
    assert {key.decode() for key in client.keys("rq:job:*")} == {keys.job(i) for i in [*done[2:], *failed[3:]]}
    assert len(client.keys("rq:results:*")) == 3


def test_a_limited_queue_starts_no_more_than_its_limit_and_holds_up_no_other(
    server: Server, client: redis.Redis, home: Path
) -> None:
    limited, other = (Queue(name, connection=client, serializer="json") for name in ("limited", "keeping"))
    for _ in range(7):
        limited.enqueue("tests.workers.keeping.note_start")
    after = other.enqueue("tests.workers.keeping.keep")
    run_burst(server, home, "limited", "keeping", QTUI_PROCESSORS="tests.workers.keeping")
    starts = [float(at) for at in client.lrange("starts", 0, -1)]
    assert len(starts) == 7
    assert all(third - first >= 1.0 for first, third in zip(starts, starts[2:], strict=False))
    ended = Job.fetch(after.id, connection=client, serializer="json").ended_at
    assert ended is not None
    assert ended.timestamp() < starts[-1]


def test_intervals_shorter_than_the_attempts_repeat_their_last(client: redis.Redis) -> None:
    waits = []
    for attempt in range(5):
        fields = {b"retries_left": b"%d" % (5 - attempt), b"retry_intervals": b"[10, 60, 300]", b"qtui_attempt": b"%d" % attempt}
        waits.append(failing(Claim("j", "q", "e", 0.0, fields), "error").delay)
    assert waits == [10, 60, 300, 300, 300]
