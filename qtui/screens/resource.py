"""What all screens over Redis share: look in a thread, show what changed, keep the last good data under a banner."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

import redis
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Footer

from qtui import formatting
from qtui.broker import overview
from qtui.broker.models import Overview
from qtui.broker.operations import OPERATIONS, Operation
from qtui.messages import Looked, LookFailed
from qtui.screens import Place, places
from qtui.widgets.banner import Banner
from qtui.widgets.header import Header
from qtui.widgets.nav import Nav
from qtui.widgets.operation_line import OperationLine
from qtui_workers.errors import QtuiError
from qtui_workers.server.connection import explain
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.app import QtuiApp

BACKOFF = (1.0, 2.0, 4.0, 8.0)
"""Seconds between two tries while Redis is away; the last one is repeated."""


def operation_bindings(screen: str, operations: Iterable[Operation] = OPERATIONS.values()) -> list[BindingType]:
    """The keys of operations, for a screen of that name that has an `action_act`."""
    return [Binding(o.key, operation_action(o), o.title, id=f"{screen}.{o.name}", tooltip=o.hint) for o in operations]


def operation_action(operation: Operation) -> str:
    """The action of an operation's key."""
    return f"act('{operation.name}')"


class ResourceScreen(Screen[None]):
    """A screen over something in Redis: columns, a load and operations are all that a subclass adds."""

    PLACE: ClassVar[Place | None] = None
    """Set by the screens that have a number of their own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", show=False, id="screen.back"),
        Binding("r", "reload", "Refresh", show=False, tooltip="Look again now", id="screen.reload"),
        Binding("f", "freeze", "Freeze", show=False, tooltip="Stop or go on refreshing", id="screen.freeze"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.data: Any = None
        """The last good data; None before the first look."""
        self._generation = 0
        self._in_flight = False
        self._reason = ""
        self._is_away = False
        self._failures = 0
        self._next_try = 0.0
        self._timer: Timer | None = None
        self._frozen = False

    # -- what a subclass says ------------------------------------------------

    @classmethod
    def place(cls) -> Place:
        """The place of a top-level screen."""
        assert cls.PLACE is not None, f"{cls.__name__} has no place"
        return cls.PLACE

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between the bars."""
        raise NotImplementedError

    def request(self) -> Any:
        """What to look at now: a plain value that the thread may keep; compared with `==`."""
        return None

    def load(self, client: redis.Redis, request: Any) -> Any:
        """Look at Redis. Runs in a thread: it touches no widget."""
        raise NotImplementedError

    def show(self, data: Any, overview: Overview) -> None:
        """Show what was found; the widgets repaint only what changed."""
        raise NotImplementedError

    # -- the frame -------------------------------------------------------------

    @property
    def qtui(self) -> QtuiApp:
        """The application, by its own type."""
        return cast("QtuiApp", self.app)

    def compose(self) -> ComposeResult:
        """The bars around the body."""
        yield Header(self.qtui.context.name, clock=self.qtui.clock, read_only=self.qtui.context.read_only)
        yield Nav([(p.place().number, p.place().name, p.place().title) for p in places().values()], self.mode_name)
        yield Banner()
        yield from self.compose_body()
        yield OperationLine(self.qtui.figures)
        yield Footer(show_command_palette=False, compact=True)

    @property
    def mode_name(self) -> str:
        """The top-level screen this one was opened from."""
        return self.app.current_mode

    def on_mount(self) -> None:
        """Begin to look, and go on while this screen is the one that is seen."""
        if self.qtui.refresh_seconds:
            self._timer = self.set_interval(self.qtui.refresh_seconds, self._tick)

    def on_screen_resume(self) -> None:
        """Seen again: look at once."""
        if self._timer:
            self._timer.resume()
        self.reload()

    def on_screen_suspend(self) -> None:
        """Hidden: stop looking."""
        if self._timer:
            self._timer.pause()

    # -- looking -----------------------------------------------------------------

    def _tick(self) -> None:
        if self._frozen:
            return
        if self._failures and time.monotonic() < self._next_try:
            self._show_outage()
            return
        self.reload()

    def reload(self) -> None:
        """Look again, unless a look is under way."""
        if self._in_flight:
            return
        self._in_flight = True
        self._generation += 1
        generation, request, client = self._generation, self.request(), self.qtui.client
        self.run_worker(lambda: self._look(generation, request, client), thread=True, exit_on_error=False, group="look")

    def _look(self, generation: int, request: Any, client: redis.Redis) -> None:
        try:
            seen = overview.load(client)
            data = self.load(client, request)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is shown over the last good data
            self.post_message(LookFailed(generation, error))
        else:
            self.post_message(Looked(generation, request, seen, data))

    def on_looked(self, message: Looked) -> None:
        """Show what was found, and look again at once if something else is wanted by now."""
        message.stop()
        self._in_flight = False
        self._recovered()
        seen = self.qtui.observe(message.overview)
        self.query_one(Header).show(seen)
        current = self.request()
        if self.is_wanted(message.request, current):
            self.data = message.data
            self.show(message.data, seen)
        if message.request != current:
            self.reload()

    def is_wanted(self, asked: Any, current: Any) -> bool:
        """Whether an answer to `asked` still fits what the screen shows."""
        return bool(asked == current)

    def on_look_failed(self, message: LookFailed) -> None:
        """Keep the last good data, say what is wrong, try again later."""
        message.stop()
        self._in_flight = False
        error = message.error
        self._is_away = isinstance(error, redis.RedisError | OSError)
        if self._is_away:
            self._reason = str(explain(error, self.qtui.context.name))
        elif isinstance(error, QtuiError):
            self._reason = str(error)
        else:
            self.log.error(error)
            self._reason = f"qtui cannot show this ({type(error).__name__}: {printable(str(error), 200)}); please report it."
        wait = BACKOFF[min(self._failures, len(BACKOFF) - 1)]
        self._failures += 1
        self._next_try = time.monotonic() + wait
        self._show_outage()

    def _show_outage(self) -> None:
        wait = max(0, round(self._next_try - time.monotonic()))
        at = self.qtui.last_seen_at
        showing = f" Showing {formatting.clock(at)}." if at else ""
        again = f" Trying again in {wait} s." if self.qtui.refresh_seconds else " Press r to try again."
        self.query_one(Banner).show(f"{self._reason}{showing}{again}", "bad")
        if self._is_away:
            self.query_one(Header).away()

    def _recovered(self) -> None:
        if self._failures:
            self._failures = 0
            self.query_one(Banner).show("", "good")

    # -- keys ----------------------------------------------------------------------

    def action_reload(self) -> None:
        """Look again now, whatever the back-off says."""
        self._next_try = 0.0
        self.reload()

    def action_freeze(self) -> None:
        """Stop refreshing, or go on."""
        self._frozen = not self._frozen
        self.query_one(Banner).show("Frozen. Press f to go on." if self._frozen else "", "warn")
        if not self._frozen:
            self.reload()

    def action_back(self) -> None:
        """Go back to the screen below, if there is one."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
