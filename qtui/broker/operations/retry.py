"""Retry: failed and stopped jobs go back into their queue."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation
from qtui.broker.status import STATUSES, Status
from qtui_workers.server.scripts import Script

RETRY: Final = Operation(
    name="retry",
    title="Retry",
    past="retried",
    key="R",
    hint="Put it back into its queue, with fresh attempts",
    order=10,
    statuses=tuple(status for status in STATUSES if status.failed),
    usual=Status.FAILED,
    enqueues=True,
    script=Script.load("retry", "qtui.broker"),
)
