"""Opens the dashboard: what has to be set before Textual is imported, and what makes its first frame come sooner."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from qtui.settings import Preferences
from qtui_workers.server.contexts import Context

if TYPE_CHECKING:
    import redis

FRAMES_PER_SECOND = "250"
"""A key is shown at the next frame: at Textual's own 60 a second that is a wait one feels; more frames cost no more work."""


def open_dashboard(context: Context, client: redis.Redis, mine: Preferences) -> None:
    """Run the dashboard until the person leaves it."""
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_PER_SECOND)
    gc.disable()  # importing makes objects that all stay: looking through them again and again costs a tenth of the start
    from qtui.app import QtuiApp
    from qtui.session import Session

    gc.freeze()
    gc.enable()
    QtuiApp(Session(context, client, refresh_seconds=mine.refresh), theme=mine.theme).run()
