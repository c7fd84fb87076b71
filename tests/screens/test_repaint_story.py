"""What is sent to the terminal: less than Textual would send, and the screen is the same after every update."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pyte
import pytest
import redis
from rich.console import Console, RenderableType
from textual._compositor import CompositorUpdate, LayoutUpdate
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from qtui.places import PLACES, Place
from qtui.screens.parts.repaint import Painted
from qtui.widgets.header import Header
from qtui.widgets.operation_line import OperationLine
from tests.broker import seed
from tests.screens.support import Dashboard, Story, dashboard, make_app, settle
from tests.screens.test_outage_story import until
from tests.screens.test_stuck_story import type_key

COLUMNS, LINES = 100, 30
SHORT = 23
"""Lines among which there is no room for a chart, which changes with each job."""
CONSOLE = Console(color_system="truecolor", force_terminal=True, legacy_windows=False, width=COLUMNS, height=LINES)


class Seen:
    """A terminal, and how many characters it was sent."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.Stream(self._screen)
        self.sent = 0

    def show(self, update: CompositorUpdate | None) -> None:
        if update is not None:
            text = update.render_segments(CONSOLE)
            self.sent += len(text)
            self._stream.feed(text)

    @property
    def cells(self) -> list[list[Any]]:
        """Every cell with its colours and attributes."""
        return [[self._screen.buffer[y][x] for x in range(COLUMNS)] for y in range(LINES)]


def whole(screen: Screen[object]) -> LayoutUpdate:
    """All that a screen shows, with every widget drawn."""
    compositor = screen._compositor
    strips = [[strip] for strip in compositor.render_strips()]
    return LayoutUpdate(strips, compositor.size.region)


class TwoTerminals(Dashboard):
    """A dashboard in front of two terminals: the one gets whole updates, the other what we send."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.whole, self.less = Seen(), Seen()
        self.sent_before = Painted()
        self.updates = 0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            self.updates += 1
            self.whole.show(renderable)
            self.less.show(self.sent_before.changes(renderable))  # type: ignore[arg-type]  # these two kinds are all there are
            assert self.less.cells == self.whole.cells, f"update {self.updates}"
        super()._display(screen, renderable)

    def check(self) -> None:
        """The terminal shows what the screen does where every widget is drawn."""
        now = Seen()
        now.show(whole(self.screen))
        assert self.less.cells == now.cells


@pytest.mark.long
async def test_the_screen_is_the_same_as_if_everything_were_sent(client: redis.Redis) -> None:
    seed.everything(client)
    seed.hostile(client)  # wide characters, marks without a width of their own, symbols for control characters
    seed.failed(client, "邮件 📮 e\u0301", 40)
    app = make_app(client, kind=TwoTerminals)
    assert isinstance(app, TwoTerminals)
    chosen = random.Random(20251122)
    keys = ["1", "2", "3", "4", "5", "6", "7", "j", "k", "down", "up", "pagedown", "G", "g", "enter", "escape", "]", "[", "space",
            "D", "slash", "question_mark", "colon", "a", "tab", "r"]  # fmt: skip
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        story = Story(app, pilot)
        for _ in range(20):
            for key in chosen.choices(keys, k=8):
                type_key(app, key)  # as fast as they come
            await story.press("escape")
            app.check()
    assert app.updates > 40
    assert app.less.sent < app.whole.sent * 0.7, (app.less.sent, app.whole.sent)


async def test_a_cell_that_changes_costs_its_characters_and_nothing_else(client: redis.Redis) -> None:
    seed.failed(client, "mail", 3)
    app = make_app(client, kind=TwoTerminals)
    assert isinstance(app, TwoTerminals)
    async with app.run_test(size=(COLUMNS, SHORT)) as pilot:
        story = Story(app, pilot)
        await story.look()
        sent = app.less.sent
        await story.look()
        assert app.less.sent - sent < 150, "nothing but what the server says of its memory and commands"
        sent = app.less.sent
        seed.failed(client, "mail")
        await story.look()
        assert "4" in story.text
        app.check()
        assert app.less.sent - sent < 2_000
        sent = app.less.sent
        app.sent_before.forget()
        app.screen.refresh()
        await story.press("escape")
        assert app.less.sent - sent > COLUMNS * SHORT, "all of it, as after another program has written there"


async def test_an_update_draws_no_widget_and_no_line_that_it_does_not_paint(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed.failed(client, "mail", 30)
    drawn: list[tuple[str, int]] = []
    draw = Widget.render_lines

    def told(widget: Widget, crop: Region) -> list[Strip]:
        drawn.append((type(widget).__name__, crop.height))
        return draw(widget, crop)

    monkeypatch.setattr(Widget, "render_lines", told)
    async with dashboard(client) as story:
        await story.press("enter")
        header = story.app.screen.query_one(Header)
        drawn.clear()
        header.refresh()
        await settle(story.pilot)
        assert {name for name, _ in drawn} == {"Header", story.place}, "and the screen below it"
        assert {height for _, height in drawn} == {1}


@pytest.mark.parametrize("place", PLACES[1:7], ids=lambda place: place.name)
async def test_each_widget_of_a_screen_that_is_opened_is_styled_once(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    styled: Counter[DOMNode] = Counter()
    apply = Stylesheet.apply

    def counted(stylesheet: Stylesheet, node: DOMNode, **options: Any) -> None:
        styled[node] += 1
        apply(stylesheet, node, **options)

    async with dashboard(client) as story:
        monkeypatch.setattr(Stylesheet, "apply", counted)
        await story.press(str(place.number))
        focused = story.app.focused
        assert {styled[each] for each in story.app.screen.walk_children() if each is not focused} == {1}


async def test_nothing_wakes_on_a_screen_that_is_not_seen(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Counter[Widget | None] = Counter()
    tick = vars(Timer)["_tick"]

    async def told(timer: Timer, **options: Any) -> None:
        ticks[getattr(vars(timer)["_callback"], "__self__", None)] += 1
        await tick(timer, **options)

    monkeypatch.setattr(Timer, "_tick", told)
    async with dashboard(client, refresh_seconds=0.2) as story:

        def header() -> Header | None:
            found = story.app.screen.query(Header)
            return found.first() if found else None

        clocks = []
        for place in PLACES:
            type_key(story.app, str(place.number))
            await until(story, lambda name=place.name: story.app.current_mode == name and header(), place.title)
            clocks.append(header())
        *others, clock = clocks
        await until(story, lambda: ticks[clock], "the headers that are not seen any more have had their last tick")
        ticks.clear()
        await until(story, lambda: ticks[clock] >= 2, "the clock that is seen goes on")
        woken = {each for each in ticks if isinstance(each, Widget) and each.screen is not story.app.screen}
        assert not woken
        assert not any(isinstance(each, OperationLine) for each in ticks), "no operation runs"
        type_key(story.app, str(PLACES[0].number))
        await until(story, lambda: ticks[others[0]] >= 2, "the clock of the first screen goes on again")
