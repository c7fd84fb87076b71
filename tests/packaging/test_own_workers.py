"""A project that calls a package or a module of its own `workers`, as many projects with RQ do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Server, clean_environment

pytestmark = pytest.mark.xdist_group("packaging")

TASKS = "def add(a, b):\n    return a + b\n"
PRODUCER = """
import sys
import redis
from rq import Queue
from rq.serializers import JSONSerializer

queue = Queue("sums", connection=redis.Redis(unix_socket_path=sys.argv[1]), serializer=JSONSerializer)
print(queue.enqueue(sys.argv[2], 2, b=3).id)
"""


@pytest.fixture(params=["package", "module"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """The folder of such a project, and the function that its jobs call."""
    folder = tmp_path / "project"
    folder.mkdir()
    if request.param == "module":
        (folder / "workers.py").write_text(TASKS)
        return folder, "workers.add"
    (folder / "workers").mkdir()
    (folder / "workers" / "__init__.py").write_text("")
    (folder / "workers" / "tasks.py").write_text(TASKS)
    return folder, "workers.tasks.add"


def test_its_jobs_finish(project: tuple[Path, str], installed: Path, server: Server, home: Path) -> None:
    folder, function = project
    (folder / "produce.py").write_text(PRODUCER)
    environment = clean_environment(home, PYTHONPATH=".", REDIS_URL=server.url)

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [installed / program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    own = run("python", "produce.py", server.socket, function).strip()
    ours = run("qtui", "enqueue", "test_job", "message=hello").strip()
    run("qtui-worker", "--burst", "--allow", function.rpartition(".")[0], "sums", "main-queue")
    assert _finished(run, own)["result"] == 5
    assert _finished(run, ours)["result"] == {"message": "hello", "attempt": 1}
    assert {queue["name"]: queue["finished"] for queue in json.loads(run("qtui", "queues", "--json"))} == {
        "sums": 1,
        "main-queue": 1,
    }


def _finished(run: Callable[..., str], job_id: str) -> dict[str, object]:
    job: dict[str, object] = json.loads(run("qtui", "job", job_id, "--json"))
    assert job["status"] == "finished", job
    return job


def test_the_environment_has_the_wheel_and_not_the_checkout(installed: Path, home: Path, tmp_path: Path) -> None:
    code = "import qtui, qtui_workers; print(qtui.__file__, qtui_workers.__file__)"
    done = subprocess.run(
        [installed / "python", "-c", code], env=clean_environment(home), cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert all(Path(path).is_relative_to(installed.parent) for path in done.stdout.split())
