"""Remove: jobs that do not run are deleted, with their results and logs."""

from __future__ import annotations

from typing import Final

from qtui.broker.operations.base import Operation
from qtui.broker.status import Status
from qtui_workers.server.scripts import Script

REMOVE: Final = Operation(
    name="remove",
    title="Remove",
    past="removed",
    key="D",
    hint="Delete it with its result and log",
    order=40,
    statuses=(
        Status.QUEUED,
        Status.FAILED,
        Status.STOPPED,
        Status.SCHEDULED,
        Status.DEFERRED,
        Status.READY_TO_ENQUEUE,
        Status.FINISHED,
        Status.CANCELED,
    ),
    danger=True,
    deletes=True,
    script=Script.load("remove", "qtui.broker"),
)
