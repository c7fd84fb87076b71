"""Back to the view before, and a screen saved for a ticket."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from qtui.broker.status import Status
from qtui.places import PLACES, Place
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts.resource import ResourceScreen
from tests.broker import seed
from tests.screens.support import dashboard, settle


async def test_minus_goes_to_the_view_before_and_again_back(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await story.press("enter")
        job = story.app.screen
        assert isinstance(job, JobScreen)
        await story.press("5")
        assert story.place == "WorkersScreen"
        await story.press("minus")
        again = story.app.screen
        assert isinstance(again, JobScreen)
        assert again.job_id == job_id
        assert [type(screen).__name__ for screen in story.app.screen_stack] == ["QueuesScreen", "JobsScreen", "JobScreen"]
        await story.press("minus")
        assert story.place == "WorkersScreen"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_screen_begins_once_and_is_seen_or_hidden_once_each_time(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    begun: Counter[tuple[type, str]] = Counter()

    def counted(name: str) -> Callable[[ResourceScreen[Any, Any]], None]:
        handler = vars(ResourceScreen)[name]

        def handle(screen: ResourceScreen[Any, Any]) -> None:
            begun[type(screen), name] += 1
            handler(screen)

        return handle

    for name in ("on_mount", "on_screen_resume", "on_screen_suspend"):
        monkeypatch.setattr(ResourceScreen, name, counted(name))
    async with dashboard(client) as story:
        other = PLACES[1] if place is PLACES[0] else PLACES[0]
        await story.press(str(place.number))
        screen = type(story.app.screen)
        assert (begun[screen, "on_mount"], begun[screen, "on_screen_resume"]) == (1, 1)
        await story.press(str(other.number))
        assert begun[screen, "on_screen_suspend"] == 1
        begun.clear()
        await story.press(str(place.number))
        assert begun[screen, "on_screen_resume"] == 1


async def test_where_nothing_was_before_minus_does_nothing(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await story.press("minus")
        assert story.place == "QueuesScreen"


@pytest.mark.parametrize("writable", [True, False])
async def test_the_screen_is_saved_where_one_is_or_else_at_home(
    client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    seed.failed(client, "mail", 3)
    here = home / "here"
    if writable:
        here.mkdir()
        monkeypatch.chdir(here)
    else:
        monkeypatch.chdir("/proc")  # where nobody can write
    async with dashboard(client) as story:
        await story.press("ctrl+s", "ctrl+s")
        shown = story.text
        files = sorted((here if writable else home).glob("qtui-queues-*.txt"))
        assert len(files) == 2, "the second is another file"
        assert all(str(file) in said for file, said in zip(files, sorted(story.app.said), strict=True))
        assert "mail" in (text := files[0].read_text())
        assert text.splitlines()[3].split() == shown.splitlines()[3].split()
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
        story.app.action_save_screen("svg")
        assert next((here if writable else home).glob("*.svg")).read_text().startswith("<svg")
