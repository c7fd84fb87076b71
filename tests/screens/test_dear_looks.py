"""How often a screen looks, and what for: dear looks are made less often, and what is on the screen already is not read again."""

from __future__ import annotations

import threading
import time

import pytest
import redis

from qtui.broker.models import Overview
from qtui.broker.queues import overview
from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts import resource
from qtui.shared.looking import look
from qtui.widgets.header import Header
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.watching import watching
from tests.screens.support import dashboard, settle


def test_the_overview_and_the_rest_are_read_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=20)

    def see() -> Overview:
        both.wait()
        raise redis.ConnectionError("gone")

    with pytest.raises(redis.ConnectionError):
        look(both.wait, see)
    assert look(lambda: 7, None).overview is None


def test_the_time_of_the_processor_counts_and_waiting_does_not() -> None:
    def work() -> None:
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass

    assert look(work, None).cost >= 0.02
    assert look(lambda: threading.Event().wait(0.2), None).cost < 0.02


async def test_scrolling_reads_no_overview_and_a_tick_does(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = overview.load
    monkeypatch.setattr(overview, "load", lambda client: (seen.append(1), real(client))[1])
    seed.failed(client, "mail", 400)
    async with dashboard(client) as story:
        screen = JobsScreen("mail")
        await story.app.push_screen(screen)
        await settle(story.pilot)
        seen.clear()
        await story.pilot.press("end")
        await settle(story.pilot)
        assert screen.table.cursor_row is not None
        assert seen == []
        screen.tick()
        await settle(story.pilot)
        assert seen == [1]


async def test_a_dear_look_is_made_less_often_and_says_so(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    seed.failed(client, "mail", 3)
    async with dashboard(client) as story:
        await settle(story.pilot)
        screen = story.app.screen
        assert isinstance(screen, resource.ResourceScreen)
        header = screen.query_one(Header)
        assert "every" not in str(header.render())
        monkeypatch.setattr(resource, "SHARE", 10_000)
        await story.pilot.press("r")
        await settle(story.pilot)
        assert "every" in str(header.render())
        loaded = story.app.session.overview
        screen.tick()
        await settle(story.pilot)
        assert story.app.session.overview is loaded
        await story.pilot.press("r")
        await settle(story.pilot)
        assert story.app.session.overview is not loaded


@pytest.mark.parametrize("status", [Status.STOPPED, Status.CREATED])
async def test_jobs_that_no_list_names_are_searched_for_once_and_again_on_request(client: redis.Redis, status: Status) -> None:
    seeded = seed.everything(client)
    async with dashboard(client) as story:
        screen = JobsScreen(None, status)
        await story.app.push_screen(screen)
        await story.look_until(lambda: "as of" in story.text, "the search has ended")
        assert set(story.ids) == set(seeded.ids[status])
        with watching(client) as seen:
            screen.tick()
            await settle(story.pilot)
        assert not {"SCAN", "HSTRLEN", "ZREVRANGE"} & {command.split()[0] for command in seen.sent}
        gone = seeded.first(status)
        client.delete(keys.job(gone))
        await story.press("r")
        await story.look_until(lambda: gone not in story.ids, "the search has looked again")
