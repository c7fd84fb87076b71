"""What has happened in the last seconds before the pictures, as events: each with a time of our choosing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.client import Pipeline

from qtui.broker.status import Status
from qtui_workers.server import keys

Lists = Mapping[tuple[str, Status], Sequence[str]]
"""The ids of the jobs of each list, the newest first."""

_ERROR: Final = "TimeoutError: gateway did not answer in 30 s"
_EVENTS: Final[Sequence[tuple[float, str, str, Status, int, str, dict[str, Any]]]] = (
    (8.9, "started", "mail", Status.FINISHED, 3, "mail.send.welcome", {}),
    (8.5, "completed", "mail", Status.FINISHED, 3, "mail.send.welcome", {"seconds": 0.41}),
    (7.2, "queued", "payments", Status.QUEUED, 4, "shop.charge.charge", {}),
    (6.8, "started", "payments", Status.FAILED, 1, "shop.charge.charge", {}),
    (6.1, "retrying", "payments", Status.QUEUED, 9, "shop.charge.charge", {"seconds": 4, "error": _ERROR}),
    (5.4, "started", "mail", Status.FINISHED, 1, "mail.send.receipt", {}),
    (5.1, "completed", "mail", Status.FINISHED, 1, "mail.send.receipt", {"seconds": 0.31}),
    (3.5, "failed", "payments", Status.FAILED, 0, "shop.charge.charge", {"seconds": 30.0, "error": _ERROR}),
    (2.5, "started", "payments", Status.STARTED, 0, "shop.charge.charge", {}),
    (1.2, "queued", "payments", Status.QUEUED, 0, "", {"count": 40}),
    (0.7, "started", "mail", Status.STARTED, 0, "mail.send.welcome", {}),
)
"""Seconds before now, kind, queue, the list that has the job and its place there, function, details."""
_ATTEMPTS: Final[Mapping[str, str | int]] = {"queued": "", "retrying": 2}
"""Which attempt an event is of; of the others it is the third of a job that has failed for good, else the first."""


def seed(pipe: Pipeline, lists: Lists, now: float) -> None:
    """Writes the events."""
    for number, (before, kind, queue, status, place, function, details) in enumerate(_EVENTS):
        fields = {
            "event": kind,
            "job": "" if "count" in details else lists[queue, status][place],
            "queue": queue,
            "function": function,
            "worker": "" if kind == "queued" else "web-3.71" if queue == "mail" else "web-1.72",
            "attempt": _ATTEMPTS.get(kind, 3 if status is Status.FAILED else 1),
            "details": json.dumps(details) if details else "",
        }
        pipe.xadd(keys.EVENTS, fields, id=f"{int((now - before) * 1000)}-{number}")
