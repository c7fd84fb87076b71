"""`qtui` among other programs: pipes that close, Ctrl-C, a terminal, a locale without Unicode."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import redis

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.cli.support import COMMAND, Qtui, interrupt, processes_of
from tests.cli.terminals import on_terminal
from tests.support import Server, wait_until


def test_a_reader_that_has_enough_ends_it_quietly(qtui: Qtui, client: redis.Redis) -> None:
    QueueService(client).enqueue_many("test_job", [{"message": "x" * 200}] * 2000)
    with qtui.running("jobs", "--limit", "2000") as process:
        assert process.stdout
        assert process.stdout.readline().startswith("JOB")
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_ctrl_c_is_exit_130_and_only_the_id_is_said(qtui: Qtui) -> None:
    with qtui.running("enqueue", "test_job", "--wait", "--id", "j1") as process:
        assert process.stderr
        assert process.stderr.readline().startswith("Enqueued 1 job")
        assert "nobody listens" in process.stderr.readline()
        assert interrupt(process) == 130
        assert process.communicate() == ("j1\n", "")


def test_a_password_is_in_no_command_line(bare: Qtui, own_server: Server) -> None:
    with own_server.client() as client:
        client.config_set("requirepass", "secret-of-this-test")
        client.auth("secret-of-this-test")
        bare_with_url = Qtui(bare.home, {"REDIS_URL": f"unix://:secret-of-this-test@{own_server.socket}"})
        with bare_with_url.running("enqueue", "test_job", "--wait"):
            wait_until(lambda: client.llen(keys.queue("main-queue")), description="the job is in the queue")
            assert processes_of("qtui enqueue test_job --wait")
            assert not processes_of("secret-of-this-test")


def test_on_a_terminal_qtui_is_the_dashboard(qtui: Qtui, client: redis.Redis) -> None:
    QueueService(client).enqueue("test_job", queue="payments")
    with on_terminal(qtui) as (process, terminal):
        terminal.wait_for("payments")
        terminal.type("q")
        terminal.wait_for("\x1b[?1049l")  # the screen as it was before
        assert process.wait(20) == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
def test_a_signal_ends_the_dashboard_and_gives_the_terminal_back(qtui: Qtui, client: redis.Redis, name: str) -> None:
    QueueService(client).enqueue("test_job", queue="payments")
    with on_terminal(qtui) as (process, terminal):
        terminal.wait_for("\x1b[?1000h")  # what is pressed with the mouse is reported
        process.send_signal(signal.Signals[name])
        terminal.wait_for("\x1b[?1049l")  # the screen as it was before
        assert process.wait(20) == 128 + signal.Signals[name]
    assert "\x1b[?1000l" in terminal.seen  # and no reports of the mouse


def test_a_terminal_without_unicode_gets_question_marks(qtui: Qtui, client: redis.Redis) -> None:
    QueueService(client).enqueue("test_job", {"message": "Größe"})
    out = subprocess.run(
        [*COMMAND, "jobs"], env=qtui.environment(PYTHONIOENCODING="ascii"), cwd=qtui.home, capture_output=True, timeout=60
    )
    assert (out.returncode, out.stderr) == (0, b"")
    assert b"message='Gr??e'" in out.stdout


def test_the_program_is_installed_under_its_name(bare: Qtui) -> None:
    program = Path(sys.executable).parent / "qtui"
    done = subprocess.run([str(program), "--version"], env=bare.environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout == f"qtui {version('qtui-rq')}\n"


def test_a_server_that_freezes_is_said_on_every_screen_and_keeps_nobody_from_leaving(bare: Qtui, own_server: Server) -> None:
    with own_server.client() as client:
        QueueService(client).enqueue("test_job", queue="payments")
    assert own_server.process
    with on_terminal(Qtui(bare.home, {"REDIS_URL": own_server.url})) as (process, terminal):
        terminal.wait_to_show("payments")
        terminal.type("4")
        terminal.wait_to_show("Nothing runs right now")
        own_server.process.send_signal(signal.SIGSTOP)
        try:
            terminal.wait_to_show(" away ")
            for key in "5671":
                terminal.type(key)
                terminal.wait_to_rest()
                assert " away " in terminal.screen.display[0], key
                assert "did not answer in time" in terminal.text, key
            own_server.process.send_signal(signal.SIGCONT)
            terminal.type("r")
            wait_until(
                lambda: terminal.read() and " away " not in terminal.screen.display[0], description="the connection is back"
            )
            assert "did not answer in time" not in terminal.text
            own_server.process.send_signal(signal.SIGSTOP)
            terminal.type("q")
            assert process.wait(10) == 0
        finally:
            own_server.process.send_signal(signal.SIGCONT)
