"""Redis dies and comes back."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis
from textual.widgets import Static

from qtui.broker.status import Status
from qtui.places import PLACES, Place
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui_workers.server.connection import INTERACTIVE, connect
from tests.broker import seed
from tests.screens.support import NOW, Story, dashboard, settle
from tests.support import Server


async def test_an_outage_puts_a_banner_over_the_last_good_data_and_a_look_after_it_takes_it_away(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3, hours_ago=1)
        async with dashboard(client, name="prod-eu") as story:
            assert "● prod-eu" in story.text
            own_server.kill()
            await story.look()
            assert "Redis at prod-eu does not run" in story.words
            assert "Showing 08:26:40. Press r to try again." in story.words
            assert "○ prod-eu away" in story.text.splitlines()[0]
            assert [row.name for row in story.table.rows] == ["broken"]
            await story.press("j", "enter")
            assert story.place == "JobsScreen"
            assert "○ prod-eu away" in story.text.splitlines()[0]
            own_server.start()
            await story.press("q")
            assert story.place == "QueuesScreen"
            assert "does not run" not in story.text
            assert "● prod-eu" in story.text


async def test_under_the_banner_each_screen_says_when_its_own_data_was_loaded(own_server: Server) -> None:
    now = [NOW]
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3, hours_ago=1)
        async with dashboard(client, name="prod", clock=lambda: now[0]) as story:
            now[0] += 60
            await story.press("4")
            own_server.kill()
            await story.look()
            assert "Showing 08:27:40. Press r" in story.words
            await story.press("1")
            assert "Showing 08:26:40. Press r" in story.words
            await story.press("enter")
            assert (story.place, "Showing" in story.words) == ("JobsScreen", False)


async def test_under_the_banner_a_list_that_was_not_loaded_says_no_time(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3, hours_ago=1)
        seed.finished(client, "broken")
        async with dashboard(client, name="prod") as story:
            await story.press("enter")
            own_server.kill()
            await story.look()
            assert "Showing 08:26:40. Press r" in story.words
            await story.press("tab")
            assert (story.ids, "does not run" in story.words, "Showing" in story.words) == ([], True, False)


async def test_a_key_on_a_list_that_was_not_loaded_never_says_that_nothing_is_there(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3)
        async with dashboard(client, name="prod") as story:
            own_server.kill()
            await story.app.push_screen(JobsScreen("broken", Status.FAILED))
            await settle(story.pilot)
            await story.press("R", "q", "4", "S")
            assert story.app.said == ["Retry: this list is not read yet.", "Stop: what runs is not read yet."]


async def test_why_nothing_was_enqueued_is_read_whole(own_server: Server) -> None:
    with connect(own_server.url) as client:
        async with dashboard(client, name="prod", size=(60, 20)) as story:
            await story.press("8")
            own_server.kill()
            await story.look()
            await story.press("ctrl+e")
            said = " ".join(str(story.app.screen.query_one("#outcome", Static).render()).split())
            assert said.startswith("Nothing was enqueued: Redis at ")
            lowest = " ".join(" ".join(line[17:] for line in story.text.splitlines()[-5:-1]).split())
            assert lowest.endswith(said[-40:])


async def test_a_reason_that_is_no_sentence_ends_before_what_can_be_done(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await story.app.push_screen(JobScreen("nobody"))
        await settle(story.pilot)
        assert "or been removed. Press r to try again." in story.words


async def test_queues_shown_from_the_overview_of_another_screen_say_its_time(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3, hours_ago=1)
        async with dashboard(client, name="prod", start="live") as story:
            own_server.kill()
            await story.press("1")
            assert [row.name for row in story.table.rows] == ["broken"]
            assert "Showing 08:26:40. Press r" in story.words


async def test_the_dashboard_recovers_by_itself_and_shows_what_changed_meanwhile(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3, hours_ago=1)
        async with dashboard(client, name="prod-eu", refresh_seconds=0.05) as story, asyncio.timeout(30):
            own_server.kill()
            while "Redis at prod-eu does not run" not in story.words:
                await story.pilot.pause()
            assert "Trying again in" in story.words
            own_server.start()
            with connect(own_server.url) as other:
                seed.failed(other, "mail", 1)
            while "does not run" in story.words:
                await story.pilot.pause()
            assert "○" not in story.text.splitlines()[0]
            assert [row.name for row in story.table.rows] == ["broken", "mail"]


async def test_an_operation_that_loses_the_server_says_so_and_keeps_the_marks(own_server: Server) -> None:
    with connect(own_server.url) as client:
        ids = seed.failed(client, count=2, hours_ago=1)
        async with dashboard(client, name="prod-eu") as story:
            await story.press("enter", "space", "R")
            own_server.kill()
            await story.press("y")
            (said,) = story.app.said
            assert "unknown: the server failed while they were under way" in said
            assert story.table.marked <= set(ids)
            assert len(story.table.marked) == 1
            own_server.start()
            await story.look()
            assert "does not run" not in story.words
            assert sorted(story.ids) == sorted(ids)


async def test_a_dialog_says_that_the_server_is_away_and_asks_by_itself_once_it_is_back(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, hours_ago=1)
        async with dashboard(client, name="prod-eu") as story:
            await story.press("enter")
            own_server.kill()
            await story.press("R")
            assert story.question().startswith("Redis at prod-eu does not run")
            assert "Yes" not in story.text
            assert "Trying again in" in story.question()
            own_server.start()
            await until(story, lambda: "Retry 1 job" in story.question(), "the question is there")
            assert not story.button("yes").disabled


IMPATIENT = replace(INTERACTIVE, connect=0.3, reply=0.3, tries=0)
"""For a server that is frozen on purpose."""


@contextmanager
def away(server: Server, how: str) -> Iterator[None]:
    """A server that is gone, or "frozen": it takes connections and answers nothing."""
    if how == "gone":
        server.kill()
        yield
        server.start()
        return
    assert server.process
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


async def until(story: Story, predicate: Callable[[], object], description: str) -> None:
    """Wait for what comes by itself, while looks that are under way are not waited for."""
    deadline = time.monotonic() + 20
    while not predicate():
        assert time.monotonic() < deadline, f"did not happen: {description}; seen is {story.text}"
        await story.pilot.pause(0.02)


@pytest.mark.parametrize("place", [PLACES[0], PLACES[4]], ids=lambda place: place.name)
async def test_while_an_answer_is_awaited_the_top_line_says_for_how_long(own_server: Server, place: Place) -> None:
    with connect(own_server.url) as client:
        async with dashboard(client, name="prod", refresh_seconds=0.05) as story:
            await story.press(str(place.number))
            with away(own_server, "frozen"):
                await until(story, lambda: re.search(r"○ prod no answer for [1-3] s", story.text.splitlines()[0]), "it says so")
            await until(story, lambda: "● prod" in story.text.splitlines()[0], "it answers")


@pytest.mark.parametrize("how", ["frozen", "gone"])
async def test_what_one_screen_learns_of_the_connection_all_say_at_once(own_server: Server, how: str) -> None:
    with own_server.client() as other:  # RQ's worker, which seeds, gives its client the patience of a worker
        seed.failed(other, "broken", 3, hours_ago=1)
    with connect(own_server.url, patience=IMPATIENT) as client:
        async with dashboard(client, name="prod", refresh_seconds=0.05) as story:
            for place in PLACES:
                await story.press(str(place.number))
            await story.press("1")
            with away(own_server, how):
                await until(story, lambda: "○ prod away" in story.text, "the screen that is seen says so")
                for place in PLACES:
                    await story.pilot.press(str(place.number))
                    await until(story, lambda name=place.name: story.app.current_mode == name, place.title)
                    assert "○ prod away" in story.text.splitlines()[0], place.title
                    await until(story, lambda: re.search("Redis at prod d.* Trying again in", story.words), place.title)
                await story.pilot.press("1", "enter")
                await until(story, lambda: story.place == "JobsScreen", "a screen that is new")
                assert "○ prod away" in story.text.splitlines()[0]
                await story.pilot.press("z")
                await until(story, lambda: story.place == "ConfirmScreen", "a dialog")
                await until(story, lambda: "Redis at prod d" in story.question(), "the dialog says so")
                await story.pilot.press("escape", "4")
            await story.pilot.press("r")
            await until(story, lambda: "● prod" in story.text and "away" not in story.text, "the connection is back")
            for place in PLACES:
                await story.pilot.press(str(place.number))
                await until(story, lambda name=place.name: story.app.current_mode == name, place.title)
                assert "away" not in story.text.splitlines()[0], place.title
                assert "Trying again in" not in story.words, place.title


async def test_live_as_the_first_screen_waits_for_no_connection(own_server: Server) -> None:
    def dial() -> redis.Redis:
        return connect(own_server.url, patience=IMPATIENT)

    with away(own_server, "gone"):
        async with dashboard(dial, name="prod", refresh_seconds=0.05, start="live") as story:
            await until(story, lambda: "○ prod away" in story.text and "Trying again in" in story.words, "it says what is wrong")
            own_server.start()
            await story.pilot.press("r")
            await until(story, lambda: "● prod" in story.text, "the connection is there")
            own_server.kill()
