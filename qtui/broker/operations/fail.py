"""Fail: started jobs whose worker is gone are recorded as failed."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation
from qtui.broker.status import STATUSES, Status
from qtui_workers.server.scripts import Script

FAIL: Final = Operation(
    name="fail",
    title="Fail",
    past="failed",
    key="F",
    hint="Record a job that has lost its worker as failed; it can then be retried",
    order=36,
    statuses=tuple(status for status in STATUSES if status.runs),
    usual=Status.STARTED,
    risk="it may end twice: its worker may still be alive",
    error="Moved to FailedJobRegistry, due to AbandonedJobError, at {now}",
    script=Script.load("fail", "qtui.broker"),
)
