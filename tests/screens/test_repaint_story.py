"""What is sent to the terminal: less than Textual would send, and the screen is the same after every update."""

from __future__ import annotations

import random
from typing import Any

import pyte
import pytest
import redis
from rich.console import Console, RenderableType
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from qtui.repaint import Painted
from tests.broker import seed
from tests.screens.support import Dashboard, Story, make_app
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


class TwoTerminals(Dashboard):
    """A dashboard in front of two terminals: the one gets what Textual would send, the other what we send."""

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
        assert app.less.sent - sent < 2_000
        sent = app.less.sent
        app.sent_before.forget()
        app.screen.refresh()
        await story.press("escape")
        assert app.less.sent - sent > COLUMNS * SHORT, "all of it, as after another program has written there"
