"""Remove: jobs that do not run go into the trash, with their results and logs, or are deleted."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation
from qtui.broker.status import STATUSES
from qtui_workers.server.scripts import Script

REMOVE: Final = Operation(
    name="remove",
    title="Remove",
    past="removed",
    key="D",
    hint="Take it away with its result and log; undo puts it back",
    order=40,
    statuses=tuple(status for status in STATUSES if status.place not in ("limit", "hash") and not status.runs),
    deletes=True,
    script=Script.load("remove", "qtui.broker"),
)
