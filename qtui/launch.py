"""Opens the dashboard: settings needed before Textual is imported, and the signals that end it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from qtui import crash, output
from qtui.settings import Preferences
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

    from qtui.app import QtuiApp

FRAMES_PER_SECOND: Final = "250"
"""The effect of a key is shown at the next frame: at Textual's default of 60 a second the delay can be felt.
More frames cost no more work."""
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""The signals that end the dashboard as the key q does."""


def open_dashboard(context: Context, client: redis.Redis, preferences: Preferences) -> None:
    """Run the dashboard until the operator leaves it.

    Raises SystemExit with 128 + the signal's number if a signal ended it, with that of SIGHUP if its terminal is gone, and
    with 70 if it crashed.
    """
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_PER_SECOND)
    gc.disable()  # imports create objects that all stay: collecting garbage meanwhile takes a tenth of the start
    from qtui.app import QtuiApp
    from qtui.session import Session
    from qtui.terminal import Terminal

    gc.freeze()
    gc.enable()
    app = QtuiApp(
        Session(context, client, refresh_seconds=preferences.refresh, trash=preferences.trash.rules),
        theme=preferences.theme,
        driver_class=None if os.environ.get("TEXTUAL_DRIVER") else Terminal,
    )
    with _handlers_restored():
        asyncio.run(_run(app))  # waits for the chunk of an operation that is under way
    if running := app.session.running:
        output.note(printable(f"{running.title}: {running.ending()}", 4_000))
    if app.crash:
        raise SystemExit(crash.report(app.crash))
    if app.return_code:
        raise SystemExit(app.return_code)


async def _run(app: QtuiApp) -> None:
    """Run the App; a signal ends it between two callbacks of the event loop.

    A handler of Python's `signal` module could raise anywhere, even where Python only prints an exception, and the dashboard
    would not end.
    """
    loop = asyncio.get_running_loop()
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, app.leave_for, number)
    await app.run_async()


@contextmanager
def _handlers_restored() -> Iterator[None]:
    """Restores the signal handlers afterwards: an event loop that ends resets them to the defaults of the system."""
    before = {number: signal.getsignal(number) for number in (*ENDING, signal.SIGTSTP, signal.SIGCONT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
