"""Where a worker finds modules: besides PYTHONPATH in the current folder, or where `--path` says."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui_workers.server import keys
from tests.support import Server
from tests.workers.support import field, run

MY_APP = """
from qtui_workers import Payload, processor

class Empty(Payload):
    pass

def double(number):
    return 2 * number

@processor(queue="mine")
def mine(payload: Empty) -> Empty:
    return payload
"""
ALLOW = ("default", "mine", "--allow", "my_app", "--allow-pickle")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a program in it, which is on no path."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "my_app.py").write_text(MY_APP)
    return folder


def burst(server: Server, home: Path, folder: Path, *arguments: str, **extra: str) -> str:
    extra["PYTHONSAFEPATH"] = "1"  # or python -m would put the current folder on the path by itself
    done = run(home, "--burst", "--url", server.url, *ALLOW, "--refuse-after", "0", *arguments, cwd=folder, **extra)
    assert done.returncode == 0, done.stderr
    return done.stderr


def failure(client: redis.Redis, job_id: str) -> str:
    (_, entry), *_ = client.xrevrange(keys.results(job_id), count=1)
    return zlib.decompress(base64.b64decode(entry[b"exc_string"])).decode()


def test_a_function_of_the_current_folder_is_found(server: Server, client: redis.Redis, home: Path, project: Path) -> None:
    job = Queue("default", connection=client).enqueue("my_app.double", 21)
    burst(server, home, project)
    assert job.return_value(refresh=True) == 42


@pytest.mark.parametrize("path", ["project", "--path=project"])
def test_a_processor_of_that_folder_is_found(server: Server, home: Path, project: Path, path: str) -> None:
    folder, arguments = (project, []) if path == "project" else (project.parent, [path])
    told = burst(server, home, folder, *arguments, QTUI_PROCESSORS="my_app")
    assert "Listening on" in told


def test_with_a_path_the_current_folder_is_not_looked_in(server: Server, client: redis.Redis, home: Path, project: Path) -> None:
    job = Queue("default", connection=client).enqueue("my_app.double", 21)
    burst(server, home, project, "--path", str(home))
    assert field(client, job.id, "status") == b"failed"
    sentence = "cannot import my_app (No module named 'my_app'): is its folder on PYTHONPATH, or --path?"
    assert sentence in failure(client, job.id)


def test_a_function_that_is_not_in_its_module_says_so(server: Server, client: redis.Redis, home: Path, project: Path) -> None:
    job = Queue("default", connection=client).enqueue("my_app.triple", 21)
    burst(server, home, project)
    assert "there is no triple in my_app" in failure(client, job.id)


def test_a_module_whose_own_import_fails_is_reported_with_the_reason(
    server: Server, client: redis.Redis, home: Path, project: Path
) -> None:
    package = project / "my_app"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "jobs.py").write_text("import no_such_library\n")
    job = Queue("default", connection=client).enqueue("my_app.jobs.double", 21)
    burst(server, home, project)
    assert "cannot import my_app.jobs (No module named 'no_such_library')" in failure(client, job.id)
