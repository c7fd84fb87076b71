"""`qtui demo`: it shows what it promises, and leaves nothing behind however it ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.support import Qtui, interrupt, processes_of
from tests.cli.terminals import on_terminal
from tests.support import wait_until


@pytest.fixture
def demo(bare: Qtui, short_path: Path) -> Qtui:
    """The command with a folder of the test's own for what is temporary."""
    return Qtui(bare.home, {"TMPDIR": str(short_path)})


def test_without_a_terminal_it_prints_finished_failed_and_retried_jobs(demo: Qtui, short_path: Path) -> None:
    answer = demo("demo", "--jobs", "8", fresh=True)
    for told in (
        "QUEUE ",
        "nightly ",
        "2 failed",
        "TestJobFailed: told to fail: card declined",
        "ReportFailed: told to fail at step 8 of 12",
        "1–1 of 1 scheduled",
        "4 finished",
        "were retried and finished at a later attempt: 1\n",
        '{"title": "Daily figures", "steps": 40}',
        '{"message": "fails once, then works", "attempt": 2}',
    ):
        assert told in answer.out
    assert "jobs to go …" in answer.err
    assert not processes_of(str(short_path))
    assert list(short_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_the_middle_ends_all_of_it(demo: Qtui, short_path: Path, number: int) -> None:
    with demo.running("demo") as process:
        assert process.stderr
        assert "jobs to go …" in process.stderr.readline()
        assert len(processes_of(str(short_path))) >= 4  # a keeper, a server, two workers
        assert interrupt(process, number) == 128 + number
        assert process.communicate()[0] == ""
        assert not processes_of(str(short_path))
        assert list(short_path.iterdir()) == []


def test_its_workers_end_also_when_it_is_killed(demo: Qtui, short_path: Path) -> None:
    with demo.running("demo") as process:
        assert process.stderr
        assert "jobs to go …" in process.stderr.readline()
        interrupt(process, signal.SIGKILL)
        wait_until(lambda: not processes_of(str(short_path)), description="its workers and its server have ended", timeout=10)


@pytest.mark.parametrize("way", ["q", "SIGTERM", "SIGHUP"])
def test_on_a_terminal_it_is_the_dashboard_and_ends_with_it(demo: Qtui, short_path: Path, way: str) -> None:
    with on_terminal(demo, "demo") as (process, terminal):
        terminal.wait_for("payments")
        if way == "q":
            terminal.type("q")
        else:
            process.send_signal(signal.Signals[way])
        terminal.wait_for("\x1b[?1049l")  # the screen as it was before
        assert process.wait(20) == (0 if way == "q" else 128 + signal.Signals[way])
    assert not processes_of(str(short_path))
    assert list(short_path.iterdir()) == []
