"""Opens the dashboard: settings needed before Textual is imported, and the signals that end it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final

from qtui.places import PLACES
from qtui.preferences.settings import Preferences
from qtui.printing import output
from qtui.start import crash
from qtui_workers.server import prefix
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

    from qtui.broker.models import Overview
    from qtui.dashboard.app import QtuiApp
    from qtui.dashboard.keymap import Key
    from qtui.preferences.memory import Memory
    from qtui.shared.session import Session
    from qtui.start.borrowed import Borrowed
    from qtui_workers.server.address import Target

FRAMES_PER_SECOND: Final = "250"
"""The effect of a key is shown at the next frame: at Textual's default of 60 a second the delay can be felt.
More frames cost no more work."""
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""The signals that end the dashboard as the key q does."""
_GARBAGE: Final = (10_000, 3, 5)
"""A frame makes some thousands of objects: with Python's own thresholds a tenth of its time goes into looking for garbage.

A view that is closed leaves some thousands in circles, of which 30,000 may wait for the look that finds them.
"""
_FOR_LOOKS: Final = (
    "qtui.broker.queues.overview",
    "qtui.broker.queues.figures",
    "qtui.broker.diagnosis.queue_look",
    "qtui.broker.diagnosis.queue_failures",
)
_LATER: Final = (
    "qtui.dashboard.palette",
    "qtui.screens.parts.operation_question",
    "qtui.screens.help",
    "qtui.screens.contents",
    "qtui.screens.watch",
)
"""Modules that are needed soon after the first frame: for its screen, and for what keys open."""


def open_dashboard(
    context: Context,
    preferences: Preferences,
    *,
    client: redis.Redis | None = None,
    seen: Overview | None = None,
    borrowed: Borrowed | None = None,
    memory: Memory | None = None,
) -> None:
    """Run the dashboard until the operator leaves it.

    `client`: its connection; without one it makes one, once its first frame is shown. `seen`: what that frame shows.
    `borrowed`: the terminal, where it shows that frame already. `memory`: what is known from runs before.
    Raises SystemExit with 128 + the signal's number if a signal ended it, with that of SIGHUP if its terminal is gone, and
    with 70 if it crashed.
    """
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_PER_SECOND)
    gc.disable()  # imports create objects that all stay: collecting garbage meanwhile takes a tenth of the start
    from qtui.shared.session import Session

    later = _LoadedLater(context.target)
    session = Session(
        context,
        client or later.connect,
        refresh_seconds=preferences.refresh,
        trash=preferences.trash.rules,
        own=preferences.own,
        seen=seen,
        memory=memory,
    )
    app = _make_app(session, preferences, borrowed, on_first_frame=later.begin)
    if borrowed:
        borrowed.leave_signals()
    try:
        with _handlers_restored():
            asyncio.run(_run(app, later))  # waits for the chunk of an operation that is under way
    finally:
        for each in app.sessions.values():
            each.close()
    _leave(app)


def _make_app(
    session: Session, preferences: Preferences, borrowed: Borrowed | None, on_first_frame: Callable[[], object]
) -> QtuiApp:
    from qtui.dashboard.app import QtuiApp
    from qtui.dashboard.terminal import taking_over

    return QtuiApp(
        session,
        start=preferences.first_place(session.memory.now.place),
        theme=preferences.theme,
        keys=preferences.keymap,
        driver_class=None if os.environ.get("TEXTUAL_DRIVER") else taking_over(borrowed),
        on_first_frame=on_first_frame,
    )


def _leave(app: QtuiApp) -> None:
    """Says what was still running when the dashboard was left, and ends or replaces the process as the App wants it."""
    for each in app.sessions.values():
        if running := each.running:
            output.note(printable(f"{running.title} on {each.name}: {running.ending()}", 4_000))
    if app.next_context:
        prefix.begin_anew(("-P", "-m", "qtui", "--context", app.next_context.name))
    if app.crash:
        raise SystemExit(crash.report(app.crash))
    if app.return_code:
        raise SystemExit(app.return_code)


def named_keys() -> list[Key]:
    """The keys of the dashboard."""
    from qtui.dashboard.app import QtuiApp
    from qtui.dashboard.keymap import all_keys

    return all_keys(QtuiApp)


class _LoadedLater:
    """What the first frame does without, which is loaded while the operator looks at it: the client, the other screens."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._shown = threading.Event()
        self._ends = False

    def begin(self) -> None:
        """The first frame is shown."""
        self._shown.set()
        threading.Thread(target=self._load, name="later", daemon=True).start()

    def end(self) -> None:
        """The dashboard is left: nobody waits any more."""
        self._ends = True
        self._shown.set()

    def connect(self) -> redis.Redis:
        """A connection; what looks need is loaded too, as the time that they take is measured."""
        self._shown.wait()
        if self._ends:
            raise ConnectionAbortedError("the dashboard is being left")
        for name in _FOR_LOOKS:
            import_module(name)
        from qtui_workers.server.connection import dial

        return dial(self._target)

    def _load(self) -> None:
        for name in (*_FOR_LOOKS, *(f"qtui.screens.{place.name}" for place in PLACES), *_LATER):
            if self._ends:
                return
            import_module(name)
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        gc.enable()


async def _run(app: QtuiApp, later: _LoadedLater) -> None:
    """Run the App; a signal ends it between two callbacks of the event loop.

    A handler of Python's `signal` module could raise anywhere, even where Python only prints an exception, and the dashboard
    would not end.
    """
    loop = asyncio.get_running_loop()
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, app.leave_for, number)
    try:
        await app.run_async()
    finally:
        later.end()


@contextmanager
def _handlers_restored() -> Iterator[None]:
    """Restores the signal handlers afterwards: an event loop that ends resets them to the defaults of the system."""
    before = {number: signal.getsignal(number) for number in (*ENDING, signal.SIGTSTP, signal.SIGCONT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
