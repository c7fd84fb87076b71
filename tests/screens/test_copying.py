"""`y` copies what is under the cursor of every list, or the ids of the marked jobs, and says what it copied."""

from __future__ import annotations

import pytest
import redis

from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from tests.broker import seed
from tests.screens.support import dashboard, settle


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


async def test_y_copies_the_name_or_the_id_on_every_list(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        for keys, wanted in (
            ("1", lambda: story.table.cursor_row.name),
            ("2", lambda: story.table.cursor_row.id),
            ("3", lambda: "ValueError: message <n>"),
            ("4", lambda: story.table.cursor_row.id),
            ("5", lambda: "w1"),
        ):
            await story.press(keys, "y")
            assert (story.app.clipboard, story.app.said[-1]) == (wanted(), f"Copied {wanted()}")
        await story.press("2", "b", "y")
        assert story.app.clipboard == "tests.broker.tasks.add"


async def test_where_all_of_a_list_are_selected_y_says_how_to_get_their_ids(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await story.press("a", "y")
        assert story.app.clipboard == ""
        assert "All 3 are selected: qtui jobs mail --status failed --json prints their ids" in story.app.said[-1]


async def test_y_copies_the_ids_of_all_marked_jobs_and_says_how_many(client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await story.press("space", "space", "space", "y")
        assert sorted(story.app.clipboard.splitlines()) == sorted(ids)
        assert story.app.said[-1] == "Copied 3 ids, one a line"
