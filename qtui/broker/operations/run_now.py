"""Run now: jobs that wait, also scheduled, held or limited ones, go to the head of their queue."""

from __future__ import annotations

from typing import Final

from qtui.broker.bulk.operation import Operation
from qtui.broker.status import Status
from qtui_workers.server.scripts import Script

RUN_NOW: Final = Operation(
    name="run-now",
    title="Run now",
    past="put at the head of their queues",
    key="E",
    hint="Put it at the head of its queue, before it is due; a held job is let through once",
    order=22,
    statuses=(Status.SCHEDULED, Status.DEFERRED, Status.RATE_LIMITED, Status.QUEUED),
    usual=Status.SCHEDULED,
    to_head=True,
    script=Script.load("run_now", "qtui.broker"),
)
