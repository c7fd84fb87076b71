"""The dashboard begins as it was left: the screen, the order of lists, idle queues, and the filters that were typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis
from rq import Queue

from qtui.preferences.memory import Memory
from qtui.screens.filter import FilterScreen
from qtui.screens.live import LiveScreen
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, make_app


@asynccontextmanager
async def run(client: redis.Redis) -> AsyncIterator[Story]:
    """One run of the dashboard, which writes what it remembers when it ends."""
    memory = Memory("test", kept=True)
    async with dashboard(client, memory=memory) as story:
        yield story
    memory.write()


async def test_queues_are_in_the_order_of_the_run_before(client: redis.Redis) -> None:
    seed.failed(client, "broken", 3)
    for name in ("payments", "mail"):
        Queue(name, connection=client).enqueue(tasks.add, 1)
    client.sadd(keys.QUEUES, *(keys.queue(f"idle-{number}") for number in range(3)))
    async with run(client) as story:
        await story.press("s", "o", "i", "exclamation_mark")
        assert "by name, reversed · only those in trouble" in story.words
    async with run(client) as story:
        assert "by name, reversed" in story.words
        assert "only those in trouble" not in story.words
        assert [row.name for row in story.table.rows] == ["payments", "mail", "idle-2", "idle-1", "idle-0", "broken"]


async def test_jobs_and_live_are_in_the_order_of_the_run_before(client: redis.Redis) -> None:
    seed.failed(client, "broken", 3)
    async with run(client) as story:
        await story.press("2", "s", "4", "s", "s", "o")
        assert isinstance(story.app.screen, LiveScreen)
        live = story.app.screen.sort
    async with run(client) as story:
        await story.press("2")
        assert "by took ↓" in story.words
        await story.press("4")
        assert isinstance(story.app.screen, LiveScreen)
        assert story.app.screen.sort == live
        await story.press("1", "enter")
        assert "by took" not in story.words


async def test_filters_of_the_run_before_are_offered(client: redis.Redis) -> None:
    seed.failed(client, "broken", 3)
    async with run(client) as story:
        await story.press("2", "slash", *"queue", "colon", *"x", "enter")
        assert "filter: queue:x" in story.words
    async with run(client) as story:
        await story.press("2")
        assert "filter:" not in story.words
        await story.press("slash", "up")
        assert isinstance(story.app.screen, FilterScreen)
        assert "queue:x" in story.text


@pytest.mark.parametrize("last", ["jobs", "failures", "live", "workers", "schedule", "limits", "enqueue"])
async def test_it_begins_with_the_screen_that_was_left(client: redis.Redis, last: str) -> None:
    seed.failed(client, "broken", 3)
    async with run(client) as story:
        await story.app.action_open_place(last)
        await story.press()
    place = Memory("test", kept=True).now.place
    assert place == last
    app = make_app(client, start=place)
    async with app.run_test(size=(100, 30)) as pilot:
        story = Story(app, pilot)
        await story.press("r")
        assert story.app.current_mode == last
        await story.press("1")
        assert story.place == "QueuesScreen"
        assert "broken" in story.text
        await story.press("5", "escape")
        assert story.place == "QueuesScreen"
