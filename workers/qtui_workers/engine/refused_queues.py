"""A worker that refuses one job after the other of a queue is the wrong worker for it, and leaves the queue alone for a while."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.ending import Ending
from qtui_workers.engine.worker_events import WorkerEvents
from qtui_workers.text import printable

log = logging.getLogger("rq.worker")

_IN_A_ROW: Final = 3
_SHORTEST: Final = 10.0
_LONGEST: Final = 300.0
"""Seconds for which a queue is left alone after so many refusals in a row, doubled with each further one, and at most."""


@dataclass(slots=True)
class _RefusalsInARow:
    refusals: int = 0
    until: float = -math.inf
    """Until when the queue is left alone (time.monotonic)."""


class Refusals:
    """The refusals in a row of each queue; a job that was run, however it ended, ends the row."""

    def __init__(self, worker: str, events: WorkerEvents) -> None:
        self._worker = worker
        self._events = events
        self._rows: dict[str, _RefusalsInARow] = {}

    def note(self, claim: Claim, ending: Ending) -> None:
        """Takes note of how a job has ended."""
        if ending.cannot_run:
            self._refused(claim.queue, ending.error or "")
        elif ending.kind != "returned":
            self._rows.pop(claim.queue, None)

    def takes_from(self, queue: str) -> bool:
        """Whether jobs of that queue are taken now."""
        row = self._rows.get(queue)
        return row is None or time.monotonic() >= row.until

    def next_return(self, queues: Iterable[str]) -> float:
        """When the first of those queues that are left alone is taken from again (time.monotonic); infinite: there is none."""
        moment = time.monotonic()
        return min((row.until for name in queues if (row := self._rows.get(name)) and row.until > moment), default=math.inf)

    def _refused(self, queue: str, why: str) -> None:
        row = self._rows.setdefault(queue, _RefusalsInARow())
        row.refusals += 1
        if row.refusals < _IN_A_ROW:
            return
        pause = min(_SHORTEST * 2.0 ** min(row.refusals - _IN_A_ROW, 10), _LONGEST)
        row.until = time.monotonic() + pause
        sentence = (
            f"it was unable to run {row.refusals} jobs in a row of queue {printable(queue, 100)}, and takes none for {pause:g} s "
            f"({why}). Is it the right worker for this queue? Stop it, or give it what it lacks"
        )
        log.error("Worker %s: %s", self._worker, sentence)
        self._events.trouble(sentence, queue=queue)
