"""What modules and jobs do to logging, and the log of the worker that runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from rq import Queue

from tests.support import Server
from tests.workers.loud import DEEDS, MODULE
from tests.workers.support import log_lines, run, working

ALLOW = ("default", "--allow", MODULE, "--allow-pickle")


def test_no_job_silences_or_reshapes_the_log_of_its_worker(client: redis.Redis, server: Server, home: Path) -> None:
    queue = Queue("default", connection=client)
    names = [name for deed in DEEDS for name in (deed.__name__, "quiet")]
    jobs = [queue.enqueue(f"{MODULE}.{name}") for name in names]
    done = run(home, "--burst", "--url", server.url, *ALLOW, "--log-format", "json")
    assert done.returncode == 0
    records = [json.loads(line) for line in (done.stderr + done.stdout).splitlines()]
    for name, job in zip(names, jobs, strict=True):
        of_worker = [one["message"] for one in records if one["logger"] == "rq.worker" and one.get("job") == job.id]
        ends = f"default: job {job.id} ({MODULE}.{name})"
        told = [f"{ends} begins", *([f"{ends} raised", f"{ends} failed"] if name == "quiet" else [f"{ends} finished"])]
        assert [message for message in of_worker if not message.startswith(tuple(told))] == []
        assert len(of_worker) == len(told), name
        if name == "quiet":
            assert ("ERROR", "still heard") in log_lines(client, job.id)
    assert "a warning" in str(records)


@pytest.mark.parametrize("deed", ["basic", "dictionary"])
@pytest.mark.parametrize("imported", ["by itself", "with the first job"])
def test_no_module_does(client: redis.Redis, server: Server, home: Path, deed: str, imported: str) -> None:
    job = Queue("default", connection=client).enqueue(f"{MODULE}.quiet")
    more = {"QTUI_PROCESSORS": MODULE} if imported == "by itself" else {}
    done = run(home, "--burst", "--url", server.url, *ALLOW, LOUD=deed, **more)
    assert [word for word in ("begins", "raised", "failed for good", "stopped after 1 job") if word not in done.stderr] == []
    assert [line for line in log_lines(client, job.id) if "still heard" in str(line)] == [("ERROR", "still heard")]


def test_what_ends_the_command_is_json_too(client: redis.Redis, server: Server, home: Path) -> None:
    with working(server, home, "--name", "taken", "--lease", "3"):
        done = run(home, "--burst", "--url", server.url, "--name", "taken", "--log-format", "json")
    assert done.returncode == 5
    assert "'taken' is there already" in json.loads(done.stderr.splitlines()[-1])["message"]
