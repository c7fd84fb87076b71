"""How fast queues fill and drain, from looking at them again and again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from qtui.broker.models import Overview, QueueRow
from qtui.broker.status import Status

WINDOW: Final = 10.0
"""Seconds over which a rate is taken."""
BUCKET: Final = 30.0
"""Seconds of one bar of the history."""
BUCKETS: Final = 20


@dataclass(frozen=True, slots=True)
class _Step:
    """What came in and went out between two looks; None: not known."""

    at: float
    seconds: float
    came: int | None
    went: int | None


@dataclass(slots=True)
class _Track:
    """What is remembered of one queue."""

    since: float
    """When it was seen first."""
    at: float
    held: int
    ended: int
    steps: deque[_Step] = field(default_factory=deque)
    bars: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=BUCKETS))
    """(number of the bucket, jobs that ended in it)."""


class Throughput:
    """Fed with each Overview, gives it back with its rates; its clock is `Overview.at`.

    Out is the growth of finished and failed, in the growth of what waits and runs, and out. A drop of finished and
    failed is RQ's cleanup or a person's removal: that step is not known. Memory is bounded by the number of queues.
    """

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._at = 0.0

    def feed(self, seen: Overview) -> Overview:
        """The same Overview with the rates of its queues; None until a queue was seen twice."""
        self._at = seen.at
        tracks: dict[str, _Track] = {}
        rows = []
        for row in seen.queues:
            track = tracks[row.name] = self._followed(row, seen.at)
            rows.append(
                replace(
                    row,
                    enqueued_per_second=_rate([(step.seconds, step.came) for step in track.steps]),
                    finished_per_second=_rate([(step.seconds, step.went) for step in track.steps]),
                )
            )
        self._tracks = tracks
        return replace(seen, queues=tuple(rows))

    def history(self, queue: str) -> tuple[float | None, ...]:
        """Jobs that ended in each of the last `BUCKETS` spans of `BUCKET` seconds, oldest first; () if never seen.

        None for the spans before the first look.
        """
        track = self._tracks.get(queue)
        if track is None:
            return ()
        counted, newest = dict(track.bars), int(self._at // BUCKET)
        first = int(track.since // BUCKET)
        return tuple(
            float(counted.get(number, 0)) if number >= first else None for number in range(newest - BUCKETS + 1, newest + 1)
        )

    def _followed(self, row: QueueRow, at: float) -> _Track:
        held, ended = _held(row), _ended(row)
        track = self._tracks.get(row.name)
        if track is None:
            return _Track(at, at, held, ended)
        if at > track.at:
            step = _step(track, held, ended, at)
            track.steps.append(step)
            while track.steps[0].at <= at - WINDOW:
                track.steps.popleft()
            _count(track.bars, int(at // BUCKET), step.went or 0)
        track.at, track.held, track.ended = at, held, ended
        return track


def _held(row: QueueRow) -> int:
    return row.count(Status.QUEUED) + row.count(Status.STARTED)


def _ended(row: QueueRow) -> int:
    return row.count(Status.FINISHED) + row.count(Status.FAILED)


def _step(track: _Track, held: int, ended: int, at: float) -> _Step:
    went = ended - track.ended if ended >= track.ended else None
    came = None if went is None else max(0, held - track.held + went)
    return _Step(at, at - track.at, came, went)


def _rate(steps: list[tuple[float, int | None]]) -> float | None:
    known = [(seconds, number) for seconds, number in steps if number is not None]
    seconds = sum(length for length, _ in known)
    return sum(number for _, number in known) / seconds if seconds > 0 else None


def _count(bars: deque[tuple[int, int]], number: int, jobs: int) -> None:
    if bars and bars[-1][0] == number:
        jobs += bars.pop()[1]
    bars.append((number, jobs))
