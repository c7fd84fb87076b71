"""Links and the user's own commands in the dashboard, with real programs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis

from qtui.broker import audit
from qtui.dashboard.configured_keys import opener_of
from qtui.preferences.settings import Additions, Preferences
from qtui.screens.help import HelpScreen
from qtui.screens.job import JobScreen
from qtui_workers import records
from tests.broker import seed
from tests.screens.support import Story, dashboard, settle
from tests.screens.test_acting_story import failed_jobs

SENTRY = "https://sentry.example/?query={id}"


@pytest.fixture(autouse=True)
def _far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)


def own(**given: Mapping[str, Any]) -> Additions:
    return records.read(Preferences, given).own


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-u", "-c", code, *words]


async def until(predicate: Callable[[], object], story: Story) -> None:
    """Go on while a command runs; the test's own limit ends what never comes."""
    while not predicate():
        await story.pilot.pause(0)
        await asyncio.sleep(0.01)


async def test_u_shows_the_addresses_and_a_number_copies_one(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    links = own(links={"sentry": SENTRY, "logs": "http://logs.example/{queue}/{function}"})
    async with dashboard(client, own=links) as story:
        await failed_jobs(story)
        await story.press("u")
        assert story.place == "LinksScreen"
        assert f"https://sentry.example/?query={job_id}" in story.text
        assert "http://logs.example/mail/tests.broker.tasks.fail" in story.text
        await story.press("1")
        assert story.app.clipboard == f"https://sentry.example/?query={job_id}"
        await story.app.push_screen(JobScreen(job_id))
        await settle(story.pilot)
        await story.press("u", "escape")
        assert story.place == "JobScreen"
        await story.press("escape", "3", "u")
        assert job_id in story.text


async def test_without_links_or_a_job_u_says_so(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await story.press("u")
        assert story.app.said == ["There is no job under the cursor."]
        await failed_jobs(story)
        await story.press("u")
        assert story.app.said[-1].startswith("No page is known: [links] in the config file")


async def test_on_a_desktop_the_page_is_opened(client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job_id,) = seed.failed(client)
    opened, opener = tmp_path / "opened", tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf %s "$*" > {opened}.new; mv {opened}.new {opened}\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("SSH_CONNECTION")
    monkeypatch.setattr(sys, "platform", "linux")
    async with dashboard(client, own=own(links={"sentry": SENTRY})) as story:
        await failed_jobs(story)
        await story.press("u")
        await until(opened.exists, story)
        assert opened.read_text() == f"https://sentry.example/?query={job_id}"
        assert story.place == "JobsScreen"


def test_nothing_is_opened_at_the_far_end_of_an_ssh() -> None:
    assert opener_of({"DISPLAY": ":0", "SSH_CONNECTION": "a 1 b 22"}) is None


async def test_a_command_asks_with_its_words_then_shows_what_it_prints_and_is_recorded(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    code = "import sys; print('args', sys.argv[1:]); print('\\x1b[31mred', file=sys.stderr); print(sys.stdin.read()); sys.exit(3)"
    commands = own(
        commands={"logs": {"run": python(code, "{id}", "{queue}", "{status}"), "key": "f5", "about": "find its lines"}}
    )
    async with dashboard(client, name="prod", own=commands) as story:
        await failed_jobs(story)
        await story.press("f5")
        assert story.question() == f"Run logs about job {job_id[:8]}? You are on prod."
        assert "find its lines" in story.text
        await story.press("y")
        assert story.place == "JobsScreen"
        await story.press("f5", "tab", "enter")
        assert f"args ['{job_id}', 'mail', 'failed']" in story.words
        assert "␛[31mred" in story.text
        assert "ended with 3 after" in story.text
        await story.press("escape")
        assert story.place == "JobsScreen"
    (entry,) = audit.load(client, 10)
    assert (entry.what, entry.ids, entry.outcome) == ("command logs", (job_id,), "ended with 3")


async def test_a_harmless_command_runs_at_once_also_where_the_connection_is_read_only(client: redis.Redis) -> None:
    seed.failed(client)
    printing = python("print('hello')")
    commands = own(
        commands={
            "look": {"run": printing, "key": "f2", "confirm": False, "harmless": True},
            "change": {"run": printing, "key": "f3", "confirm": False},
        }
    )
    async with dashboard(client, name="prod", read_only=True, own=commands) as story:
        await story.press("f3")
        assert story.app.said == ["prod is read-only, and change is not marked harmless."]
        await story.press("f2")
        assert "hello" in story.text
    assert client.exists("rq:qtui:audit") == 0


async def test_leaving_ends_the_command_and_what_it_has_started(client: redis.Redis) -> None:
    code = "import os, subprocess; p = subprocess.Popen(['sleep', '600']); print(os.getpid(), p.pid, 'started'); p.wait()"
    commands = own(commands={"long": {"run": python(code), "key": "f2", "confirm": False, "harmless": True}})
    async with dashboard(client, own=commands) as story:
        await story.pilot.press("f2")
        await until(lambda: "started" in story.text, story)
        line = next(line for line in story.text.splitlines() if "started" in line)
        processes = [int(word) for word in line.split() if word.isdecimal()]
        assert len(processes) == 2
        await story.press("escape")
        await until(lambda: not any(alive(process) for process in processes), story)


def alive(process: int) -> bool:
    """Whether it runs; one that has ended may wait for its parent."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_what_cannot_be_started_or_is_hostile_is_said(client: redis.Redis) -> None:
    seed.failed(client, queue="-rf")
    commands = own(
        commands={
            "none": {"run": ["/no/such/program"], "key": "f2", "confirm": False, "harmless": True},
            "queue": {"run": ["echo", "{queue}"], "key": "f3", "confirm": False, "harmless": True},
        }
    )
    async with dashboard(client, own=commands) as story:
        await failed_jobs(story, "-rf")
        await story.press("f2")
        assert "could not be started: No such file or directory" in story.text
        await story.press("escape", "f3")
        assert story.app.said == ["queue: the job's queue, '-rf', could be taken for more than a word: nothing was run."]


async def test_help_and_palette_name_the_commands(client: redis.Redis) -> None:
    commands = own(commands={"logs": {"run": ["echo"], "key": "f5", "about": "find its lines"}, "disk": {"run": ["df"]}})
    async with dashboard(client, own=commands) as story:
        await story.press("question_mark")
        assert isinstance(story.app.screen, HelpScreen)
        assert "f5 logs find its lines" in str(story.app.screen.query_one("#own").render()).strip().replace("  ", " ")
        named = {command.title: command.help for command in story.app.own_commands()}
        assert named == {"logs": "find its lines", "disk": "df"}
