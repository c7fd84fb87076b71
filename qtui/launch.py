"""Opens the dashboard: what has to be set before Textual is imported, and how signals end it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from qtui.settings import Preferences
from qtui_workers.server.contexts import Context

if TYPE_CHECKING:
    import redis

    from qtui.app import QtuiApp

FRAMES_PER_SECOND: Final = "250"
"""A key is shown at the next frame: at Textual's own 60 a second that is a wait one feels; more frames cost no more work."""
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""The signals that end the dashboard as the key q does."""


def open_dashboard(context: Context, client: redis.Redis, preferences: Preferences) -> None:
    """Run the dashboard until the operator leaves it; raises SystemExit with 128 + its number where a signal ended it."""
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_PER_SECOND)
    gc.disable()  # importing makes objects that all stay: looking through them again and again costs a tenth of the start
    from qtui.app import QtuiApp
    from qtui.session import Session

    gc.freeze()
    gc.enable()
    app = QtuiApp(Session(context, client, refresh_seconds=preferences.refresh), theme=preferences.theme)
    with _handlers_restored():
        asyncio.run(_run(app))
    if app.return_code:
        raise SystemExit(app.return_code)


async def _run(app: QtuiApp) -> None:
    """Run the App, which a signal leaves between two of its callbacks.

    A handler of Python's own could raise anywhere, also where an exception is only printed, and the dashboard would live on.
    """
    loop = asyncio.get_running_loop()
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, app.leave_for, number)
    await app.run_async()


@contextmanager
def _handlers_restored() -> Iterator[None]:
    """Puts the handlers of the signals back: an event loop that ends leaves the system's own."""
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
