"""What hosts one widget alone in a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget

from qtui.broker.status import Status
from qtui.widgets.status_tabs import StatusTabs
from qtui.widgets.theme import DARK, THEMES

NOW = 1_763_800_000.0
HOSTILE = "[red]x[/] [@click=app.quit]y[/] \x1b[31mz"
SHOWN = "[red]x[/] [@click=app.quit]y[/] ␛[31mz"


class Host(App[None]):
    """One widget alone."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.changes: list[Status] = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_status_tabs_changed(self, message: StatusTabs.Changed) -> None:
        self.changes.append(message.status)

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join("".join(s.text for s in line) for line in self.screen._compositor.render_strips())


async def until(predicate: Callable[[], object], description: str) -> None:
    for _ in range(500):
        if predicate():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"did not happen: {description}")
