"""Terminals that can do less: another locale, the Linux console, tmux."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
import redis

from tests.broker import seed
from tests.cli.support import COMMAND, Qtui
from tests.cli.terminals import LEFT, on_terminal


@pytest.fixture
def jobs(client: redis.Redis) -> redis.Redis:
    """A queue with a failed and a finished job."""
    seed.failed(client, "payments", hours_ago=1)
    seed.finished(client, "reports")
    return client


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"LC_ALL": "de_DE.ISO-8859-1"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_locale_that_is_not_utf_8_gets_glyphs_of_ascii(qtui: Qtui, jobs: redis.Redis, variables: dict[str, str]) -> None:
    with on_terminal(qtui, command=COMMAND, **variables) as (process, terminal):
        terminal.wait_to_show("* ")
        terminal.wait_to_show("payments")
        terminal.type("\r")
        terminal.wait_to_show("x failed")
        terminal.wait_to_show("ValueError")  # the list is loaded
        terminal.type("R")
        terminal.wait_to_show("+-")
        terminal.wait_to_show("Retry 1")
        assert "?" not in terminal.text.replace("? Help", "").replace("on /tmp/", "").split("Retry 1")[0]
        process.terminate()
        terminal.wait_for(LEFT)
        assert terminal.seen.isascii()
        assert "\\u" not in terminal.seen


def test_a_table_of_a_command_is_readable_there_too(qtui: Qtui, jobs: redis.Redis) -> None:
    with on_terminal(qtui, "jobs", "--status", "finished", command=COMMAND, LC_ALL="C") as (process, terminal):
        terminal.wait_for("1-1 of 1 finished")
        assert process.wait(20) == 0


def cell(screen: pyte.Screen, text: str) -> tuple[object, ...]:
    """How the first cell of a text on the screen looks."""
    for y, line in enumerate(screen.display):
        if (x := line.find(text)) >= 0:
            char = screen.buffer[y][x]
            return char.fg, char.bg, char.bold, char.reverse
    raise AssertionError(f"{text!r} is not shown in\n" + "\n".join(screen.display))


def test_on_the_linux_console_failures_the_cursor_and_the_focused_button_are_distinct(qtui: Qtui, jobs: redis.Redis) -> None:
    with on_terminal(qtui, TERM="linux", COLORTERM="") as (process, terminal):
        terminal.wait_to_show("payments")
        terminal.wait_to_show("reports")
        screen = terminal.screen
        assert cell(screen, "payments") != cell(screen, "reports")
        assert cell(screen, "payments")[1] != cell(screen, "reports")[1], "the line of the cursor has its own background"
        terminal.type("\r")
        terminal.wait_to_show("x failed")
        terminal.wait_to_show("ValueError")  # the list is loaded
        terminal.type("R")
        terminal.wait_to_show("No")
        terminal.wait_to_show("Yes, retry")
        screen = terminal.screen
        assert cell(screen, "No ")[1:] != cell(screen, "Yes, retry")[1:]
        assert {"x", "-"} <= set(terminal.text)
        assert "✗" not in terminal.seen
        process.terminate()
        terminal.wait_for(LEFT)


@pytest.fixture
def tmux(qtui: Qtui, short_path: Path) -> Iterator[list[str]]:
    """The command line of a tmux server of the test's own."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    command = ["tmux", "-S", str(short_path / "tmux"), "-f", "/dev/null"]
    yield command
    subprocess.run([*command, "kill-server"], capture_output=True, check=False)


def test_in_tmux_a_copied_id_is_in_the_buffer_of_tmux(qtui: Qtui, jobs: redis.Redis, tmux: list[str]) -> None:
    (job_id,) = (raw.decode() for raw in jobs.zrange("rq:failed:payments", 0, -1))
    command = ["env", "-u", "TMUX", *tmux, "new-session", shlex.join(COMMAND)]
    with on_terminal(qtui, command=command, LC_ALL="C.UTF-8") as (_, terminal):
        terminal.wait_to_show("payments")
        terminal.type("\r")
        terminal.wait_to_show("failed 1")
        terminal.type("\r")
        terminal.wait_to_show("Traceback")
        terminal.type("y")
        terminal.wait_to_show("Copied")
        shown = subprocess.run([*tmux, "show-buffer"], env=qtui.environment(), capture_output=True, text=True, timeout=20)
        assert shown.stdout == job_id
        terminal.wait_for("\x1b]52;")  # tmux hands it on to its own terminal
