"""What is on a terminal from Enter to the dashboard: a whole frame at once, which Textual takes over in place."""

from __future__ import annotations

import re
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from rq import Queue

from qtui.broker.queues import overview
from tests.broker import seed, tasks
from tests.cli.support import Qtui
from tests.cli.terminals import COLUMNS, LEFT, ROWS, Terminal, on_terminal
from tests.support import wait_until

MOUSE = "\x1b[?1000h"
"""What Textual begins with, after it has entered the other screen."""
TRUE = {"COLORTERM": "truecolor", "COLUMNS": "", "LINES": ""}
HOLDS = """
import signal, sys

class Holds:
    def find_spec(self, name, path=None, target=None):
        if name == "textual":
            print(*sorted(sys.modules), file=open("loaded", "w"))
            open("held", "w").close()
            {held}

sys.meta_path.insert(0, Holds())
from qtui.cli import main
main()
"""
"""The command, which comes no further than to Textual."""
NOTES = """
import sys, threading

class Notes:
    def find_spec(self, name, path=None, target=None):
        if name == "redis":
            print(threading.current_thread().name, file=open("importer", "a"), flush=True)

sys.meta_path.insert(0, Notes())
from qtui.cli import main
main()
"""
"""The command, which writes down which thread imports the client."""


@pytest.fixture(autouse=True)
def jobs(client: redis.Redis) -> None:
    """Jobs that wait and jobs that failed, on a server that has been looked at before."""
    seed.failed(client, "broken", 2)
    Queue("payments", connection=client).enqueue(tasks.add, 1)
    overview.load(client)


@contextmanager
def framed(qtui: Qtui, **options: Any) -> Iterator[tuple[Any, Terminal]]:
    """The command on a terminal that shows the plain frame; again where the machine was so busy that there was none."""
    for _ in range(10):
        with on_terminal(qtui, **TRUE | options) as (process, terminal):
            terminal.wait_for("payments")
            if terminal.seen.find(MOUSE, 0, terminal.seen.index("payments")) < 0:
                yield process, terminal
                return
    pytest.fail("there was never a plain frame")


def seen(cell: Any) -> tuple[str, ...]:
    return (cell.data, cell.bg) if cell.data == " " else (cell.data, cell.bg, cell.fg, str(cell.bold))


def cells(terminal: Terminal) -> list[list[tuple[str, ...]]]:
    """What every cell shows, but for the clock at the right of the first line; a blank shows only its ground."""
    rows = [terminal.screen.buffer[number] for number in range(ROWS)]
    found: list[list[tuple[str, ...]]] = [[seen(row[place]) for place in range(COLUMNS)] for row in rows]
    found[0][-14:] = []
    return found


@pytest.mark.parametrize("colours", [TRUE, {"COLORTERM": ""}, {"COLUMNS": str(COLUMNS), "LINES": str(ROWS)}])
def test_textual_takes_over_a_frame_that_is_whole(qtui: Qtui, colours: dict[str, str]) -> None:
    with framed(qtui, **colours) as (process, terminal):
        wait_until(lambda: terminal.read().count("\x1b[30;1H") > 1, description="Textual has painted")
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert process.wait(20) == 0
    written = terminal.seen
    assert written.count("\x1b[?1049h") == 1
    plain, textual, rest = written.partition(MOUSE)
    end = rest.index("\x1b[1;1H", rest.index("\x1b[30;1H"))
    first = textual + rest[:end]
    assert "payments" in first
    replayed = Terminal(-1, -1)
    replayed.seen = plain
    before = cells(replayed)
    assert "payments" in replayed.text
    steps = re.split(r"(?=\x1b)", first)
    assert len(steps) > 100
    for step in steps:
        replayed.seen += step
        if step.startswith("\x1b[") and step[-1:] != "m":
            assert cells(replayed) == before, step


def test_keys_pressed_meanwhile_act_and_are_not_shown(qtui: Qtui) -> None:
    with framed(qtui) as (process, terminal):
        terminal.type("5~")
        terminal.wait_to_show("No worker is registered")
        assert "5~" not in terminal.seen
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert process.wait(20) == 0


@pytest.mark.parametrize("odd", [{"NO_COLOR": "1"}, {"TERM": "linux", "COLORTERM": ""}, {"COLUMNS": "90"}])
def test_an_odd_terminal_is_left_to_textual(qtui: Qtui, odd: dict[str, str]) -> None:
    with on_terminal(qtui, **TRUE | odd) as (process, terminal):
        terminal.wait_for("payments")
        assert terminal.seen.index(MOUSE) < terminal.seen.index("payments")
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert process.wait(20) == 0


def held(then: str) -> list[str]:
    """A command that shows its first frame, and does that when it comes to Textual."""
    return [sys.executable, "-c", HOLDS.format(held=then)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_meanwhile_gives_the_terminal_back(qtui: Qtui, number: int, code: int) -> None:
    with framed(qtui, command=held("signal.pause()")) as (process, terminal):
        wait_until(lambda: terminal.read() and (qtui.home / "held").exists(), description="it loads Textual")
        assert not terminal.attributes()[3] & termios.ECHO
        if number == signal.SIGINT:
            terminal.type("\x03")
        else:
            process.send_signal(number)
        terminal.wait_for(LEFT)
        assert process.wait(20) == code
        assert terminal.attributes()[3] & termios.ECHO
        loaded = set((qtui.home / "loaded").read_text().split())
        assert loaded & {"rich", "redis", "rq", "typer", "pydantic"} == set()


def test_textuals_first_frame_does_not_wait_for_the_client(qtui: Qtui) -> None:
    importer = qtui.home / "importer"
    with framed(qtui, command=[sys.executable, "-c", NOTES]) as (_, terminal):
        wait_until(lambda: terminal.read() and importer.exists() and importer.read_text(), description="the client is imported")
        assert "MainThread" not in importer.read_text()


def test_a_window_that_is_closed_meanwhile_ends_it(qtui: Qtui) -> None:
    with framed(qtui, command=held("signal.pause()")) as (process, terminal):
        wait_until(lambda: terminal.read() and (qtui.home / "held").exists(), description="it loads Textual")
        terminal.close()
        assert process.wait(20) == 129


def test_an_error_meanwhile_is_said_where_it_is_seen(qtui: Qtui) -> None:
    with framed(qtui, command=held("raise ImportError('told to fail')")) as (process, terminal):
        terminal.wait_for("told to fail")
        assert process.wait(20) == 70
        assert terminal.seen.index("payments") < terminal.seen.index(LEFT) < terminal.seen.index("told to fail")
        assert terminal.attributes()[3] & termios.ECHO


def leave_on_workers(qtui: Qtui) -> None:
    with on_terminal(qtui, **TRUE) as (process, terminal):
        terminal.wait_for("payments")
        terminal.type("5")
        terminal.wait_to_show("No worker is registered")
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert process.wait(20) == 0


def test_the_screen_that_was_left_is_the_first_and_no_other_is_seen_before(qtui: Qtui) -> None:
    leave_on_workers(qtui)
    with on_terminal(qtui, **TRUE) as (process, terminal):
        terminal.wait_to_show("No worker is registered")
        assert "payments" not in terminal.seen
        terminal.type("1")
        terminal.wait_to_show("payments")
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert process.wait(20) == 0


def test_the_config_file_names_the_first_screen(qtui: Qtui) -> None:
    config = qtui.home / "config.toml"
    config.write_text('start = "queues"\n')
    leave_on_workers(qtui)
    with framed(qtui, QTUI_CONFIG=str(config)) as (_, terminal):
        terminal.wait_to_show("payments")
    config.write_text('start = "quues"\n')
    assert "start: there is no such screen; did you mean 'queues'" in qtui.fails(2, "queues", QTUI_CONFIG=str(config))


def test_a_spoiled_memory_does_not_stop_the_start(qtui: Qtui) -> None:
    leave_on_workers(qtui)
    (file,) = qtui.home.rglob("dashboard.json")
    file.write_text(file.read_text()[:-9])
    with framed(qtui) as (_, terminal):
        terminal.wait_to_show("payments")
