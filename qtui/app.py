"""The dashboard: modes, the keys that work everywhere, and what all screens share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar

import redis
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from qtui.acting import Acting
from qtui.broker.models import Overview
from qtui.broker.throughput import Throughput
from qtui.palette import JobProvider, OperationProvider, QueueProvider
from qtui.screens import places
from qtui.screens.help import HelpScreen
from qtui.theme import THEMES
from qtui_workers.server.contexts import Context


class QtuiApp(Acting):
    """The terminal in which people operate job queues."""

    TITLE = "qtui"
    CSS_PATH = "qtui.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {**places()}
    DEFAULT_MODE = "queues"
    COMMANDS = App.COMMANDS | {OperationProvider, QueueProvider, JobProvider}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012 - typed so by Textual
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                str(screen.place().number),
                f"switch_mode('{name}')",
                screen.place().title,
                show=False,
                id=f"app.{name}",
                tooltip=screen.place().hint,
            )
            for name, screen in places().items()
        ),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help", tooltip="The keys of this screen"),
        Binding("colon", "command_palette", "Palette", show=False, key_display=":", id="app.palette"),
        Binding("q", "leave", "Quit", id="app.leave", tooltip="Back to the screen below; from the lowest one, quit"),
    ]

    def __init__(
        self,
        context: Context,
        client: redis.Redis,
        *,
        refresh_seconds: float | None = 1.0,
        theme: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`refresh_seconds` None: look only when asked. `clock` gives the time on the wall, in seconds."""
        super().__init__()
        self.context = context
        self.client = client
        self.refresh_seconds = refresh_seconds
        self.clock = clock
        self.throughput = Throughput()
        self.overview: Overview | None = None
        """The newest one seen, by any screen."""
        self.last_seen_at: float | None = None
        """When that was, on our own clock."""
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme if theme in self.available_themes else THEMES[0].name

    def observe(self, seen: Overview) -> Overview:
        """Remember an overview; returns it with the rates that follow from the ones before."""
        self.overview = self.throughput.feed(seen)
        self.last_seen_at = self.clock()
        return self.overview

    @property
    def server_now(self) -> float:
        """The server's clock at the newest look; our own before the first."""
        return self.overview.at if self.overview else self.clock()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The places, beside Textual's own commands."""
        yield from super().get_system_commands(screen)
        for name, kind in places().items():
            place = kind.place()
            yield SystemCommand(place.title, place.hint, lambda name=name: self.switch_mode(name))

    def action_help(self) -> None:
        """The keys of the screen that is seen."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    async def action_leave(self) -> None:
        """Go back to the screen below; from the lowest one, quit."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.action_stop_operation()
            self.exit()
