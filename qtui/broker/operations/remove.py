"""Remove: jobs that do not run are deleted, with their results and logs."""

from __future__ import annotations

from typing import Final

from qtui.broker.operations.base import Operation
from qtui.broker.status import STATUSES
from qtui_workers.server.scripts import Script

REMOVE: Final = Operation(
    name="remove",
    title="Remove",
    past="removed",
    key="D",
    hint="Delete it with its result and log",
    order=40,
    statuses=tuple(status for status in STATUSES if status.place not in ("limit", "hash") and not status.runs),
    lasting="This cannot be taken back.",
    deletes=True,
    script=Script.load("remove", "qtui.broker"),
)
