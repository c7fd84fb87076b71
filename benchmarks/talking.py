"""What the jobs of `benchmarks.memory` run."""

from __future__ import annotations

import logging

from qtui_workers import Payload, processor, progress

log = logging.getLogger(__name__)


class Talk(Payload):
    lines: int


class Said(Payload):
    lines: int


@processor(queue="talking", keep_finished=None)
def talk(payload: Talk) -> Said:
    """Logs so many lines, and reports its progress with each."""
    for number in range(1, payload.lines + 1):
        log.info("line %d of %d: an ordinary line of some length", number, payload.lines)
        progress(number, payload.lines)
    return Said(lines=payload.lines)


def plain(lines: int) -> dict[str, int]:
    """What a plain RQ program has."""
    return {"lines": lines}
