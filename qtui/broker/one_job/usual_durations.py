"""What a function usually takes: how long its runs took that finished lately."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from qtui.broker.models import JobRow
from qtui.broker.queues.figures import spread
from qtui.broker.rows import described_function
from qtui_workers.reading import stored_payload
from qtui_workers.reporting import events
from qtui_workers.reporting.events import EventKind
from qtui_workers.server.rq_format import parse_time
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode

JOBS: Final = 200
"""Of a queue, so many of its newest finished jobs are read …"""
CHUNK: Final = 100
"""… so many with one call of the script, which takes the server less than a millisecond."""
EVENTS: Final = 500
"""So many of the newest events are read."""
RUNS: Final = 200
"""Of a function, so many of its newest runs are kept."""
FUNCTIONS: Final = 1_000
"""Of so many functions runs are kept: those of which jobs were seen last."""
QUEUES: Final = 5
"""The finished jobs of at most so many queues are read in one look."""
EVERY: Final = 30.0
"""Seconds between two looks at the same queue."""
MANY: Final = 5
"""With fewer runs nobody can say that a job takes unusually long."""

_TEXT: Final = 200
_DATA: Final = 4096
_RUNS: Final = Script.load("runs", "qtui.broker")


@dataclass(frozen=True, slots=True)
class Usual:
    """How long the newest finished runs of a function took."""

    runs: int
    """How many runs this is known from."""
    median: float
    """Seconds."""
    p95: float
    """Seconds in which 95 of 100 runs were done."""

    def is_far_over(self, seconds: float) -> bool:
        """Whether a run of that length is unusual: twice the median and longer than 95 of 100, where enough runs are known."""
        return self.runs >= MANY and seconds > max(2 * self.median, self.p95, 1.0)


@dataclass(slots=True)
class Usuals:
    """What is known of all functions behind one connection; used by several threads. It grows with each look, within bounds."""

    clock: Callable[[], float] = time.monotonic
    _runs: dict[str, dict[str, float]] = field(default_factory=dict)
    """For each function, the seconds that jobs took, by their ids; newest last. Functions have the names that descriptions begin
    with, as events know no other: of a processor that is its short name."""
    _known: dict[str, Usual] = field(default_factory=dict)
    """What was found out of them, until others come: a list asks it for every job, several times a second."""
    _looked: dict[str, float] = field(default_factory=dict)
    """When the finished jobs of a queue were read last; under '' the events."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, row: JobRow) -> Usual | None:
        """What the function of a job usually takes; None where no run of it is known. Asks nothing."""
        name = described_function(row.description or "") or row.function
        with self._lock:
            if not name or name not in self._runs:
                return None
            if name not in self._known and (found := spread(self._runs[name].values())):
                self._known[name] = Usual(len(self._runs[name]), found.p50, found.p95)
            return self._known.get(name)

    def look(self, client: redis.Redis, queues: Iterable[str | None]) -> None:
        """Reads the newest runs of these queues, where they were not read in the last `EVERY` seconds; then it asks nothing.

        One round trip for the events, and one for each queue. Raises redis.RedisError.
        """
        due = self._due(queues)
        for name in due:
            found = _of_events(client) if name == "" else _of_queue(client, name)
            with self._lock:
                for function, runs in found.items():
                    self._keep(function, runs)

    def _due(self, queues: Iterable[str | None]) -> list[str]:
        now = self.clock()
        with self._lock:
            wanted = ("", *dict.fromkeys(queue for queue in queues if queue))
            due = [name for name in wanted if now - self._looked.get(name, -EVERY) >= EVERY][: QUEUES + 1]
            recent = {name: at for name, at in self._looked.items() if now - at < EVERY}
            self._looked = recent | dict.fromkeys(due, now)
            return due

    def _keep(self, function: str, runs: dict[str, float]) -> None:
        """Adds runs, the newest last, to those of a function."""
        self._known.pop(function, None)
        known = self._runs.pop(function, {})
        whole = {job_id: seconds for job_id, seconds in known.items() if job_id not in runs} | runs
        self._runs[function] = dict(list(whole.items())[-RUNS:])
        while len(self._runs) > FUNCTIONS:
            oldest = next(iter(self._runs))
            del self._runs[oldest]
            self._known.pop(oldest, None)


Found = dict[str, dict[str, float]]


def _of_events(client: redis.Redis) -> Found:
    """The runs that qtui-workers have reported."""
    found: Found = {}
    for event in events.newest(client, EVENTS):
        seconds, function, job_id = event.details.get("seconds"), event.source.function, event.source.job
        if event.kind == EventKind.COMPLETED and isinstance(seconds, int | float) and seconds >= 0 and function and job_id:
            found.setdefault(function, {})[job_id] = float(seconds)
    return found


def _of_queue(client: redis.Redis, queue: str) -> Found:
    """The runs of the newest finished jobs of a queue, whoever ran them."""
    steps = [(first, first + CHUNK - 1) for first in range(0, JOBS, CHUNK)]
    replies: list[list[Any]] = _RUNS.read_many(
        client, [{"queue": queue, "first": first, "last": last, "text": _TEXT, "data": _DATA} for first, last in steps]
    )
    found: Found = {}
    for job_id, started, ended, description, data in reversed([job for reply in replies for job in reply]):
        begin, end = parse_time(started), parse_time(ended)
        function = described_function(decode(description)) or (stored_payload.function_name(data) if data else None)
        if function and begin is not None and end is not None and end >= begin:
            found.setdefault(function, {})[decode(job_id)] = end - begin
    return found
