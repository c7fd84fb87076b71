"""The base of all screens that show Redis: load in a thread, show the changes, keep the last good data after an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget

from qtui.broker.models import Overview
from qtui.lazy import Lazy
from qtui.presentation import formatting
from qtui.screens.parts.going_back import GoingBack
from qtui.screens.parts.question import Question, Wanted
from qtui.screens.parts.repaint import SparingScreen
from qtui.shared.looking import Wait, look
from qtui.shared.messages import ChangeConfirmed, CopyRequested, Data, Loaded, LoadFailed, Request, ViewShown
from qtui.shared.reachability import LookFailure
from qtui.shared.session import Session, session_of
from qtui.widgets.banner import Banner
from qtui.widgets.footer import Footer
from qtui.widgets.header import Header
from qtui.widgets.nav import Nav
from qtui.widgets.operation_line import OperationLine
from qtui.widgets.row_table import RowTable

if TYPE_CHECKING:
    import redis

    from qtui.broker.operations import Operation, Parameter, Selection
    from qtui.broker.status import Status
    from qtui.presentation import equivalent_commands
    from qtui.screens.parts import confirm, operation_keys, operation_question
    from qtui.screens.parts.confirm import ConfirmScreen
else:
    equivalent_commands = Lazy("qtui.presentation.equivalent_commands")
    operation_question, confirm = Lazy("qtui.screens.parts.operation_question"), Lazy("qtui.screens.parts.confirm")
    operation_keys = Lazy("qtui.screens.parts.operation_keys")

ABOUT_A_ROW = frozenset({"select", "mark", "mark_range", "copy"})
"""The actions of a table that are about the row under its cursor."""
SHARE = 16
"""A screen waits so many times as long as its look took: a sixteenth of a processor."""
REST = 0.08
"""Seconds without a move of the cursor after which it rests."""
HELD = 0.4
"""The same for moves that follow each other faster than this: a key is held down, over a slow line perhaps."""


class ResourceScreen(GoingBack, SparingScreen, Generic[Request, Data]):
    """A screen that shows something in Redis; a subclass says what to request, how to load it and how to show it.

    `Request` is a plain value, compared with `==`; `Data` is what was loaded for it.
    """

    CHANGING: ClassVar[frozenset[str]] = frozenset()
    """The actions that change something: dimmed where the connection is read-only."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload", "Refresh", show=False, tooltip="Look again now", id="screen.reload"),
        Binding("f", "freeze", "Freeze", show=False, tooltip="Stop or go on refreshing", id="screen.freeze"),
    ]

    made_with: tuple[Any, ...] = ()
    """What it was made with, so that it can be opened again."""

    def __new__(cls, *given: Any, **_: Any) -> Self:
        """A screen that knows what it was made with."""
        made = super().__new__(cls)
        made.made_with = given
        return made

    def __init__(self) -> None:
        super().__init__()
        self.data: Data | None = None
        """The data that was loaded last; None before the first load."""
        self.loaded_at: float | None = None
        """When that was, by this machine's clock, in seconds since the epoch."""
        self.requested: Request | None = None
        """What was requested last."""
        self._loading = False
        self._wait = Wait()
        self._again = False
        """Whether to load once more after the current load, whose data may be out of date …"""
        self._fresh = False
        """… and its overview too."""
        self._rest: Timer | None = None
        self._moved_at = 0.0
        self._own_trouble: LookFailure | None = None
        """Why this screen cannot be loaded, where the server answers."""
        self._failed = False
        """Whether its last load failed."""
        self._next_look = self._every = 0.0
        """When the timer may load again, and how long it waits for that, in seconds."""
        self._timer: Timer | None = None
        self._frozen = False

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between the bars."""
        raise NotImplementedError

    def request(self) -> Request:
        """What to load now: a value that the thread may keep. None where there is only one thing to load."""
        return cast(Request, None)

    def load(self, client: redis.Redis, request: Request) -> Data:
        """Read from Redis. Runs in a thread, so it must not use widgets."""
        raise NotImplementedError

    def show(self, data: Data, overview: Overview) -> None:
        """Show what was loaded; the widgets repaint only what changed."""
        raise NotImplementedError

    def is_wanted(self, requested: Request, current: Request) -> bool:
        """Whether what was loaded for a request still fits what the screen shows."""
        return bool(requested == current)

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether an action makes sense at the moment; its key is hidden where it does not."""
        return True

    @property
    def acts_on(self) -> Status | None:
        """The status of the job that the keys of operations are about; None where they are about none."""
        return None

    @property
    def row_under_cursor(self) -> Any:
        """The one of its table; None where there is none, and while the screen is opened or closed."""
        for table in self.query(RowTable):
            return table.cursor_row
        return None

    @cached_property
    def session(self) -> Session:
        """What all screens of a connection share: of the one over which this screen was opened."""
        return session_of(self.app)

    def compose(self) -> ComposeResult:
        """The bars around the body."""
        session = self.session
        self.set_class(session.context.colour is not None, f"-{session.context.colour}")
        yield Header(session.name, clock=session.clock, waiting=self._wait.seconds, read_only=session.read_only)
        yield Nav(self.mode_name)
        yield Banner()
        yield from self.compose_body()
        yield OperationLine(lambda: now.figures if (now := session.running) else None)
        yield Footer()

    @property
    def mode_name(self) -> str:
        """The top-level screen this one was opened from."""
        return self.app.current_mode

    def on_mount(self) -> None:
        """Start the timer that reloads while this screen is visible."""
        if self.session.refresh_seconds:
            self._timer = self.set_interval(self.session.refresh_seconds, self.tick)

    def on_screen_resume(self) -> None:
        """Visible again: load at once."""
        if self._timer:
            self._timer.resume()
        self.post_message(ViewShown())
        self.query_one(Header).go_on()
        self.operation_begun()
        self._say_reach()
        self.reload()

    def on_screen_suspend(self) -> None:
        """Hidden: stop loading; when it is seen again, it is painted."""
        self.go_on_painting()
        if self._timer:
            self._timer.pause()

    def tick(self) -> None:
        """What the timer does: load again, unless the screen is frozen or loading, or the next try after an error is not due."""
        if self._frozen or self._loading:
            return
        now, trouble = time.monotonic(), self._trouble
        if trouble and now < trouble.next_look:
            self._say_reach()
        elif trouble or self._failed or now >= self._next_look:
            self.reload()

    def reload(self, *, fresh: bool = True) -> None:
        """Load now; while a load is running, once more after it, as it may miss what is wanted now.

        `fresh`: the overview too; without it, the newest one is shown again.
        """
        if self._loading:
            self._again, self._fresh = True, self._fresh or fresh
            return
        self._loading, self._again, self._fresh = True, False, False
        request = self.requested = self.request()
        see = fresh or self.session.overview is None
        self.run_worker(lambda: self._load(request, see=see), thread=True, exit_on_error=False, group="load")

    def reload_at_rest(self) -> None:
        """Load as soon as the cursor rests, so that a key that is held down does not load at every row, but the timer does."""
        if self._rest:
            self._rest.stop()
        before, self._moved_at = self._moved_at, time.monotonic()
        held = self._timer is not None and self._moved_at - before < HELD
        self._rest = self.set_timer(HELD if held else REST, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self.reload(fresh=False)

    @property
    def loads_again(self) -> bool:
        """Whether another load follows at once, as the one before it may miss what is wanted now."""
        return self._again

    @property
    def awaits_rest(self) -> bool:
        """Whether the screen will load when the cursor rests."""
        return self._rest is not None

    def _load(self, request: Request, *, see: bool) -> None:
        try:
            client = self.session.client
            self._wait.begin()
            found = look(lambda: self.load(client, request), self.session.load_overview if see else None)
            if found.overview:
                self.session.look_back(found.overview)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is shown over the last good data
            self.post_message(LoadFailed(error))
        else:
            self.post_message(Loaded(request, found))

    def on_loaded(self, message: Loaded[Request, Data]) -> None:
        """Show what was loaded; load again at once only if it no longer fits, or if another load was requested meanwhile."""
        message.stop()
        self._wait.end()
        self._loading, self._failed, self._own_trouble = False, False, None
        self.session.reach.answered()
        self._say_reach()
        began = time.thread_time()
        found = message.look
        seen = self.session.observe(found.overview)
        wanted = self.is_wanted(message.request, self.request())
        if wanted:
            self.data, self.loaded_at = found.data, self.session.clock()
            self.show(found.data, seen)
        if found.overview:
            self._rest_after(found.cost + time.thread_time() - began)
        self.query_one(Header).show(seen, self._every)
        if self._again or not wanted:
            self.reload(fresh=self._fresh)

    def _rest_after(self, cost: float) -> None:
        """Looks that take long are made less often, so that all of them together take a small share of a processor."""
        self._next_look = time.monotonic() + cost * SHARE
        self._every = cost * SHARE

    def on_load_failed(self, message: LoadFailed) -> None:
        """Keep the last good data, say what is wrong, try again later."""
        message.stop()
        self._wait.end()
        self._loading, self._failed = False, True
        trouble = self.session.reach.failed(message.error, self._own_trouble)
        self._own_trouble = None if trouble.is_away else trouble
        self._say_reach()

    @property
    def _trouble(self) -> LookFailure | None:
        return self.session.reach.outage or self._own_trouble

    def operation_begun(self) -> None:
        """An operation runs, perhaps: its line shows it."""
        for line in self.query(OperationLine):  # there is none where it is just being opened or closed
            line.follow()

    def reach_changed(self) -> None:
        """Whichever look has shown it: the server does not answer any more, or it does again."""
        if len(self.query("Header, Banner")) < 2:  # it is just being opened or closed
            return
        self._say_reach()
        if self._failed and not self._trouble and self.app.screen is self:
            self.reload()

    def _say_reach(self) -> None:
        """What is wrong and when the next look is due, over the last good data; or that the screen is frozen."""
        trouble = self._trouble
        self.query_one(Header).away(trouble is not None and trouble.is_away)
        if trouble is None:
            self.query_one(Banner).show("Frozen. Press f to go on." if self._frozen else "", "warn")
            return
        showing = "" if self.loaded_at is None else f" Showing {formatting.clock(self.loaded_at)}."
        by_itself = self.session.refresh_seconds and not self._frozen
        again = f" Trying again in {trouble.wait} s." if by_itself else " Press r to try again."
        self.query_one(Banner).show(f"{trouble.reason}{showing}{again}", "bad")

    def start_operation(self, operation: Operation, selection: Selection, on_done: Callable[[], object] | None = None) -> None:
        """Show how many jobs would be changed, ask, then run it; `on_done` is called if at least one job was changed."""
        if running := self.session.running:
            self.notify(f"Wait: {running.what} is under way.", severity="warning")
            return
        seen = (lambda: on_done() if self.is_attached else None) if on_done else None
        ask = operation_question.about_operation(self.session, self.app, operation, selection, seen)
        grave = bool(operation.lasting) or operation.deletes
        dialog = confirm.ConfirmScreen(operation.title, ask, self.session.context, lasting=grave, parameter=operation.parameter)
        self._confirm(dialog)

    def ask(
        self,
        title: str,
        text: str,
        change: Callable[[redis.Redis], str] | None = None,
        *,
        notes: Iterable[str] = (),
        command: Sequence[str] = (),
        options: Sequence[str] = (),
        lasting: bool = False,
    ) -> None:
        """Ask, then make a change in a thread: `change` returns what it did, as a sentence. Without one, the text says why not.

        `command`, `options`: the words of the command that would do the same. `lasting`: it cannot be taken back.
        """
        app, session = self.app, self.session
        agreed = (lambda: app.post_message(ChangeConfirmed(session, change, title.lower(), text))) if change else None
        same = equivalent_commands.command(command[0], command[1:], self.session.context, options) if command else ""
        question = Question(text, notes=notes, command=same, agreed=agreed)
        self._confirm(confirm.ConfirmScreen(title, lambda _: [question], self.session.context, lasting=lasting))

    def ask_about(
        self, title: str, ask: Callable[[str | None], Question], parameter: Parameter | None = None, value: str = ""
    ) -> None:
        """Ask what `ask` returns for the value of a parameter, which begins as `value`; it may read from Redis."""

        def questions(wanted: Wanted) -> list[Question]:
            return [ask(wanted.text)]

        dialog = confirm.ConfirmScreen(title, questions, self.session.context, lasting=False, parameter=parameter, value=value)
        self._confirm(dialog)

    def _confirm(self, screen: ConfirmScreen) -> None:
        if self.session.read_only:
            self._say_read_only()
        else:
            self.app.push_screen(screen)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key is hidden if its action does not apply, and dimmed if it changes something and the connection is read-only."""
        if not self.applies(action, parameters):
            return False
        return None if action in self.CHANGING and self.session.read_only else True

    def is_about_row(self, action: str) -> bool:
        """Whether an action is about the row under the cursor of a table."""
        return action in self.CHANGING | ABOUT_A_ROW

    def heard(self, event: events.Key) -> None:
        """A key was pressed, and will be acted on now: on the row that was under the cursor on the terminal at that time.

        A key that does nothing, because of the connection or because that row has left the list, says so.
        """
        wrong = self.acts_on if event.key.isupper() and not self.session.read_only else None
        if wrong and (reason := operation_keys.why_not(self, event.key, wrong)):
            self.notify(reason, severity="warning", markup=False)
        missed = [table for table in self.query(RowTable) if not table.pressed(event.time)]
        if not missed and not self.session.read_only:
            return  # as for nearly every key: to find out what it does takes as long as to move the cursor
        active = self.active_bindings.get(event.key)
        action = active.binding.action.partition("(")[0] if active else ""
        if active and not active.enabled and action in self.CHANGING and self.session.read_only:
            self._say_read_only()
        if missed and self.is_about_row(action):
            self.notify("Nothing was done: what was under the cursor has just left the list.", severity="warning")

    def on_row_table_copy_wanted(self, message: RowTable.CopyWanted) -> None:
        """Copy ids or names, one a line."""
        message.stop()
        number = len(message.texts)
        self.app.post_message(
            CopyRequested("\n".join(message.texts), f"{formatting.count(number)} ids, one a line" if number > 1 else "")
        )

    def _say_read_only(self) -> None:
        self.notify(f"{self.session.name} is read-only.", severity="warning", markup=False)

    def action_reload(self) -> None:
        """Load now, without waiting for the next try."""
        self.reload()

    def action_freeze(self) -> None:
        """Stop refreshing, or go on."""
        self._frozen = not self._frozen
        self._say_reach()
        if not self._frozen:
            self.reload()
