"""`v` and `|` on a real terminal: the operator's own programs get it, and give it back."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

import pytest
import redis
from rq import Queue

from tests.broker import seed, tasks
from tests.cli.support import Qtui
from tests.cli.terminals import LEFT, Terminal, on_terminal

PAGER = """
import os, signal, sys
text = sys.stdin.read()
keys = os.open("/dev/tty", os.O_RDWR)
def interrupted(*_):
    os.write(keys, b"interrupted\\n")
if sys.argv[1:] != ["plain"]:
    signal.signal(signal.SIGINT, interrupted)
os.write(keys, f"PAGER {len(text)} {'␛[2J' in text} {chr(27) in text} {'SURE' in text}\\n".encode())
while os.read(keys, 100).strip() != b"x":
    pass
"""


@pytest.fixture
def job_id(client: redis.Redis) -> str:
    """A failed job with what could control a terminal in its error."""
    job = Queue("mail", connection=client).enqueue(tasks.fail, "\x1b[2J\x07 SURE " + "x" * 300, job_id="odd-job-1")
    seed.work(client, "mail")
    return job.id


@pytest.fixture
def pager(home: Path) -> str:
    (script := home / "pager.py").write_text(PAGER)
    return shlex.join([sys.executable, str(script)])


def open_job(terminal: Terminal, job_id: str) -> None:
    """Find it by the palette; its traceback is open."""
    terminal.wait_to_show("mail")
    terminal.wait_to_rest()
    terminal.type(":")
    terminal.wait_to_show("Search for commands")
    terminal.type(job_id)
    terminal.wait_to_show("Open it by its id")
    terminal.type("\r")
    terminal.wait_to_show("] Next pane")
    terminal.wait_to_show("SURE")
    terminal.wait_to_rest()


def test_the_pager_gets_the_whole_pane_and_the_dashboard_comes_back(qtui: Qtui, job_id: str, pager: str) -> None:
    with on_terminal(qtui, PAGER=pager) as (process, terminal):
        open_job(terminal, job_id)
        terminal.forget()
        terminal.type("vvv")
        terminal.wait_for("PAGER ")
        assert LEFT in terminal.seen
        assert " True False True\r\n" in terminal.read()
        terminal.type("\x03")
        terminal.wait_for("interrupted")
        terminal.wait_to_rest()
        terminal.forget()
        terminal.type("\nx\n")
        terminal.wait_to_show("] Next pane")
        assert "SURE" in terminal.text
        terminal.wait_to_rest()
        assert "PAGER" not in terminal.seen, "keys that were pressed before it began open it only once"
        terminal.type("]")
        terminal.wait_to_show("how ")
        terminal.type("q")
        terminal.wait_to_rest()
        terminal.type("q")
        assert process.wait(20) == 0


EARLY = """
import os, signal, subprocess

class Early(subprocess.Popen):
    def __init__(self, words, *given, **more):
        super().__init__(words, *given, **more)
        if "plain" in words:
            os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Early
from qtui.cli import main
main()
"""
"""The command, which gets a signal just as it has started the pager."""


def test_a_signal_while_the_pager_is_started_ends_both(qtui: Qtui, job_id: str, pager: str) -> None:
    with on_terminal(qtui, command=[sys.executable, "-c", EARLY], PAGER=f"{pager} plain") as (process, terminal):
        open_job(terminal, job_id)
        terminal.type("v")
        assert terminal.ended(process) == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_pager_and_then_the_dashboard(qtui: Qtui, job_id: str, pager: str, number: signal.Signals) -> None:
    with on_terminal(qtui, PAGER=f"{pager} plain") as (process, terminal):
        before = terminal.attributes()
        open_job(terminal, job_id)
        terminal.type("v")
        terminal.wait_for("PAGER ")
        process.send_signal(number)
        assert terminal.ended(process) == 128 + number
        assert terminal.attributes() == before


def test_what_ends_by_itself_waits_to_be_read(qtui: Qtui, job_id: str) -> None:
    with on_terminal(qtui, PAGER="cat") as (process, terminal):
        open_job(terminal, job_id)
        terminal.forget()
        terminal.type("v")
        terminal.wait_for("Enter goes back")
        assert "␛[2J" in terminal.seen
        terminal.forget()
        terminal.type("\n")
        terminal.wait_to_show("] Next pane")
        assert process.poll() is None


@pytest.mark.parametrize(
    ("pager", "said"),
    [
        ("no-such-pager -x", "The pager no-such-pager could not be started"),
        ("less '", "$PAGER cannot be read: no closing quotation."),
        ("false", "The pager false ended with 1."),
    ],
)
def test_a_pager_that_does_not_work_is_said(qtui: Qtui, job_id: str, pager: str, said: str) -> None:
    with on_terminal(qtui, PAGER=pager) as (process, terminal):
        open_job(terminal, job_id)
        terminal.type("v")
        terminal.wait_to_show(said)
        terminal.wait_to_show("] Next pane")
        assert process.poll() is None


def test_a_pipe_shows_what_the_program_makes_of_the_payload(qtui: Qtui, job_id: str) -> None:
    code = "import json, sys; text = json.load(sys.stdin)['args'][0]; print(len(text), text[:4] == chr(27) + '[2J'); print(text)"
    with on_terminal(qtui) as (process, terminal):
        open_job(terminal, job_id)
        terminal.type("|")
        terminal.wait_to_show("Pipe the payload (JSON) into a program")
        terminal.type(f"{shlex.join([sys.executable, '-c', code])}\r")
        terminal.wait_to_show("ended with 0 after")
        assert "311 True" in terminal.text
        assert "␛[2J␇ SURE" in terminal.text
        terminal.type("q")
        terminal.wait_to_show("] Next pane")
        assert process.poll() is None
