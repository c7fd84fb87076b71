"""`|` on a job: its payload in a program of one's own, whatever is in it and whatever the program does."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
import redis
from rq import Queue
from textual.widgets import Input

from qtui.broker import audit
from qtui.screens import pipe
from qtui.screens.job import JobScreen
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle
from tests.screens.test_own_story import until

ODD = {"text": "\x1b[2J\u202e\udc80 ünï", "nan": float("nan"), "big": 2**80, "bytes": b"\x00\xff", "'": "`$(touch hacked)`"}
ECHO = "import json, sys; found = json.load(sys.stdin); print(sorted(found['args'][0]), found['args'][0]['text'])"


async def piped(story: Story, line: str, key: str = "vertical_line") -> None:
    """Pipe into a program, and wait until it has ended."""
    await story.press(key)
    story.app.screen.query_one(Input).value = line
    await story.pilot.press("enter")
    await until(lambda: "esc closes" in story.text and story.place == "OutputScreen", story)


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


async def opened(story: Story, job_id: str) -> None:
    await story.app.push_screen(JobScreen(job_id))
    await settle(story.pilot)


async def test_the_payload_gets_there_as_json_and_what_it_prints_is_shown_from_its_beginning(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, {"items": [1, 2]}, b=list(range(100)))
    async with dashboard(client) as story:
        await opened(story, job.id)
        await piped(story, python("import sys; print(sys.stdin.read())"))
        assert '"items": [' in story.text
        assert "ended with 0 after " in story.text
        assert "payload | " in story.text
        await story.press("escape", "vertical_line")
        assert story.app.screen.query_one(Input).value.endswith("print(sys.stdin.read())'")
        await story.press("escape")
        assert story.place == "JobScreen"
        assert audit.load(client, 5) == []


async def test_odd_bytes_reach_the_program_as_json_and_the_screen_as_symbols(
    client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    job = Queue("mail", connection=client).enqueue(tasks.add, ODD)
    async with dashboard(client) as story:
        await opened(story, job.id)
        await piped(story, python(ECHO) + " $(touch hacked) ; touch hacked")
        assert "['\"\\'\\\"" not in story.text
        assert "'text'] ␛[2J" in story.text.replace("\n", "")
        assert "\x1b" not in story.text
        assert not (home / "hacked").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no-such-program -x", "could not be started: No such file or directory"),
        (python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), "ended by signal 9"),
        (python("raise SystemExit(3)"), "ended with 3"),
        ("yes abcdefgh", "stopped at 20,000 lines of output"),
        (python("import sys\nwhile True: sys.stdout.write('x' * 65536)"), "stopped at 4.0 MiB of output"),
    ],
)
async def test_whatever_the_program_does_it_is_said(client: redis.Redis, line: str, said: str) -> None:
    (job_id,) = seed.finished(client)
    async with dashboard(client) as story:
        await opened(story, job_id)
        await piped(story, line)
        assert said in story.text
        await story.press("escape")
        assert story.place == "JobScreen"


async def test_a_program_that_never_ends_is_ended_with_all_that_it_started(
    client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "SECONDS", 0.5)
    (job_id,) = seed.finished(client)
    code = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(home / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
print("here", flush=True)
time.sleep(600)
"""
    async with dashboard(client) as story:
        await opened(story, job_id)
        await piped(story, python(code))
        assert "stopped, as it did not end" in story.text
        assert "here" in story.text
    pids = [int(pid) for pid in (home / "pids").read_text().split()]
    await until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() and is_alive(pid) for pid in pids), story)


def is_alive(pid: int) -> bool:
    """Whether it runs: one that has ended may wait for its parent, which is no longer ours."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


async def test_what_cannot_be_read_or_is_empty_is_said_and_runs_nothing(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client)
    async with dashboard(client) as story:
        await opened(story, job_id)
        for line, said in (("jq '.items", "That cannot be read: no closing quotation."), ("  ", "Name a program")):
            await story.press("vertical_line")
            story.app.screen.query_one(Input).value = line
            await story.press("enter")
            assert (story.place, said in story.text) == ("PipeScreen", True)
            await story.press("escape")


async def test_the_result_is_piped_where_it_is_open_also_on_a_connection_that_is_read_only(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client)
    client.hset(f"rq:job:{job_id}", "data", b"")
    async with dashboard(client, read_only=True) as story:
        await opened(story, job_id)
        await piped(story, python("import sys; print('it is', sys.stdin.read())"))
        assert "it is 1" in story.text
        assert "result | " in story.text
        await story.press("escape", "left_square_bracket", "left_square_bracket", "vertical_line")
        assert story.app.said[-1:] == ["There is no payload."] or story.place == "PipeScreen"
