"""A processor that runs every night, for the schedule."""

from __future__ import annotations

from qtui_workers import Payload, processor


class Nightly(Payload):
    """What is tidied."""

    depth: int = 3


@processor(queue="reports", cron="0 3 * * *")
def nightly(payload: Nightly) -> Nightly:
    """Tidies."""
    return payload
