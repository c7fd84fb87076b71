"""Ten jobs log 10,000 lines a second, and a person moves the cursor meanwhile."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import redis

from benchmarks.tail import CURSOR, begin, talk
from tests.cli.support import Qtui
from tests.cli.terminals import Terminal, on_terminal
from tests.support import Server, wait_until

LINES, SECONDS = 10_000, 1.0
KEYS = 8
DEAREST = 60e-6
"""Seconds of the processor for a line, with all that is shown meanwhile: four times what a machine at rest needs."""


def processor(pid: int) -> float:
    """Seconds that all threads of a process have had so far; waiting for the processor does not count."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def row_of_cursor(terminal: Terminal) -> int | None:
    rows = [place for place, line in enumerate(terminal.text.splitlines()) if line.startswith(CURSOR.decode())]
    return rows[0] if rows else None


def test_no_key_is_lost_no_line_is_missing_and_it_takes_little_of_the_processor(
    qtui: Qtui, server: Server, client: redis.Redis
) -> None:
    ids = begin(client)
    with on_terminal(qtui) as (process, terminal):
        terminal.wait_to_show("Queues")
        terminal.type("4")
        terminal.wait_to_show("10 running · longest")
        wait_until(lambda: terminal.read() and row_of_cursor(terminal) is not None, description="the cursor is seen")
        before, used = row_of_cursor(terminal), processor(process.pid)
        assert before is not None
        talking = threading.Thread(target=talk, args=(client, ids, LINES, SECONDS))
        talking.start()
        slowest = 0.0
        for number in range(KEYS):
            terminal.type("j" if number % 2 == 0 else "k")
            began, wanted = time.monotonic(), before + (number + 1) % 2
            wait_until(lambda row=wanted: terminal.read() and row_of_cursor(terminal) == row, description="the cursor moves")
            slowest = max(slowest, time.monotonic() - began)
        talking.join()
        written = int(LINES * SECONDS)
        terminal.wait_to_show(f"line {written - 3}:")
        spent = processor(process.pid) - used
        assert spent / written < DEAREST, f"{spent / written * 1e6:.0f} µs a line"
        assert slowest < 5
        assert "were dropped" not in terminal.seen
        terminal.type("q")
        terminal.type("q")
        assert process.wait(20) == 0
