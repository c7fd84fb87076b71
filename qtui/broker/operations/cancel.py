"""Cancel: waiting jobs will not run, and can still be read in the list of canceled jobs."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation
from qtui.broker.status import STATUSES
from qtui_workers.server.scripts import Script

CANCEL: Final = Operation(
    name="cancel",
    title="Cancel",
    past="canceled",
    key="C",
    hint="Call it off before it runs; jobs that depend on it stay deferred",
    order=20,
    statuses=tuple(status for status in STATUSES if status.waits),
    script=Script.load("cancel", "qtui.broker"),
)
