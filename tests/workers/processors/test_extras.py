"""Where the library of an extra is not installed: what needs it says so, and nothing else notices."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import redis

from qtui_workers.enqueue.queue_service import QueueService
from tests.support import Server
from tests.workers.support import environment

BLOCK = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("httpx2", "jinja2", "sqlalchemy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
JOBS = {
    "email": ({"to": "a@example.org", "subject": "s", "template": "welcome"}, "jinja2", "mail"),
    "webhook": ({"url": "http://127.0.0.1:9", "secret": "whsec_" + "A" * 32, "payload": {}}, "httpx2", "http"),
    "fetch_area": ({"base_url": "http://127.0.0.1:9", "area": "a"}, "httpx2", "http"),
    "audit_log": (
        {"org_id": "o", "actor_id": "a", "actor_type": "user", "action": "x", "resource_type": "t", "resource_id": "r"},
        "sqlalchemy",
        "database",
    ),
    "publish_build": ({"publishing_id": "p", "project_id": "p", "user_id": "u"}, "sqlalchemy", "database"),
}


@pytest.fixture
def bare_environment(home: Path, server: Server) -> dict[str, str]:
    """That of a process in which the libraries of the extras cannot be imported."""
    (home / "sitecustomize.py").write_text(BLOCK)
    with_block = environment(home, REDIS_URL=server.url)
    return with_block | {"PYTHONPATH": f"{home}:{with_block['PYTHONPATH']}"}


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], env=environment, capture_output=True, text=True, timeout=60)


def test_each_extra_installs_the_library_and_one_of_them_all() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for _, library, extra in JOBS.values():
        assert [line for line in extras[extra] if line.startswith(library)]
        assert not [line for line in project["dependencies"] if line.startswith(library)]
    assert set(re.findall(r"\w+", extras["processors"][0].partition("[")[2])) == {extra for *_, extra in JOBS.values()}
    assert "qtui-rq[processors]" in extras["test"]


def test_a_job_that_needs_a_missing_library_fails_at_once_and_names_the_extra(
    client: redis.Redis, bare_environment: dict[str, str]
) -> None:
    service = QueueService(client)
    ids = {name: service.enqueue(name, payload).id for name, (payload, *_) in JOBS.items()}
    other = service.enqueue("test_job").id
    done = run(bare_environment, "qtui_workers.cli", "--burst")
    assert done.returncode == 0, done.stderr
    assert service.status(other).status == "finished"
    for name, (_, library, extra) in JOBS.items():
        state = service.status(ids[name])
        assert (state.status, state.attempt) == ("failed", 1), name
        sentence = f"Unrecoverable: {library} is not installed on this machine: install qtui-rq[{extra}]"
        assert str(state.failed_reason).endswith(sentence)


def test_all_processors_are_listed_without_any_extra(bare_environment: dict[str, str]) -> None:
    done = run(bare_environment, "qtui", "enqueue", "--list", "--json")
    assert done.stderr == ""
    assert JOBS.keys() <= {each["name"] for each in json.loads(done.stdout)}
