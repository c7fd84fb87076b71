"""The fixture and the helper for users' own tests, as pytest runs them in a project of theirs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from tests.support import clean_environment

ROOT = Path(__file__).parents[2]
PROJECT = {
    "shop/__init__.py": "",
    "shop/mails.py": """
import os
from pydantic import BaseModel
from rq import get_current_job
from qtui_workers import Limit, Payload, QueueService, limits, processor

class Mail(Payload):
    to: str
    copies: int = 0

class Sent(BaseModel):
    to: str
    pid: int

def deliver(to):
    raise OSError("no mail server here")

@processor(queue="mails", attempts=2, backoff="fixed:1h")
def mail(payload: Mail) -> Sent:
    with limits.acquire(Limit(50, 60, "smtp")):
        deliver(payload.to)
    for number in range(payload.copies):
        QueueService(get_current_job().connection).enqueue("mail", {"to": f"copy-{number}"}, queue="copies")
    return Sent(to=payload.to, pid=os.getpid())

def plain(left, right):
    return left + right
""",
    "test_mails.py": """
import os, signal
import pytest
from rq import Queue
from shop import mails

@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setenv("QTUI_PROCESSORS", "shop.mails")

def test_what_is_patched_here_is_patched_for_jobs_and_what_they_enqueue_runs_too(qtui_server, monkeypatch):
    sent, before = [], signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(mails, "deliver", sent.append)
    job = qtui_server.service.enqueue(mails.mail, {"to": "me", "copies": 2})
    qtui_server.run_until_empty()
    assert sent == ["me", "copy-0", "copy-1"]
    assert qtui_server.service.status(job.id).result == {"to": "me", "pid": os.getpid()}
    assert os.environ["REDIS_URL"] == qtui_server.url
    assert signal.getsignal(signal.SIGTERM) is before
    assert "RQ_JOB_ID" not in os.environ

@pytest.mark.parametrize("scheduled", [False, True])
def test_the_next_attempt_runs_now_where_it_is_to(qtui_server, scheduled):
    assert qtui_server.connection.dbsize() == 0
    job = qtui_server.service.enqueue("mail", {"to": "me"})
    qtui_server.run_until_empty(scheduled=scheduled)
    state = qtui_server.service.status(job.id)
    assert (state.status, state.attempt) == (("failed", 2) if scheduled else ("scheduled", 1))

def test_a_plain_function_runs_where_it_is_allowed(qtui_server):
    job = Queue("q", connection=qtui_server.connection).enqueue("shop.mails.plain", 1, 2)
    qtui_server.run_until_empty(allow=("shop",), allow_pickle=True)
    assert job.return_value() == 3

def test_jobs_that_nobody_may_take_are_reported(qtui_server):
    from qtui_workers.enqueue.pause import pause
    qtui_server.service.enqueue("mail", {"to": "me"})
    pause(qtui_server.connection, ["mails"])
    with pytest.raises(RuntimeError, match="jobs wait in mails"):
        qtui_server.run_until_empty()

def test_nothing_to_do_is_done_at_once(qtui_server):
    qtui_server.run_until_empty()
""",
}


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(folder / "home", PYTHONPATH=str(folder))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "qtui_workers.testing", "-W", "error"]
    return subprocess.run([*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_a_project_tests_its_jobs_with_the_fixture_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "servers").mkdir()
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = pytest_in(tmp_path, "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    assert list((tmp_path / "home").iterdir()) == []


def test_pytest_finds_it_by_itself_and_it_loads_nothing_until_it_is_used(tmp_path: Path) -> None:
    code = "import sys, qtui_workers.testing; print([n for n in sys.modules if n.startswith(('rq', 'redis', 'pydantic'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
    (found,) = [each for each in distribution("qtui-rq").entry_points if each.group == "pytest11"]
    assert (found.name, found.value) == ("qtui_workers.testing", "qtui_workers.testing")
