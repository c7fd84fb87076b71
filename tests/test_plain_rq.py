"""A plain RQ program beside qtui: its pickled job is listed, retried in qtui, then worked by a plain `rq worker`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import redis
from rq import Queue
from rq.job import Job

from tests.support import Server, clean_environment

RQ = str(Path(sys.executable).parent / "rq")
QTUI = str(Path(sys.executable).parent / "qtui")


def plain_worker(server: Server, home: Path, modules: Path) -> None:
    done = subprocess.run(
        [RQ, "worker", "--burst", "--url", server.url, "default"],
        env=clean_environment(home, PYTHONPATH=str(modules)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def qtui(server: Server, home: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [QTUI, *arguments, "--json"],
        env=clean_environment(home, REDIS_URL=server.url),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_failed_job_of_a_plain_rq_program_is_listed_retried_and_then_finished_by_a_plain_worker(
    server: Server, client: redis.Redis, home: Path
) -> None:
    modules, gate = home / "modules", home / "gate"
    modules.mkdir()
    (modules / "shop.py").write_text(
        "from pathlib import Path\n"
        "def charge(amount, gate):\n"
        "    if not Path(gate).exists(): raise ConnectionError('gateway refused')\n"
        "    return {'charged': amount}\n"
    )
    job = Queue("default", connection=client).enqueue("shop.charge", 12, gate=str(gate))
    assert job.data[:1] == b"\x80", "RQ pickles"
    plain_worker(server, home, modules)

    failed = qtui(server, home, "jobs", "default", "--status", "failed")
    assert [(j["id"], j["function"], j["error"]) for j in failed["jobs"]] == [
        (job.id, "shop.charge", "ConnectionError: gateway refused")
    ]
    assert qtui(server, home, "job", job.id)["payload"] == {"args": [12], "kwargs": {"gate": str(gate)}}

    report = qtui(server, home, "retry", job.id, "--yes")
    assert (report["matched"], report["done"]) == (1, 1)
    assert Job.fetch(job.id, connection=client).get_status() == "queued"

    gate.touch()
    plain_worker(server, home, modules)
    finished = Job.fetch(job.id, connection=client)
    assert (finished.get_status(), finished.return_value()) == ("finished", {"charged": 12})
    assert qtui(server, home, "job", job.id)["result"] == {"charged": 12}
