"""Where the code of a running job is, asked for over the worker's commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.command import send_stop_job_command
from rq.job import Job

from qtui.broker.one_job import stack
from qtui_workers.reporting.stack import COMMAND, Stack, StackAnswer
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import stuck
from tests.workers.support import field, log_lines, working

ALLOW = ("default", "--allow-pickle", "--allow", stuck.MODULE, "--shutdown-timeout", "1")


def begun(client: redis.Redis, function: object, path: Path) -> str:
    """A job that has begun."""
    job_id = str(Queue("default", connection=client).enqueue(function, str(path)).id)
    wait_until(Path(f"{path}.began").exists, description="the job has begun")
    return job_id


def ended(client: redis.Redis, job_id: str, status: bytes) -> None:
    wait_until(lambda: field(client, job_id, "status") == status, description="the job has ended")


@contextmanager
def worker(server: Server, home: Path, *options: str) -> Iterator[None]:
    with working(server, home, *ALLOW, *options):
        yield


def asked(client: redis.Redis, job_id: str) -> Stack:
    answer = stack.ask(client, job_id)
    assert answer.stack is not None, answer.problem
    return answer.stack


def test_a_job_tells_its_place_whatever_it_is_stuck_in_and_goes_on_undisturbed(
    server: Server, client: redis.Redis, home: Path
) -> None:
    with worker(server, home):
        for function, how, source in (
            (stuck.waits_for_a_peer, "python", "ours.recv(1)"),
            (stuck.computes, "python", ""),
            (stuck.holds_the_lock, "signal", 're.match("(a+)+$", "a" * 60 + "b")'),
        ):
            job_id = begun(client, function, home / function.__name__)
            found = asked(client, job_id)
            frames = [(frame.file, frame.function) for frame in found.threads[0].frames]
            assert (found.how, found.threads[0].is_main) == (how, True)
            assert frames[0] == (stuck.__file__, function.__name__)
            assert source in [frame.source for frame in found.threads[0].frames] or not source
            assert [text for level, text in log_lines(client, job_id) if level == "stack"] == list(found.lines())
            send_stop_job_command(client, job_id)
            ended(client, job_id, b"stopped")
        job_id = begun(client, stuck.sleeps, home / "sleeps")
        again = [asked(client, job_id) for _ in range(2)]
        (home / "sleeps").touch()
        ended(client, job_id, b"finished")
        assert [each.threads[0].frames[0].function for each in again] == ["sleeps", "sleeps"]
        assert [each.at for each in again] == sorted(each.at for each in again)
        assert Job.fetch(job_id, connection=client).return_value() >= 1.0


def test_a_worker_that_runs_jobs_in_its_own_process_tells_it_too(server: Server, client: redis.Redis, home: Path) -> None:
    with worker(server, home, "--in-process"):
        job_id = begun(client, stuck.sleeps, home / "sleeps")
        found = asked(client, job_id)
        assert (found.threads[0].is_main, found.threads[0].frames[0].function) == (True, "sleeps")
        (home / "sleeps").touch()
        ended(client, job_id, b"finished")


def test_why_there_is_none_is_said(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "PATIENCE", 0.1)
    job = Queue("default", connection=client).enqueue(stuck.computes, "x")

    def problem() -> str:
        return stack.ask(client, job.id).problem

    assert problem() == "it does not run: it is queued"
    assert stack.ask(client, "nowhere").problem == "the job's hash is gone"
    client.hset(keys.job(job.id), mapping={"status": "started", "worker_name": "w"})
    assert problem() == "its worker w has no record: it gives no sign of life"
    client.hset(keys.worker("w"), mapping={"hostname": "web-1", "pid": "77"})
    assert problem() == "w is no qtui-worker, and RQ's own workers cannot tell it: on web-1, py-spy dump --pid 77 --subprocesses"
    client.hset(keys.worker("w"), keys.FIELD_HOLDER, "x")
    assert problem() == "w hears no commands"
    with client.pubsub() as channel:
        channel.subscribe(keys.commands("w"))
        channel.get_message(timeout=5)
        assert problem() == "w has not answered within 0.1 s: it may be of an older version, or stuck itself"
        sent = json.loads(channel.get_message(timeout=5)["data"])
        assert (sent["command"], sent["job_id"], len(sent["request"])) == (COMMAND, job.id, 32)


def test_a_request_for_another_job_and_one_that_makes_no_sense_disturb_nothing(
    server: Server, client: redis.Redis, home: Path
) -> None:
    with worker(server, home):
        job_id = begun(client, stuck.computes, home / "computes")
        name = (field(client, job_id, "worker_name") or b"").decode()
        other = "0" * 32
        for job, request in (("gone", other), (job_id, "../../../x"), (None, other), (job_id, None)):
            client.publish(keys.commands(name), json.dumps({"command": COMMAND, "job_id": job, "request": request}))
        wait_until(lambda: client.exists(keys.stack(other)), description="the request was answered")
        assert StackAnswer.unpacked(client.get(keys.stack(other)) or b"") == StackAnswer(
            None, "its worker does not run it any more"
        )
        assert [key for key in client.keys(keys.stack("*")) if key != keys.stack(other).encode()] == []
        asked(client, job_id)
        (home / "computes").touch()
        ended(client, job_id, b"finished")


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"stack": 3, "problem": ""}', b'{"stack": {"threads": [1]}, "problem": ""}']
)
def test_an_answer_that_cannot_be_read_is_no_stack(raw: bytes) -> None:
    assert StackAnswer.unpacked(raw).problem == "its worker's answer cannot be read: it may be of another version"
