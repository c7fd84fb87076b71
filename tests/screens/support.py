"""What the stories share: the dashboard over the real server, driven by keys and read as a person reads it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button

import qtui.dashboard.app
from qtui.dashboard.app import QtuiApp
from qtui.places import PLACES
from qtui.screens.parts.confirm import ConfirmScreen
from qtui.shared.session import Session
from qtui.widgets.row_table import RowTable
from qtui_workers.server.connection import Target
from qtui_workers.server.contexts import Colour, Context
from screenshots.scenes import press, settle
from tests.support import patience

NOW = 1_763_800_000.0
"""The time on the wall in every story: 2025-11-22 08:26:40 UTC."""


class Dashboard(QtuiApp):
    """The dashboard, which also records its notifications."""

    CSS_PATH = Path(qtui.dashboard.app.__file__).with_name("qtui.tcss")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.said: list[str] = []

    def notify(self, message: str, **options: Any) -> None:  # type: ignore[override]  # passed on as it is
        self.said.append(message)
        super().notify(message, **options)


def make_app(
    client: redis.Redis | Callable[[], redis.Redis],
    *,
    name: str = "test",
    read_only: bool = False,
    kind: type[Dashboard] = Dashboard,
    theme: str | None = None,
    start: str = PLACES[0].name,
    colour: Colour | None = None,
    **options: Any,
) -> Dashboard:
    """The dashboard over a client; it loads only on request, and its clock stands still."""
    context = Context(name, Target("", name), read_only, colour=colour)
    app = kind(Session(context, client, **{"refresh_seconds": None, "clock": lambda: NOW} | options), theme=theme, start=start)
    app.animation_level = "none"
    return app


def lines(app: App[Any]) -> list[str]:
    """The lines of the terminal."""
    return ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]


@dataclass
class Story:
    """A person in front of the dashboard."""

    app: Dashboard
    pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other, each time waiting for what it brings."""
        for key in keys:
            await press(self.pilot, key)

    async def paste(self, text: str) -> None:
        """Paste a text into what has the focus."""
        assert self.app.focused is not None, "nothing has the focus"
        self.app.focused.post_message(events.Paste(text))
        await settle(self.pilot)

    async def onto(self, name: str) -> None:
        """Put the cursor of the table on the row with that name."""
        await self.press("g", *("j" for _ in range([row.name for row in self.table.rows].index(name))))

    async def look(self) -> None:
        """Look at Redis again."""
        await self.press("r")

    async def look_until(self, predicate: Callable[[], object], description: str) -> None:
        """Look again and again until something is seen."""
        timeout = patience()
        deadline = time.monotonic() + timeout
        while not predicate():
            assert time.monotonic() < deadline, f"not seen within {timeout} s: {description}"
            await self.look()

    @property
    def place(self) -> str:
        """The kind of screen that is seen."""
        return type(self.app.screen).__name__

    @property
    def text(self) -> str:
        """All that the terminal shows."""
        return "\n".join(lines(self.app))

    @property
    def words(self) -> str:
        """The same with every run of blanks as one."""
        return " ".join(self.text.split())

    @property
    def table(self) -> RowTable[Any]:
        """The table of the screen."""
        return self.app.screen.query_one(RowTable)

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs that the table holds."""
        return [row.id for row in self.table.rows]

    @property
    def focused(self) -> str | None:
        """The id of what has the focus."""
        return self.app.focused.id if self.app.focused else None

    def can(self, key: str) -> bool:
        """Whether a key does something here."""
        active = self.app.screen.active_bindings.get(key)
        return active is not None and active.enabled

    def question(self) -> str:
        """What the dialog asks."""
        assert isinstance(self.app.screen, ConfirmScreen), f"there is no dialog but {self.place}"
        return str(self.app.screen.query_one("#question").render())

    def button(self, name: str) -> Button:
        """A button of the screen."""
        return self.app.screen.query_one(f"#{name}", Button)


@asynccontextmanager
async def dashboard(
    client: redis.Redis, *, size: tuple[int, int] = (100, 30), toasts: bool = False, **options: Any
) -> AsyncIterator[Story]:
    """The dashboard, opened and having looked once; with `toasts` they are shown, else only recorded."""
    app = make_app(client, **options)
    async with app.run_test(size=size, notifications=toasts) as pilot:
        await settle(pilot)
        yield Story(app, pilot)
