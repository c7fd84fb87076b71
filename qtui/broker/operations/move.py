"""Move: jobs that wait go to another queue."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation, Parameter
from qtui.broker.status import Status
from qtui_workers.naming import check_name
from qtui_workers.server.scripts import Script

MOVE: Final = Operation(
    name="move",
    title="Move",
    past="moved",
    key="M",
    hint="Put it into another queue, at its end",
    order=25,
    statuses=(Status.QUEUED, Status.SCHEDULED),
    parameter=Parameter(
        "to", "QUEUE", prompt="to which queue?", hint="The queue that it goes to", parse=check_name, is_queue=True
    ),
    enqueues=True,
    script=Script.load("move", "qtui.broker"),
)
