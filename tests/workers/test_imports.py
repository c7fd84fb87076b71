"""Which processes import the modules of users, and what these can have called there."""

from __future__ import annotations

import socketserver
import textwrap
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from rq import Queue, Webhook
from rq.serializers import JSONSerializer

from qtui_workers import Limit, Payload, processor
from qtui_workers.define.backoff import Backoff
from qtui_workers.define.declared_processors import read_declared_processors
from qtui_workers.define.discovery import discover
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from tests import launcher
from tests.faults.support import children
from tests.support import Server, wait_until
from tests.workers.support import environment, log_lines, run, run_burst, working

SHARING = """
    import os, socket, time
    from concurrent.futures import ThreadPoolExecutor
    from pydantic import BaseModel
    from qtui_workers import Limit, Payload, processor

    with open(os.environ["IMPORTS"], "a") as imports:
        print(os.getpid(), file=imports)
    connection = socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))
    answers = connection.makefile()
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()

    class Question(Payload):
        text: str

    class Answer(BaseModel):
        text: str
        pid: int

    @processor(queue="questions", limit=Limit(1000, 1, "answers"))
    def ask(payload: Question) -> Answer:
        def exchange() -> str:
            connection.sendall(f"{payload.text}\\n".encode())
            time.sleep(0.01)
            return answers.readline().strip()
        return Answer(text=pool.submit(exchange).result(10), pid=os.getpid())
"""
HOOKED = """
    import os
    from pydantic import BaseModel
    from rq import get_current_job
    from qtui_workers import Payload, around_job, once_per_process, processor

    def note(what):
        with open(os.environ["NOTES"], "a") as notes:
            print(os.getpid(), what, file=notes)

    @once_per_process
    def connect():
        note("connected")

    @around_job
    def session():
        job = get_current_job()
        note(f"begins {job.id}")
        try:
            yield
        except ValueError:
            note("caught")
        finally:
            note(f"ends {job.id}")

    class Kept(Payload):
        fail: bool = False

    class Done(BaseModel):
        pass

    def work(fail: bool = False):
        note("works")
        if fail:
            raise ValueError("as told")

    @processor(queue="hooked", attempts=1)
    def hooked(payload: Kept) -> Done:
        work(payload.fail)
        return Done()
"""


LOUD = """
    import logging
    from pydantic import field_validator
    from qtui_workers import Payload, processor

    logging.getLogger("app").info("imported")

    class Said(Payload):
        word: str

        @field_validator("word")
        @classmethod
        def check(cls, word):
            print("validates", word)
            return word

    @processor(queue="loud")
    def say(payload: Said) -> Said:
        print("says", payload.word)
        return payload
"""


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line)


@pytest.fixture
def port() -> Iterator[int]:
    """Where a server answers each line with the same line."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as echo:
        echo.daemon_threads = True
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        yield echo.server_address[1]
        echo.shutdown()


def test_only_processes_that_run_jobs_keep_what_a_module_opens_when_it_is_imported(
    server: Server, client: redis.Redis, home: Path, port: int
) -> None:
    (home / "sharing.py").write_text(textwrap.dedent(SHARING))
    imports = home / "imports"
    known = {"QTUI_PROCESSORS": "sharing", "IMPORTS": str(imports), "PORT": str(port), "PYTHONPATH": f"{launcher.ROOT}:{home}"}
    service = QueueService(client)
    ids = [_enqueue(client, "questions", "sharing.ask", {"text": f"question {number}"}) for number in range(80)]
    with working(server, home, "--concurrency", "4", **known) as pool:
        wait_until(
            lambda: all(service.status(one).status == "finished" for one in ids), description="all are answered", timeout=60
        )
        workers = {pool.pid, *children(pool.pid)}
    answers = [service.status(one).result for one in ids]
    assert [answer["text"] for answer in answers] == [f"question {number}" for number in range(80)]
    horses = {answer["pid"] for answer in answers}
    imported = [int(line) for line in imports.read_text().split()]
    assert horses <= set(imported)
    assert not workers & set(imported)
    assert len(imported) <= 4 + 1  # each horse, and the process that reported what the module declares
    assert client.hget("rq:qtui:limits", "questions") == b"answers"


@pytest.mark.parametrize("special", [False, True])
def test_what_is_logged_until_a_job_runs_is_in_its_log_and_its_payload_is_validated_once(
    server: Server, client: redis.Redis, home: Path, special: bool
) -> None:
    (home / "loud_one.py").write_text(textwrap.dedent(LOUD))
    for word in ("a", "b"):
        _enqueue(client, "loud", "loud_one.say", {"word": word}, word)
        if special:
            client.hset(f"rq:job:{word}", "webhooks", '[{"url": "http://127.0.0.1:9/", "job_status": "failed"}]')
    run_burst(server, home, "loud", QTUI_PROCESSORS="loud_one", PYTHONPATH=f"{launcher.ROOT}:{home}")
    assert log_lines(client, "a") == [("INFO", "imported"), ("PRINT", "validates a"), ("PRINT", "says a")]
    assert log_lines(client, "b") == [("PRINT", "validates b"), ("PRINT", "says b")]
    assert client.hexists("rq:job:a", keys.FIELD_LOG), "it is folded"


@pytest.mark.parametrize("mode", ["horse", "in process", "rq worker"])
def test_functions_are_called_once_in_a_process_and_around_each_job(
    server: Server, client: redis.Redis, home: Path, mode: str
) -> None:
    (home / "hooks.py").write_text(textwrap.dedent(HOOKED))
    notes = home / "notes"
    known = {"QTUI_PROCESSORS": "hooks", "NOTES": str(notes), "PYTHONPATH": f"{launcher.ROOT}:{home}"}
    _enqueue(client, "hooked", "hooks.hooked", {}, "a")
    _enqueue(client, "hooked", "hooks.hooked", {"fail": True}, "b")
    client.hset("rq:job:b", "webhooks", '[{"url": "http://127.0.0.1:9/", "job_status": "finished"}]')  # RQ's own code ends it
    if mode == "rq worker":
        arguments = ("worker", "--burst", "--url", server.url, "hooked", "-S", "json", "-w", "rq.SimpleWorker")
        assert launcher.run("rq.cli", arguments, environment(home, **known)).returncode == 0
    else:
        more = ["--in-process"] if mode == "in process" else []
        _enqueue(client, "hooked", "hooks.work", {}, "c")
        run_burst(server, home, "hooked", "--allow", "hooks", *more, **known)
    (first, *_), lines = zip(*(line.split(" ", 1) for line in notes.read_text().splitlines()), strict=True)
    assert first.isdigit()
    expected = ["connected", "begins a", "works", "ends a", "begins b", "works", "caught", "ends b"]
    assert list(lines) == expected + (["begins c", "works", "ends c"] if mode != "rq worker" else [])
    assert [client.hget(f"rq:job:{one}", "status") for one in "ab"] == [b"finished", b"failed"]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(3)", "ended the process that imported it, with exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", "by signal 11"),
        ("import sys; sys.exit('no')", "cannot be read: SystemExit: no"),
        ("import nothing_there", "broken could not be imported"),
    ],
)
def test_a_worker_refuses_to_start_with_a_module_that_cannot_be_imported(server: Server, home: Path, code: str, why: str) -> None:
    (home / "broken.py").write_text(code)
    done = run(home, "--burst", "--url", server.url, QTUI_PROCESSORS="broken", PYTHONPATH=f"{launcher.ROOT}:{home}")
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_declared_arrives_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QTUI_PROCESSORS", __name__)
    told = read_declared_processors()
    known = discover()
    assert [(each.name, each.path, each.queue) for each in told.processors] == [
        (each.name, each.path, each.queue) for each in known.processors.values()
    ]
    assert [each.options for each in told.processors] == [each.options for each in known.processors.values()]
    (mine,) = [each for each in told.processors if each.name == "everything"]
    assert mine.options.webhooks == everything.options.webhooks != ()
    assert mine.to_json(mine.validate(None)) == b"{}"
    with pytest.raises(InvalidInput):
        mine.validate({"more": 1})


def _enqueue(client: redis.Redis, queue: str, path: str, payload: dict[str, object], job_id: str | None = None) -> str:
    job = Queue(queue, connection=client, serializer=JSONSerializer).enqueue(path, kwargs=payload, job_id=job_id)
    return str(job.id)


@processor(
    queue="everything",
    attempts=7,
    backoff=Backoff("exponential", timedelta(seconds=0.25), timedelta(minutes=3), 0.5),
    timeout=1.5,
    result_ttl=timedelta(milliseconds=1),
    keep_failed=3,
    every=30,
    concurrency=2,
    webhooks=[Webhook("https://example.org/", "failed", method="POST", headers={"a": "b"}, timeout=3)],
    limit=Limit(3, 0.5),
    priority="low",
    delay="1h30m",
)
def everything(payload: Payload) -> Payload:
    return payload
