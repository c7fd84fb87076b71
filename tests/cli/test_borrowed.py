"""The terminal is borrowed: whatever it sends and however it ends, it is left clean, and qtui does not live on without it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from qtui_workers.enqueue.queue_service import QueueService
from tests.cli.support import COMMAND, Qtui
from tests.cli.terminals import LEFT, Terminal, on_terminal
from tests.support import wait_until


@pytest.fixture
def jobs(client: redis.Redis) -> redis.Redis:
    """Two queues to be seen."""
    service = QueueService(client)
    for queue in ("payments", "reports"):
        service.enqueue("test_job", queue=queue)
    return client


@contextmanager
def dashboard(qtui: Qtui, **options: Any) -> Iterator[tuple[subprocess.Popen[str], Terminal]]:
    """The dashboard on a terminal, with the queues in sight."""
    with on_terminal(qtui, **options) as (process, terminal):
        terminal.wait_for("payments")
        yield process, terminal


def test_a_terminal_that_is_gone_ends_it_although_it_ignores_the_signal(qtui: Qtui, jobs: redis.Redis) -> None:
    with dashboard(qtui, ignored=[signal.SIGHUP]) as (process, terminal):
        terminal.close()
        assert process.wait(20) == 128 + signal.SIGHUP


def test_bytes_that_are_no_utf_8_are_replaced(qtui: Qtui, jobs: redis.Redis) -> None:
    with dashboard(qtui) as (process, terminal):
        terminal.type(b"\x1b[M \xf0\x21")  # an old report of the mouse, in column 208
        terminal.type(b"\x10")
        terminal.wait_to_show("Search for commands")
        terminal.type("\x1b[200~Größe\x1b[201~".encode("latin-1"))
        terminal.wait_to_show("Gr\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}e")
        terminal.type(b"\xf6")
        terminal.wait_to_show("Gr\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}e\N{REPLACEMENT CHARACTER}")
        process.terminate()
        terminal.wait_for(LEFT)
        assert process.wait(20) == 128 + signal.SIGTERM


def test_a_text_pasted_without_marks_is_no_keys_for_a_list_and_a_text_for_a_field(qtui: Qtui, jobs: redis.Redis) -> None:
    text = " / Deploy shop/charge.py:41 q" * 30
    with dashboard(qtui) as (process, terminal):
        terminal.wait_for("\x1b[?1000h")  # it reads what is typed
        terminal.type(text)
        terminal.wait_to_rest()
        terminal.type("\x10")
        terminal.wait_to_show("Search for commands")
        terminal.type(text)
        terminal.wait_to_show("charge.py:41 q / Deploy")
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM


def test_ctrl_z_gives_the_terminal_back_and_fg_paints_all_of_it(qtui: Qtui, jobs: redis.Redis) -> None:
    with on_terminal(qtui, command=["bash", "--norc", "--noprofile", "-i"], PS1="$ ") as (process, terminal):
        terminal.wait_for("$ ")
        usual = terminal.attributes()
        terminal.type(" ".join(COMMAND) + "\r")
        terminal.wait_for("\x1b[?7l")  # Textual has set the terminal
        raw = terminal.attributes()
        assert raw != usual
        terminal.wait_to_show("reports")
        for again in (1, 2):
            terminal.type("\x1a")
            wait_until(lambda: "Stopped" in terminal.read().partition(LEFT)[2], description="it leaves, then stops")
            terminal.type("bg\r")  # in the background it must not touch the terminal
            terminal.wait_for("&")
            # until the shell knows that it stopped again: of a job that it takes for running, fg continues nothing
            terminal.type(f'while [ -n "$(jobs -r)" ]; do :; done; echo back$((40+{again}))\r')
            terminal.wait_for(f"back{40 + again}")
            terminal.forget()
            terminal.type("fg\r")
            for text in ("payments", "reports", "1 Queues", "Help"):
                terminal.wait_to_show(text)
            assert terminal.attributes() == raw
        terminal.type("q")
        wait_until(lambda: "$ " in terminal.read().rpartition(LEFT)[2], description="the shell asks for the next command")
        terminal.type("exit $?\r")
        assert process.wait(20) == 0


def test_stop_and_continue_from_outside_do_not_open_the_screen_twice(qtui: Qtui, jobs: redis.Redis) -> None:
    with dashboard(qtui) as (process, terminal):
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        terminal.type("5")
        terminal.wait_to_show("No worker is registered")
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert process.wait(20) == 0
        assert terminal.seen.count("\x1b[?1049h") == 1


BROKEN = """
from qtui.screens.queues import QueuesScreen

def broken(self, data, overview):
    raise KeyError("told to crash")

QueuesScreen.show = broken
"""


def test_a_crash_is_one_sentence_and_a_file(qtui: Qtui, jobs: redis.Redis) -> None:
    (qtui.home / "broken_module.py").write_text(BROKEN)
    with dashboard(qtui, QTUI_PROCESSORS="broken_module") as (process, terminal):
        terminal.type("81")  # wherever the modules of processors are imported, at the latest by the form of screen 8
        terminal.wait_for(LEFT)
        assert process.wait(20) == 70
        terminal.wait_for(".txt")
        (file,) = qtui.home.rglob("crash-*.txt")
        said = terminal.seen.rpartition(LEFT)[2]
        assert str(file) in said
        assert "KeyError: 'told to crash'" in said
        assert "Traceback" not in said
        assert "in broken" in file.read_text()
        assert "Python 3." in file.read_text()
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("how", ["stderr", "dumb"])
def test_where_it_cannot_be_shown_the_queues_are_printed(qtui: Qtui, jobs: redis.Redis, how: str) -> None:
    command = ["sh", "-c", 'exec "$@" 2>errors', "sh", *COMMAND] if how == "stderr" else COMMAND
    with on_terminal(qtui, command=command, TERM="dumb" if how == "dumb" else "xterm") as (process, terminal):
        terminal.wait_for("payments")
        assert process.wait(20) == 0
        assert "\x1b" not in terminal.read()
        assert "QUEUE " in terminal.seen
