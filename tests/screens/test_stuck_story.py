"""The dashboard never gets stuck: whatever is pressed and however fast, it comes to rest, and every screen can be left."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from textual import events
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from qtui.broker.bulk.selection import take
from qtui.broker.bulk.watch import Watch
from qtui.broker.operations import Matching
from qtui.broker.status import Status
from qtui.dashboard.app import QtuiApp
from qtui.places import PLACES
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts import resource
from qtui.widgets.panes import Pane, Panes
from qtui.widgets.stream_view import StreamView
from tests.broker import seed
from tests.screens.support import Dashboard, Story, dashboard, settle
from tests.screens.test_live_story import started
from tests.screens.widget_host import until

SECONDS = float(os.environ.get("FUZZ_SECONDS", "5"))
SEED = int(os.environ.get("FUZZ_SEED", str(random.randrange(1_000_000))))
A_SECOND = 30
KEYS = (
    *"0123456789abdefghijklmnoprstuvwxyz[]:?/ -.*",
    *"ABCDEGHMPRSTX",
    *("up", "down", "left", "right", "pageup", "pagedown", "home", "end"),
    *("enter", "tab", "shift+tab", "escape", "backspace", "delete"),
    *(f"ctrl+{letter}" for letter in "adefkoprsuwz"),
)
"""All but those that quit at once."""
NAMES = {" ": "space", "[": "left_square_bracket", "]": "right_square_bracket", ":": "colon", "?": "question_mark"}
NAMES |= {"/": "slash", "-": "minus", ".": "full_stop", "*": "asterisk"}
HELD = ("]", "[", "tab", "j", "k", "pagedown", "escape")
"""Keys that are held down now and then."""


class Endless(Dashboard):
    """A dashboard that q does not end."""

    def exit(self, *arguments: Any, **options: Any) -> None:
        """Stay."""


def type_key(app: QtuiApp, key: str) -> None:
    """What a terminal sends for a key, without waiting for what it brings."""
    name = {" ": "space", "[": "left_square_bracket", "]": "right_square_bracket", ":": "colon", "?": "question_mark"}.get(
        key, key
    )
    app.post_message(events.Key(name, key if len(key) == 1 else key_to_character(name)))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the screens looked at Redis."""
    seen: list[float] = []
    real = resource.look

    def look(*given: Any) -> Any:
        seen.append(time.monotonic())
        return real(*given)

    monkeypatch.setattr(resource, "look", look)
    return seen


@pytest.mark.long
async def test_random_keys_at_30_a_second_leave_it_at_rest(
    client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)  # where a key saves the screen
    seed.everything(client)
    seed.failed(client, "mail", 60)
    chance = random.Random(SEED)
    keys = [str(place.number) for place in PLACES]
    async with dashboard(client, kind=Endless, size=(200, 60), refresh_seconds=1.0) as story:
        story.app.session.watched = Watch("retried", take(client, Matching("mail", Status.FAILED)))
        await story.press(*keys)
        await come_home(story)
        objects = live_objects()
        deadline = time.monotonic() + SECONDS
        next_place = itertools.cycle(keys)
        pace = asyncio.Event()
        while time.monotonic() < deadline:
            await come_home(story)
            type_key(story.app, next(next_place))
            burst = min(deadline, time.monotonic() + min(60.0, SECONDS / len(keys)))
            while time.monotonic() < burst:
                held = chance.randrange(8) == 0
                key = chance.choice(HELD if held else KEYS)
                for _ in range(A_SECOND // 2 if held else 1):
                    type_key(story.app, key)
                    with pytest.raises(TimeoutError):  # the pace of the keys
                        await asyncio.wait_for(pace.wait(), 1 / A_SECOND)
        await come_home(story)
        assert live_objects() < 4 * objects, f"FUZZ_SEED={SEED}: memory grows"
        alive = [each for each in gc.get_objects() if isinstance(each, Screen) and each.is_attached]
        assert len(alive) <= len(keys) + 1, f"FUZZ_SEED={SEED}: {alive}"


def live_objects() -> int:
    """How many objects there are, of those that hold others."""
    gc.collect()
    return len(gc.get_objects())


async def come_home(story: Story) -> None:
    """Close all that is open, as an operator would; fails if the dashboard does not come to rest."""
    async with asyncio.timeout(20):
        await settle(story.pilot)
        for _ in range(60):
            if story.place == "QueuesScreen":
                return
            await story.press("escape")
    raise AssertionError(f"FUZZ_SEED={SEED}: escape does not lead out of {story.place}")


@pytest.mark.parametrize("key", ["right_square_bracket", "tab"])
async def test_a_held_key_on_the_tabs_of_jobs_ends_on_one_tab(client: redis.Redis, key: str) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.press("2")
        for _ in range(20):
            type_key(story.app, key)
        async with asyncio.timeout(10):
            await settle(story.pilot)
        assert story.app.screen.status is story.app.screen.query_one("StatusTabs").active


async def test_a_held_bracket_on_a_job_ends_on_one_pane_which_has_the_keys(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await story.app.push_screen(JobScreen(job_id))
        await settle(story.pilot)
        for _ in range(21):
            type_key(story.app, "]")
        async with asyncio.timeout(10):
            await settle(story.pilot)
        panes = story.app.screen.query_one(Panes)
        assert panes.active == panes.names[21 % len(panes.names)]
        assert [pane.id for pane in panes.query(Pane) if pane.has_keys] == [panes.active]


async def test_what_is_typed_at_once_after_the_key_that_opens_a_field_stands_in_it(client: redis.Redis) -> None:
    seed.failed(client, "mail", 3)
    async with dashboard(client) as story:
        await story.press("2")
        for key in ("slash", *"queue:mail Timeout q1"):
            type_key(story.app, key)
        await settle(story.pilot)
        assert story.place == "FilterScreen"
        assert story.app.screen.query_one(Input).value == "queue:mail Timeout q1"


async def test_what_is_typed_at_once_after_enter_is_done_to_what_it_opens(client: redis.Redis) -> None:
    seed.failed(client, "mail", 1)
    async with dashboard(client) as story:
        await story.press("2", *(["tab"] if "failed" not in story.text.splitlines()[2] else []))
        for key in ("enter", "escape", "5"):
            type_key(story.app, key)
        await settle(story.pilot)
        assert story.place == "WorkersScreen"


async def test_keys_that_come_at_once_close_the_dialog_and_not_what_is_below(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await story.app.push_screen(JobScreen(job_id))
        await settle(story.pilot)
        await story.press("D")
        for _ in range(5):
            type_key(story.app, "x")
        await settle(story.pilot)
        assert story.place == "JobScreen"


async def test_widgets_that_were_shown_before_are_forgotten(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:

        def alive() -> int:
            gc.collect()
            return sum(isinstance(each, Widget) for each in gc.get_objects())

        await story.press(*["enter", "escape"] * 3)
        await settle(story.pilot)
        before = alive()
        await story.press(*["enter", "escape"] * 6)
        await until(lambda: alive() < before + 6, "of the six screens opened meanwhile no widget is left")


async def test_a_digit_leaves_what_was_opened_from_a_screen(client: redis.Redis) -> None:
    seed.failed(client, hours_ago=1)
    async with dashboard(client) as story:
        await story.press("enter", "enter")
        assert story.place == "JobScreen"
        await story.press("1")
        assert story.place == "QueuesScreen"
        await story.press("enter", "enter", "2")
        assert story.place == "JobsScreen"
        await story.press("1")
        assert (story.place, len(story.app.screen_stack)) == ("QueuesScreen", 1)


async def test_ctrl_p_opens_the_palette_also_from_a_field(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await story.press("ctrl+p")
        assert story.place == "CommandPalette"
        await story.press("escape", "8", "enter", "ctrl+p")
        assert story.place == "CommandPalette"


async def test_enter_on_a_failing_queue_opens_its_failed_jobs(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.onto("mail")
        row = story.table.cursor_row
        assert row.workers
        assert row.count(Status.QUEUED)
        assert row.count(Status.FAILED)
        await story.press("enter")
        assert story.app.screen.status is Status.FAILED


@pytest.mark.parametrize("status", ["failed", "finished"])
async def test_j_and_k_scroll_what_is_in_the_tab_of_a_job_at_once(client: redis.Redis, status: str) -> None:
    seeded = seed.everything(client)
    async with dashboard(client, size=(100, 16)) as story:
        await story.app.push_screen(JobScreen(seeded.first(Status(status))))
        await settle(story.pilot)
        before = story.app.focused
        assert before is not None, "nothing has the focus"
        if status == "failed":
            await until(lambda: 0 < before.scroll_offset.y == before.max_scroll_y, "it opens at its end")
            # A scroll is done at the next frame, after the key.
            await story.press("g")
            await until(lambda: before.scroll_offset.y == 0, "g is the top")
            await story.press("j")
            await until(lambda: before.scroll_offset.y == 1, "j is one line down")
        await story.press("right_square_bracket", "right_square_bracket")
        assert story.app.focused not in (None, before)


async def held(story: Story, key: str, times: int) -> int:
    """Hold a key down, as fast as a terminal repeats it; how often the machine was so busy that the finger seemed to rest."""
    rests = 0
    for _ in range(times):
        began = time.monotonic()
        type_key(story.app, key)
        await story.pilot.pause(0.02)
        rests += time.monotonic() - began > resource.REST / 2
    return rests


async def test_a_held_j_beside_a_preview_looks_once_at_the_end(
    client: redis.Redis, looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "REST", 1.0)  # or a busy machine would be taken for a rest of the finger
    seed.failed(client, "mail", 40)
    async with dashboard(client, size=(200, 60)) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        looks.clear()
        rests = await held(story, "j", 30)
        await settle(story.pilot)
        assert len(looks) <= 1 + rests, "the screen looked at the rows that the cursor only passed"
        assert story.table.cursor == 30
        assert story.app.screen.data.preview.row.id == story.table.cursor_row.id


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_held_j_on_live_looks_once_at_the_end(
    client: redis.Redis, looks: list[float], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(resource, "REST", 1.0)  # or a busy machine would be taken for a rest of the finger
    ids = started(client, 12)
    async with dashboard(client, size=size) as story:
        await story.press("4")
        looks.clear()
        rests = await held(story, "j", 8)
        await settle(story.pilot)
        assert len(looks) <= 1 + rests
        assert story.table.cursor_row.id == ids[8]


async def test_a_key_that_is_held_over_a_slow_line_looks_at_its_beginning_and_its_end(
    client: redis.Redis, looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "REST", 0.001)  # the cursor seems to rest after every key …
    monkeypatch.setattr(resource, "HELD", 1.0)  # … but they come faster than this
    for number in range(20):
        client.sadd("rq:queues", f"rq:queue:idle-{number:02}")
    async with dashboard(client, refresh_seconds=1000.0) as story:
        await story.press("i")
        looks.clear()
        await held(story, "j", 12)
        await settle(story.pilot)
        assert story.table.cursor_row.name == "idle-12"
        assert len(looks) <= 3, "the screen looked at the rows that the cursor only passed"


async def test_live_looks_once_also_where_every_look_finds_other_jobs(client: redis.Redis, looks: list[float]) -> None:
    seeded = seed.everything(client)
    async with dashboard(client) as story:
        await story.press("4")
        (running,) = story.ids
        assert story.app.screen.query_one(StreamView).is_attached
        for job_id in (seeded.ids[Status.QUEUED][0], running):
            looks.clear()
            now = client.time()[0]
            client.delete("rq:wip:mail")
            client.zadd("rq:wip:mail", {f"{job_id}:x": now + 60})
            client.hset(f"rq:job:{job_id}", "status", "started")
            await story.look()
            assert story.ids == [job_id]
            assert story.table.cursor_row.id == job_id
            assert len(looks) == 1


async def test_failures_look_once_for_what_a_search_has_changed(client: redis.Redis, looks: list[float]) -> None:
    seed.failed(client, "mail", 3)
    async with dashboard(client, size=(150, 40)) as story:
        await story.press("3")
        looks.clear()
        await story.look()
        assert len(looks) == 1, "nothing has changed"
        (other,) = seed.failed(client, "media")
        looks.clear()
        await story.look()
        assert story.app.screen.data.sample.traceback
        assert story.table.cursor_row.sample == other
        assert len(looks) == 2, "one look, and one at the sample of the cause"


async def test_a_story_of_a_dashboard_that_ends_by_a_fault_ends_with_it(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(JobsScreen, "applies", fault)
    with pytest.raises(ZeroDivisionError):
        async with dashboard(client) as story:
            await story.press("2")
