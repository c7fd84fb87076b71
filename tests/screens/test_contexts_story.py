"""Two connections in one dashboard: each has its screens, and a change goes to the one on which it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from textual.screen import Screen

from qtui.broker.operations import Matching
from qtui.broker.operations.retry import RETRY
from qtui.broker.status import Status
from qtui.preferences.settings import Preferences
from qtui.screens.parts.operation_question import about_operation
from qtui.screens.parts.question import Wanted
from qtui_workers import records
from tests.broker import seed
from tests.screens.support import Dashboard, Story, dashboard, make_app
from tests.screens.test_stuck_story import type_key
from tests.screens.widget_host import until
from tests.support import Server

FAILED = "rq:failed:mail"


@pytest.fixture
def two(server: Server, own_server: Server, home: Path) -> Server:
    """A second server, and a config file that names both."""
    written = home / ".config/qtui/config.toml"
    written.parent.mkdir(parents=True)
    written.write_text(
        f'[contexts.one]\nurl = "{server.url}"\n'
        f'[contexts.two]\nurl = "{own_server.url}"\ncolour = "red"\nconfirm = "name"\n'
        f'[contexts.gone]\nurl = "unix:///nowhere.sock"\n'
        f'[contexts.wrong]\nurl = "ftp://nowhere"\n'
    )
    return own_server


@asynccontextmanager
async def first(client: redis.Redis) -> AsyncIterator[Story]:
    own = records.read(Preferences, {"commands": {"hello": {"run": ["echo", "hi"], "key": "f2", "confirm": False}}}).own
    async with dashboard(client, name="one", own=own) as story:
        yield story


async def choose(story: Story, line: str) -> None:
    """Type a line in the palette, and take the first that it offers."""
    await story.press("ctrl+p")
    await story.paste(line)
    await story.app.screen.workers.wait_for_complete()
    await story.press("enter")


async def test_the_palette_switches_and_every_screen_shows_the_other_connection(client: redis.Redis, two: Server) -> None:
    seed.failed(client)
    with two.client() as other:
        Queue("elsewhere", connection=other).enqueue("jobs.other")
    async with first(client) as story:
        await story.press("2")
        await choose(story, "context two")
        await story.look_until(lambda: "jobs.other" in story.text, "the job of the other server")
        assert story.place == "JobsScreen"
        assert "● two" in story.text
        await story.press("1")
        await story.look_until(lambda: "elsewhere" in story.text, "the queue of the other server")
        assert "mail" not in story.text
        await story.press("f2")
        assert story.place == "OutputScreen"
        await story.press("escape")
        await choose(story, "@one")
        await story.look_until(lambda: "mail" in story.text, "the queue of the first server")
        assert "elsewhere" not in story.text


class Painting(Dashboard):
    """A dashboard that notes which screens are painted."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.painted_screens: list[str] = []

    def _display(self, screen: Screen[object], renderable: Any) -> None:
        self.painted_screens.append(type(screen).__name__)
        super()._display(screen, renderable)


async def test_the_screen_is_painted_on_a_connection_that_was_left_and_is_gone_to_again(client: redis.Redis, two: Server) -> None:
    app = make_app(client, name="one", kind=Painting)
    assert isinstance(app, Painting)
    async with app.run_test(size=(100, 30)) as pilot:
        story = Story(app, pilot)
        await story.look()
        for line in ("context two", "@one"):
            await choose(story, line)
        app.painted_screens.clear()
        await story.press("question_mark", "escape")
        assert "QueuesScreen" in app.painted_screens


async def test_enter_typed_with_the_line_takes_its_first_hit(client: redis.Redis, two: Server) -> None:
    async with first(client) as story:
        for key in ("colon", *"context two", "enter"):
            type_key(story.app, key)
        await until(lambda: "● two" in story.text, "the other connection is shown")
        assert story.place == "QueuesScreen"
        for key in ("colon", *"workers", "enter"):
            type_key(story.app, key)
        await until(lambda: story.place == "WorkersScreen", "not what is first before anything is typed")


async def test_a_change_goes_to_the_connection_on_which_it_was_asked(client: redis.Redis, two: Server) -> None:
    seed.failed(client)
    with two.client() as other:
        seed.failed(other)
        async with first(client) as story:
            asked = about_operation(story.app.session, story.app, RETRY, Matching("mail", Status.FAILED), None)
            *_, question = asked(Wanted(None))
            assert "on one?" in question.text
            await story.app.action_switch("two")
            assert question.agreed is not None
            question.agreed()
            await story.look_until(lambda: any("retried" in said for said in story.app.said), "the retry has ended")
            assert (client.zcard(FAILED), other.zcard(FAILED)) == (0, 1)
            assert story.app.said[-1].startswith("one: ")


async def test_a_line_that_was_handed_on_is_opened_on_its_connection_which_wants_its_name(
    client: redis.Redis, two: Server
) -> None:
    seed.failed(client)
    with two.client() as other:
        seed.failed(other)
        async with first(client) as story:
            await choose(story, "jobs mail status:failed @two")
            await story.look_until(lambda: story.place == "JobsScreen" and story.ids, "the list of the other server")
            await story.press("R", "y", "enter")
            assert "on two?" in story.question()
            await story.press("backspace", *"two", "enter")
            assert (client.zcard(FAILED), other.zcard(FAILED)) == (1, 0)


async def test_a_connection_that_is_away_says_so_and_one_that_is_wrong_is_not_gone_to(client: redis.Redis, two: Server) -> None:
    async with first(client) as story:
        await choose(story, "context wrong")
        assert story.app.session.name == "one"
        assert "must begin with redis://" in story.app.said[-1]
        assert not await story.app.action_switch("unknown")
        await choose(story, "context gone")
        await story.look_until(lambda: "is not there" in story.words, "the banner")
        await choose(story, "context one")
        await story.look_until(lambda: "● one" in story.text, "the first connection")
