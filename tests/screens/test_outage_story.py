"""Redis dies and comes back."""

from __future__ import annotations

import asyncio

from qtui_workers.server.connection import connect
from tests.broker import seed
from tests.screens.support import dashboard
from tests.support import Server


async def test_an_outage_puts_a_banner_over_the_last_good_data_and_a_look_after_it_takes_it_away(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3)
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


async def test_the_dashboard_recovers_by_itself_and_shows_what_changed_meanwhile(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client, "broken", 3)
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
        ids = seed.failed(client, count=2)
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


async def test_a_dialog_says_that_the_server_is_away(own_server: Server) -> None:
    with connect(own_server.url) as client:
        seed.failed(client)
        async with dashboard(client, name="prod-eu") as story:
            await story.press("enter")
            own_server.kill()
            await story.press("R")
            assert story.question().startswith("Redis at prod-eu does not run")
            assert story.button("yes").disabled
