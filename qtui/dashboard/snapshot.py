"""One frame of the dashboard as text."""

from __future__ import annotations

import asyncio
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from qtui.preferences.settings import Preferences
from qtui_workers.errors import RedisUnavailable
from qtui_workers.server.contexts import Context

if TYPE_CHECKING:
    import redis
    from textual.pilot import Pilot

SIZE: Final = (80, 24)
"""Cells and lines, where nothing says how large a terminal is."""
_PATIENCE: Final = 10.0
"""Seconds in which the first look has to be there."""


def snapshot(context: Context, preferences: Preferences, client: redis.Redis) -> str:
    """What the dashboard shows first, over this connection, in lines.

    Raises redis.RedisError where the queues cannot be read, RedisUnavailable where nothing is read in time.
    """
    from qtui.broker.queues import overview
    from qtui.dashboard.app import QtuiApp
    from qtui.shared.session import Session

    overview.load(client)  # where it is refused it says why, which a frame would show in its time
    session = Session(context, client, refresh_seconds=None)
    app = QtuiApp(session, theme=preferences.theme)
    try:
        found: Any = asyncio.run(
            app.run_async(headless=True, size=shutil.get_terminal_size(SIZE), auto_pilot=partial(_take, app))
        )
    finally:
        session.close()
    if not isinstance(found, str):
        raise RedisUnavailable(f"{context.name} did not tell its queues in {_PATIENCE:g} s")
    return found


async def _take(app: Any, pilot: Pilot[Any]) -> None:
    from qtui.dashboard.saving import text_of

    until = time.monotonic() + _PATIENCE
    while app.session.overview is None and time.monotonic() < until:
        await asyncio.sleep(0.02)
    await pilot.pause(0.1)  # what was read is painted with the next frame
    app.exit(text_of(app.screen) if app.session.overview else None)
