"""The plain first frame is what Textual shows a moment later: every character, and its colours."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import redis
from rich.color import Color, ColorSystem, ColorType
from rq import Queue

from qtui.broker.models import Overview
from qtui.broker.queues import overview
from qtui.preferences.memory import Memory
from qtui.presentation.bars import HeaderState
from qtui.presentation.colours import DARK, LIGHT, Palette
from qtui.screens.parts.queue_list import USUAL, Order, remember
from qtui.start import first_frame
from qtui.start.first_frame import FirstFrame, Unfit
from qtui_workers.enqueue.pause import pause
from qtui_workers.records import replace
from qtui_workers.server import keys
from qtui_workers.server.contexts import Colour
from tests.broker import seed, tasks
from tests.screens.support import NOW, Dashboard, make_app

Cells = list[list[tuple[str, str, str, bool]]]


def fill(client: redis.Redis) -> None:
    """Queues with jobs, a paused one, and more idle ones than are shown."""
    seed.failed(client, "broken", 3)
    for name in ("payments", "mail"):
        Queue(name, connection=client).enqueue(tasks.add, 1)
    pause(client, ["mail"])
    client.sadd(keys.QUEUES, *(keys.queue(f"idle-{number}") for number in range(3)))


def cells(lines: list[list[tuple[str, Any, Any, bool]]]) -> Cells:
    """What is seen in each cell: character, ink, ground, bold; a blank shows no ink."""
    return [
        [
            (mark, ink, ground, bold) if mark != " " else (" ", "", ground, False)
            for text, ink, ground, bold in each
            for mark in text
        ]
        for each in lines
    ]


async def of_textual(
    client: redis.Redis,
    seen: Overview,
    palette: Palette,
    size: tuple[int, int],
    *,
    read_only: bool,
    memory: Memory | None = None,
    colour: Colour | None = None,
) -> Cells:
    """The first frame of Textual, before it could look at Redis itself."""
    looks = threading.Event()

    def connect() -> redis.Redis:
        looks.wait()
        return client

    app: Dashboard = make_app(connect, seen=seen, read_only=read_only, theme=palette["name"], memory=memory, colour=colour)
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            looks.set()
    finally:
        looks.set()
    styled = [[(each.text, each.style) for each in strip if each.style] for strip in strips]
    return cells([[(text, hex_of(look.color), hex_of(look.bgcolor), bool(look.bold)) for text, look in each] for each in styled])


def hex_of(colour: Color | None) -> str:
    return colour.triplet.hex if colour and colour.triplet else ""


def plain(
    seen: Overview,
    palette: Palette,
    size: tuple[int, int],
    *,
    read_only: bool,
    order: Order = USUAL,
    colour: Colour | None = None,
) -> Cells:
    lines = FirstFrame(HeaderState("test", NOW, seen, read_only), palette, *size, order, colour).lines()
    return cells([[(run.text, run.ink, run.ground, run.bold) for run in each] for each in lines])


@pytest.mark.parametrize(
    ("size", "palette", "read_only"),
    [
        ((80, 24), DARK, True),
        ((100, 30), LIGHT, False),
        ((61, 17), DARK, False),
        ((91, 45), DARK, False),
        ((120, 40), LIGHT, False),
        ((200, 60), DARK, False),
    ],
)
async def test_the_plain_frame_is_that_of_textual(
    client: redis.Redis, size: tuple[int, int], palette: Palette, read_only: bool
) -> None:
    fill(client)
    seen = overview.load(client)
    theirs = await of_textual(client, seen, palette, size, read_only=read_only)
    assert "payments" in "".join(mark for each in theirs for mark, *_ in each)
    assert plain(seen, palette, size, read_only=read_only) == theirs


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("size", [(80, 24), (100, 28), (150, 30)], ids=str)
async def test_also_where_the_rows_just_leave_room_for_a_closer_look_and_where_not(
    client: redis.Redis, size: tuple[int, int], more: int
) -> None:
    for number in range({24: 4, 28: 6, 30: 7}[size[1]] + more):
        seed.failed(client, f"broken-{number}", 1)
    seen = overview.load(client)
    theirs = await of_textual(client, seen, DARK, size, read_only=False)
    words = "".join(mark for each in theirs for mark, *_ in each)
    assert ("causes of 1 failed" in words) == (not more)
    assert plain(seen, DARK, size, read_only=False) == theirs


@pytest.mark.parametrize("order", [Order("name", reverse=True), Order("failed", shows_idle=True)])
async def test_also_in_the_order_of_the_run_before(client: redis.Redis, order: Order) -> None:
    fill(client)
    seen, memory = overview.load(client), Memory()
    remember(memory, order)
    theirs = await of_textual(client, seen, DARK, (100, 30), read_only=False, memory=memory)
    assert plain(seen, DARK, (100, 30), read_only=False, order=order) == theirs
    assert plain(seen, DARK, (100, 30), read_only=False) != theirs


@pytest.mark.parametrize("palette", [DARK, LIGHT])
@pytest.mark.parametrize(
    ("size", "colour"),
    [((80, 24), "red"), ((100, 30), "red"), ((151, 50), "red"), ((80, 24), "yellow"), ((101, 24), "green"), ((80, 24), "blue")],
)
async def test_the_colour_of_a_context_is_that_of_textual(
    client: redis.Redis, size: tuple[int, int], colour: Colour, palette: Palette
) -> None:
    fill(client)
    seen = overview.load(client)
    theirs = await of_textual(client, seen, palette, size, read_only=True, colour=colour)
    assert plain(seen, palette, size, read_only=True, colour=colour) == theirs


async def test_names_of_latin_letters_are_in_it(client: redis.Redis) -> None:
    for name in ("größe", "œuvre-ñandú"):
        Queue(name, connection=client).enqueue(tasks.add, 1)
    seen = overview.load(client)
    assert plain(seen, DARK, (80, 24), read_only=False) == await of_textual(client, seen, DARK, (80, 24), read_only=False)


async def test_also_where_there_is_no_queue_and_where_they_do_not_all_fit(client: redis.Redis) -> None:
    for number in (0, 40):
        for place in range(number):
            Queue(f"queue-{place}", connection=client).enqueue(tasks.add, 1)
        seen = overview.load(client)
        assert plain(seen, DARK, (80, 24), read_only=False) == await of_textual(client, seen, DARK, (80, 24), read_only=False)


@pytest.mark.parametrize("name", ["日本", "e\u0301", "tab\there"])
def test_a_name_that_may_be_wider_than_it_has_characters_is_left_to_textual(client: redis.Redis, name: str) -> None:
    Queue(name, connection=client).enqueue(tasks.add, 1)
    with pytest.raises(Unfit):
        plain(overview.load(client), DARK, (80, 24), read_only=False)


def test_a_terminal_that_is_very_small_is_left_to_textual(client: redis.Redis) -> None:
    seen = overview.load(client)
    assert plain(seen, DARK, (60, 16), read_only=False)
    for size in ((59, 16), (60, 15)):
        with pytest.raises(Unfit):
            plain(seen, DARK, size, read_only=False)


def test_a_connection_that_moved_or_is_away_has_no_plain_frame(client: redis.Redis) -> None:
    seen = replace(overview.load(client), own_clock=True)
    said = "".join(mark for each in plain(seen, DARK, (120, 24), read_only=True) for mark, *_ in each)
    assert "read-only  ages by our own clock" in said
    with pytest.raises(Unfit):
        FirstFrame(HeaderState("test", NOW, None), DARK, 80, 24)


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_colours_of_256_are_those_that_rich_takes(palette: Palette) -> None:
    for colour in [
        each for each in (*palette.values(), *palette["variables"].values()) if str(each).startswith("#") and " " not in each
    ]:
        found = Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT)
        assert found.type is ColorType.EIGHT_BIT
        assert first_frame.of_256(colour) == f"5;{found.number}", colour
