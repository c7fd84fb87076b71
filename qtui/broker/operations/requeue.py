"""Requeue: started jobs whose worker is gone go back to the head of their queue."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation
from qtui.broker.status import STATUSES, Status
from qtui_workers.server.scripts import Script

REQUEUE: Final = Operation(
    name="requeue",
    title="Put back",
    past="put back",
    key="B",
    hint="Put a job that has lost its worker back at the head of its queue",
    order=35,
    statuses=tuple(status for status in STATUSES if status.runs),
    usual=Status.STARTED,
    risk="it may run twice: its worker may still be alive",
    enqueues=True,
    to_head=True,
    script=Script.load("requeue", "qtui.broker"),
)
