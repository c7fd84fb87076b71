"""`qtui-worker` as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import redis
from typer.core import TyperOption
from typer.main import get_command

from qtui_workers.cli import make_app, work
from qtui_workers.command_line.plain_reader import NotPlain, read
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.naming import default_queues
from qtui_workers.reporting.worker_logs import LogFormat
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.support import environment, run, run_burst, working


def test_help_names_every_option(home: Path) -> None:
    done = run(home, "--help")
    assert done.returncode == 0
    options = [one for one in get_command(make_app()).params if isinstance(one, TyperOption)]
    assert len(options) > 10
    for option in options:
        assert option.help, option.opts
        assert re.search(rf"^ +(-\w, )?{re.escape(max(option.opts, key=len))}\b", done.stdout, re.MULTILINE)
    assert not re.search(r"<int|<float|None\b", done.stdout)


def test_version(home: Path) -> None:
    done = run(home, "--version", "--url", "nonsense")
    assert (done.returncode, done.stdout) == (0, f"qtui-worker {version('qtui-rq')}\n")


def test_no_queue_named_means_every_queue_that_a_processor_names_by_priority() -> None:
    assert default_queues(["b", "a", "b"]) == ["a-high", "b-high", "a", "b", "a-low", "b-low"]


def test_a_named_queue_is_the_only_one_worked(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    mine, other = (service.enqueue("test_job", queue=queue).id for queue in ("mine", "other"))
    run_burst(server, home, "mine")
    assert (service.status(mine).status, service.status(other).status) == ("finished", "queued")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["two words"], 2, "queue name 'two words' is not allowed"),
        (["--name", "a b", "--burst"], 2, "worker name 'a b' is not allowed"),
        (["--url", "ftp://x"], 2, "must begin with redis://"),
        (["--burst", "--url", "unix:///nowhere/at/all"], 3, "/nowhere/at/all"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(home: Path, arguments: list[str], code: int, sentence: str) -> None:
    done = run(home, *arguments)
    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--nonsense", "--max-age"])
def test_an_option_that_does_nothing_is_not_accepted(home: Path, option: str) -> None:
    done = run(home, option, "3")
    assert done.returncode == 2
    assert "No such option" in done.stderr


@pytest.mark.parametrize("option", ["--max-jobs", "--max-memory", "--lease"])
def test_an_option_that_does_nothing_in_process_is_refused_there(home: Path, option: str) -> None:
    done = run(home, "--in-process", option, "30")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{option} is about the process that runs the jobs" in done.stderr


def test_a_processor_module_that_cannot_be_imported_is_reported(home: Path) -> None:
    done = run(home, "--burst", QTUI_PROCESSORS="no_such_module")
    assert done.returncode == 2
    assert "no_such_module could not be imported (ModuleNotFoundError" in done.stderr


def test_what_is_not_the_name_of_a_module_is_said_to_be_none(home: Path) -> None:
    done = run(home, "--burst", QTUI_PROCESSORS="../evil")
    assert done.returncode == 2
    assert "../evil could not be imported (it is not the name of a module)" in done.stderr


def test_a_bad_mail_setting_is_named_at_the_start_and_stops_the_jobs_that_need_it_only(
    server: Server, client: redis.Redis, home: Path
) -> None:
    service = QueueService(client)
    mail = service.enqueue("email", {"to": "a@example.org", "subject": "s", "template": "welcome"}).id
    other = service.enqueue("test_job", queue="emails").id
    done = run(home, "--burst", "--url", server.url, "emails", SMTP_PORT="abc")
    assert done.returncode == 0
    reason = "SMTP_PORT: must be a valid integer, unable to parse string as an integer"
    assert f"{reason}. Jobs that need it will fail." in done.stderr
    state = service.status(mail)
    assert (state.status, state.attempt, service.status(other).status) == ("failed", 1, "finished")
    assert reason in str(state.failed_reason)


def test_a_second_worker_of_the_same_name_is_refused(server: Server, home: Path) -> None:
    with working(server, home, "--name", "w1", "--lease", "3"):
        done = run(home, "--burst", "--url", server.url, "--name", "w1")
    assert done.returncode == 5
    assert done.stderr.splitlines()[-1] == "qtui-worker: a worker named 'w1' is there already: choose another --name"


def test_a_worker_is_named_after_its_host_and_process(server: Server, client: redis.Redis, home: Path) -> None:
    with working(server, home) as process:
        [name] = client.smembers(keys.WORKERS)
        assert re.fullmatch(rf"rq:worker:.+\.{process.pid}\.[0-9a-f]{{4}}", name.decode())


def test_a_context_of_the_config_file_is_where_a_worker_works(server: Server, client: redis.Redis, home: Path) -> None:
    (config := home / "c.toml").write_text(
        f'context = "here"\ntheme = "dark"\n[contexts.here]\nurl = "{server.url}"\n[contexts.away]\nurl = "unix:///nowhere"\n'
    )
    service = QueueService(client)
    for arguments in ([], ["--context", "here"], ["--url", server.url, "--context", "away"]):
        job_id = service.enqueue("test_job").id
        done = run(home, "--burst", *arguments, QTUI_CONFIG=str(config))
        assert (done.returncode, service.status(job_id).status) == (0, "finished"), done.stderr
    assert run(home, "--burst", "--context", "away", QTUI_CONFIG=str(config)).returncode == 3
    done = run(home, "--context", "nosuch", QTUI_CONFIG=str(config))
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "No context named 'nosuch'" in done.stderr


def test_no_worker_works_where_a_person_may_only_look(server: Server, home: Path) -> None:
    (config := home / "c.toml").write_text(f'[contexts.prod]\nurl = "{server.url}"\nread_only = true\n')
    done = run(home, "--burst", "--context", "prod", QTUI_CONFIG=str(config))
    assert (done.returncode, done.stderr) == (5, "qtui-worker: prod is read-only: no worker works there\n")


def test_the_processing_side_loads_no_user_interface(home: Path) -> None:
    code = (
        "import sys, qtui_workers.cli, qtui_workers.engine.start; print(sorted({'textual', 'rich', 'qtui'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(home), capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_help_and_wrong_words_are_answered_before_what_works_is_loaded(home: Path) -> None:
    code = "import sys, qtui_workers.cli; print(sorted({'redis', 'rq', 'pydantic', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(home), capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_two_workers_at_a_time_work_two_jobs_at_a_time(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    ids = [service.enqueue("test_job", {"seconds": 2}).id for _ in range(2)]
    with working(server, home, "--concurrency", "2", "--name", "pair") as process:
        wait_until(lambda: (home / "worker.log").read_bytes().count(b"hello") == 2, description="both jobs run at once")
        assert [service.status(i).status for i in ids] == ["started"] * 2
        assert client.smembers(keys.WORKERS) == {b"rq:worker:pair-1", b"rq:worker:pair-2"}
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    assert [service.status(i).status for i in ids] == ["finished"] * 2
    assert client.smembers(keys.WORKERS) == set()


def test_a_worker_of_several_that_dies_is_replaced(server: Server, client: redis.Redis, home: Path) -> None:
    def pids() -> set[int]:
        return {int(client.hget(name, "pid") or 0) for name in client.smembers(keys.WORKERS)}

    with working(server, home, "--concurrency", "2"):
        wait_until(lambda: len(pids()) == 2, description="two workers are there")
        before = pids()
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(pids() - before) == 1, description="another took its place")


def test_several_workers_in_burst_end_with_the_queues(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    ids = service.enqueue_many("test_job", [{}] * 10)
    run_burst(server, home, "--concurrency", "3")
    assert {service.status(i).status for i in ids} == {"finished"}


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_bad_concurrency_is_refused(home: Path, number: str) -> None:
    done = run(home, "--concurrency", number)
    assert done.returncode == 2
    assert "--concurrency" in done.stderr


def test_workers_whose_pool_is_killed_end_by_themselves(server: Server, client: redis.Redis, home: Path) -> None:
    with working(server, home, "--concurrency", "2") as process:
        wait_until(lambda: client.scard(keys.WORKERS) == 2, description="two workers are there")
        process.kill()
        wait_until(lambda: client.scard(keys.WORKERS) == 0, description="both have left")


def test_a_worker_works_without_typer_and_imports_the_bundled_processors_when_there_is_a_job(
    server: Server, client: redis.Redis, home: Path
) -> None:
    program = (
        "import atexit, sys, qtui_workers.cli; "
        "atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr)); "
        f"sys.argv = {['qtui-worker', '--url', server.url, '--burst', '--log-format', 'json', 'mail']!r}; qtui_workers.cli.main()"
    )

    def loaded() -> set[str]:
        done = subprocess.run([sys.executable, "-c", program], env=environment(home), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("LOADED")]
        return set(line.split())

    bundled = "qtui_workers.processors.email"
    assert not {"typer", bundled} & loaded()
    QueueService(client).enqueue("test_job", queue="mail")
    found = loaded()
    assert bundled in found, "a process that runs jobs need not import them"
    assert "typer" not in found


def test_words_that_are_not_plain_are_read_by_typer(server: Server, client: redis.Redis, home: Path) -> None:
    job_id = QueueService(client).enqueue("test_job", queue="mail").id
    done = run(home, "--burst", "--url", server.url, "-P.", "mail")  # -P. is one word
    assert (done.returncode, QueueService(client).status(job_id).status) == (0, "finished"), done.stderr
    assert read(work, ["-P", ".", "-P", "/srv", "--log-format=json", "--concurrency", "2", "a", "b"]) == {
        "path": [".", "/srv"], "log_format": LogFormat.JSON, "concurrency": 2, "queues": ["a", "b"],
    }  # fmt: skip
    for words in (["--concurrency", "0"], ["--log-format", "xml"], ["--help"], ["--no-such"]):
        with pytest.raises(NotPlain):
            read(work, words)
