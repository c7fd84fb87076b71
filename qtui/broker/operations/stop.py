"""Stop: the workers of running jobs receive the command to end them."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation
from qtui.broker.status import STATUSES, Status
from qtui_workers.server.scripts import Script

STOP: Final = Operation(
    name="stop",
    title="Stop",
    past="asked to stop",
    key="S",
    hint="Have its worker end it; a stopped job can be retried",
    order=30,
    statuses=tuple(status for status in STATUSES if status.runs),
    usual=Status.STARTED,
    lasting="The work done so far may be lost.",
    script=Script.load("stop", "qtui.broker"),
)
