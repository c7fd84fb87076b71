"""Standard streams that are closed or full: an id is never lost, and the reason is one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from qtui_workers.server import keys
from tests.broker import seed
from tests.cli.support import COMMAND, Qtui
from tests.support import clean_environment


def shell(qtui: Qtui, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command line of the shell, in which `qtui` is ours, and `worker` is qtui-worker."""
    worker = f"{sys.executable} -m qtui_workers.cli"
    script = f'qtui() {{ {" ".join(COMMAND)} "$@"; }}; worker() {{ {worker} "$@"; }}; {command}'
    return subprocess.run(
        ["sh", "-c", script], env=qtui.environment(**variables), cwd=qtui.home, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("end", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_an_id_is_printed_although_standard_error_is_closed_or_full(qtui: Qtui, client: redis.Redis, end: str) -> None:
    done = shell(qtui, f"qtui enqueue test_job --id j1 {end}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "j1\n", "")
    assert client.llen(keys.queue("main-queue")) == 1


@pytest.mark.parametrize(("end", "reason"), [(">&-", "it is closed"), (">/dev/full", "No space left on device")])
def test_an_id_that_cannot_be_printed_is_in_the_sentence_that_says_why(
    qtui: Qtui, client: redis.Redis, end: str, reason: str
) -> None:
    for words in ("test_job", "test_job --json"):
        client.flushall()
        done = shell(qtui, f"qtui enqueue {words} --id j1 {end}")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"qtui: Enqueued 1 job in main-queue: j1, but cannot write to standard output: {reason}\n"
        assert client.llen(keys.queue("main-queue")) == 1


@pytest.mark.parametrize("command", ["queues", "jobs --json", "retry --all --yes --status failed"])
def test_other_commands_say_that_they_could_not_answer(qtui: Qtui, client: redis.Redis, command: str) -> None:
    seed.failed(client)
    for end in (">&-", ">/dev/full"):
        done = shell(qtui, f"qtui {command} {end}")
        assert done.returncode == 1
        assert "cannot write to standard output" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("command", "done"),
    [
        ("pause mail bulk --yes", "mail: paused; bulk: paused, but"),
        ("suspend --yes", "all workers are suspended"),
        ("hold print --yes", "print is held from now on"),
        ("remove j1 --yes", "1 removed, but"),
        ("cancel j1 --yes", "1 canceled, but"),
    ],
)
def test_what_was_done_is_said_where_the_report_is_lost(qtui: Qtui, client: redis.Redis, command: str, done: str) -> None:
    for end in (">&-", ">/dev/full", "--json >/dev/full"):
        client.flushall()
        for queue, job_id in (("mail", "j1"), ("bulk", "j2")):
            Queue(queue, connection=client).enqueue(print, job_id=job_id)
        said = shell(qtui, f"qtui {command} {end}")
        assert said.returncode == 1
        assert done in said.stderr
        assert ("qtui undo " in said.stderr) == command.startswith("remove")


def test_a_cause_that_is_known_from_now_on_is_said_where_the_report_is_lost(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client)
    (cause,) = qtui("failures", "--json").json["groups"]
    done = shell(qtui, f"qtui failures ack {cause['fingerprint']} --yes --json >/dev/full")
    assert f"{cause['fingerprint']} is known from now on, but cannot write to standard output" in done.stderr


EVERY_END = ["<&-", ">&-", "2>&-", ">/dev/full", "2>/dev/full", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"]


@pytest.mark.parametrize("end", EVERY_END)
def test_check_ends_with_what_it_found_whatever_takes_its_line(qtui: Qtui, client: redis.Redis, end: str) -> None:
    Queue("mail", connection=client).enqueue(print)
    assert shell(qtui, f"qtui check {end}").returncode == 2
    client.flushall()
    assert shell(qtui, f"qtui check {end}").returncode == 0


def test_check_ends_with_what_it_found_where_the_reader_has_left(qtui: Qtui, client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(print)
    done = shell(qtui, "{ qtui check; echo $? >&2; } | true")
    assert done.stderr == "2\n"


@pytest.mark.parametrize(
    "command", ["nosuch", "jobs a b c", "retry", "failures ack 1234", "count --by queue", "jobs --filter func:x"]
)
def test_the_exit_code_is_the_same_where_standard_error_takes_nothing(qtui: Qtui, client: redis.Redis, command: str) -> None:
    seed.failed(client)
    usual = shell(qtui, f"qtui {command}")
    for end in ("2>&-", "2>/dev/full"):
        done = shell(qtui, f"qtui {command} {end}")
        assert (done.returncode, done.stdout, done.stderr) == (usual.returncode, usual.stdout, "")


def test_a_closed_standard_input_is_an_empty_one(qtui: Qtui, client: redis.Redis) -> None:
    for end in ("<&-", "</dev/null"):
        done = shell(qtui, f"qtui enqueue test_job - {end}")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "Enqueued 0 jobs in main-queue.\n")


PRINTS = """
import sys

def speak():
    print("to standard output", flush=True)
    print("to standard error", file=sys.stderr, flush=True)
"""


@pytest.mark.parametrize("end", EVERY_END)
@pytest.mark.parametrize("how", ["", "--concurrency 2 --log-format json"])
def test_a_worker_works_and_jobs_may_print_whatever_the_standard_streams_take(
    qtui: Qtui, client: redis.Redis, how: str, end: str
) -> None:
    (qtui.home / "prints.py").write_text(PRINTS)
    Queue("mail", connection=client, serializer=JSONSerializer).enqueue("prints.speak", job_id="j1")
    done = shell(qtui, f"worker mail --burst --allow prints {how} {end}")
    assert done.returncode == 0, done.stderr
    assert client.hget(keys.job("j1"), "status") == b"finished"
    assert [line["text"] for line in qtui("job", "j1", "--json").json["logs"]] == ["to standard output", "to standard error"]


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_a_worker_that_cannot_print_its_answer_says_so(qtui: Qtui, words: str) -> None:
    for end, reason in ((">&-", "it is closed"), (">/dev/full", "No space left on device")):
        done = shell(qtui, f"worker {words} {end}")
        assert (done.returncode, done.stderr) == (1, f"qtui-worker: cannot write to standard output: {reason}\n")
    left = shell(qtui, f"{{ worker {words}; echo $? >&2; }} | true")
    assert left.stderr == "0\n"
    assert shell(qtui, f"worker {words}", PYTHONIOENCODING="ascii:strict").returncode == 0


HOMELESS = """
import pwd

def nobody(uid):
    raise KeyError(uid)

pwd.getpwuid = nobody
"""


def test_a_user_without_a_home_and_an_entry_in_passwd_can_work(qtui: Qtui, client: redis.Redis, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HOMELESS)
    seed.failed(client, "mail")
    variables = qtui.environment() | {"PYTHONPATH": f"{tmp_path / 'site'}:{qtui.environment()['PYTHONPATH']}"}
    del variables["HOME"]
    for words in (["queues"], ["enqueue", "test_job"], ["jobs"], ["nosuch"]):
        done = subprocess.run([*COMMAND, *words], env=variables, cwd=qtui.home, capture_output=True, text=True, timeout=60)
        assert done.returncode == (2 if words == ["nosuch"] else 0), done.stderr
        assert "Traceback" not in done.stderr
    del variables["REDIS_URL"]
    done = subprocess.run([*COMMAND, "queues"], env=variables, cwd=qtui.home, capture_output=True, text=True, timeout=60)
    assert "no home folder" in done.stderr
    assert done.stderr.count("\n") == 1


def test_queues_name_their_connection_beside_the_table(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, "mail")
    answer = qtui("queues")
    assert answer.err == f"connection: {qtui.variables['REDIS_URL'].removeprefix('unix://')}\n"
    assert answer.out.startswith("QUEUE")
    assert qtui("queues", "--json").err == ""


def test_an_unknown_name_is_answered_with_the_nearest_or_with_how_many_there_are(qtui: Qtui, client: redis.Redis) -> None:
    for number in range(31):
        client.sadd("rq:queues", f"rq:queue:queue-{number:02}")
    assert qtui.fails(4, "jobs", "queue-03x").endswith("did you mean 'queue-03'?")
    assert qtui.fails(4, "jobs", "elsewhere").endswith(" and 11 more")


@pytest.mark.parametrize("words", [["-h"], ["queues", "-h"], ["retry", "-h"]])
def test_h_is_help(qtui: Qtui, words: list[str]) -> None:
    assert "Usage: qtui" in qtui(*words).out


INTERRUPTED = """
from qtui import cli

cli._main = lambda: exec("raise KeyboardInterrupt")
cli.main()
"""


def test_ctrl_c_is_exit_130_also_in_code_that_was_made_from_text(home: Path) -> None:
    (home / "interrupted.py").write_text(INTERRUPTED)
    environment = clean_environment(home, PYTHONPATH=str(home))
    run = subprocess.run([sys.executable, "-m", "interrupted"], env=environment, cwd=home, capture_output=True, check=False)
    assert run.returncode == 130, run.stderr
