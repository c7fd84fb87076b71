"""What people set to their taste: keys, the time zone, which queues have a row."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import redis

from qtui.dashboard.app import QtuiApp
from qtui.dashboard.keymap import all_keys
from qtui.places import PLACES
from qtui.presentation import formatting
from qtui.screens.parts import queue_list
from qtui_workers.server import keys
from tests.broker import seed
from tests.screens.support import NOW, Dashboard, Story, dashboard, make_app


def with_keys(client: redis.Redis, given: dict[str, str]) -> Dashboard:
    class Remapped(Dashboard):
        def __init__(self, session: object, **options: object) -> None:
            super().__init__(session, keys=given, **options)

    return make_app(client, kind=Remapped)


async def test_what_a_key_does_is_given_to_other_keys(client: redis.Redis) -> None:
    app = with_keys(client, {"app.workers": "W,f5", "app.no_such": "x"})
    async with app.run_test(size=(100, 30)) as pilot:
        story = Story(app, pilot)
        await story.press("5")
        assert story.place == "QueuesScreen"
        await story.press("W")
        assert story.place == "WorkersScreen"
        await story.press("1", "f5")
        assert story.place == "WorkersScreen"
        await app.workers.wait_for_complete()
        assert any("app.no_such" in said and "qtui keys" in said for said in app.said)
        assert not any("app.workers" in said for said in app.said)


def test_every_key_of_the_dashboard_has_a_name_and_says_what_it_does() -> None:
    found = {key.name: key for key in all_keys(QtuiApp)}
    assert found["queues.sort"].keys == "s"
    assert found["app.view_before"].keys == "minus"
    assert all(key.what and key.keys for key in found.values())


@pytest.fixture
def local_times(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(formatting.Times, "local", True)
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    os.environ["TZ"] = "UTC"
    time.tzset()


@pytest.mark.usefixtures("local_times")
async def test_times_are_of_this_machine_where_that_is_set(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        assert "13:56:40 IST" in story.text
    assert formatting.moment(NOW) == "2025-11-22 13:56:40 IST"


async def test_only_queues_in_trouble_are_shown_on_request(client: redis.Redis) -> None:
    seed.failed(client, "broken", 1)
    client.sadd(keys.QUEUES, keys.queue("alone"), keys.queue("idle"), keys.queue("resting"))
    client.rpush(keys.queue("alone"), "nobody-takes-it")
    async with dashboard(client) as story:
        await story.press("g", "exclamation_mark")
        assert "alone" in story.text
        assert "queues without trouble (! shows them)" in story.text
        assert "only those in trouble" in story.text
        assert "resting" not in story.text
        await story.press("exclamation_mark", "i")
        assert "resting" in story.text
    assert queue_list.foot(1, only_trouble=True) == "… 1 queue without trouble (! shows them)"


async def test_in_a_small_terminal_the_word_of_the_screen_stays_on_the_bar(client: redis.Redis) -> None:
    async with dashboard(client, size=(60, 20)) as story:
        for place in PLACES:
            await story.press(str(place.number))
            bar = story.text.splitlines()[1]
            assert f"{place.number} {place.title}" in bar
            assert str(PLACES[-1].number) in bar
