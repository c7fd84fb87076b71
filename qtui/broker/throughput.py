"""How fast queues fill and drain, calculated from one Overview to the next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from qtui.broker.models import Overview, QueueRow
from qtui.broker.status import Status

WINDOW: Final = 10.0
"""Seconds over which a rate is averaged."""
BUCKET: Final = 30.0
"""Number of seconds that one bar of the history stands for."""
BUCKETS: Final = 20


@dataclass(frozen=True, slots=True)
class _Step:
    """How many jobs entered and left a queue between two overviews; None: not known."""

    at: float
    seconds: float
    entered: int | None
    left: int | None


@dataclass(slots=True)
class _Track:
    """The figures that are kept of one queue."""

    since: float
    """The time of its first overview."""
    at: float
    held: int
    ended: int
    steps: deque[_Step] = field(default_factory=deque)
    bars: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=BUCKETS))
    """(number of the bucket, jobs that ended in it)."""


class Throughput:
    """Adds the rates of the queues to each Overview that is passed to `feed`; its clock is `Overview.at`.

    The number of jobs that left is the growth of finished and failed; the number that entered is the growth of queued and
    started, plus those that left. If finished and failed shrink, RQ's cleanup or a person has removed jobs, and the numbers of
    that step are not known.
    Memory is bounded by the number of queues.
    """

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._at = 0.0

    def feed(self, seen: Overview) -> Overview:
        """The same Overview with the rates of its queues; the rates are None until a queue was in two overviews."""
        self._at = seen.at
        tracks: dict[str, _Track] = {}
        rows = []
        for row in seen.queues:
            track = tracks[row.name] = self._followed(row, seen.at)
            rows.append(
                replace(
                    row,
                    enqueued_per_second=_rate([(step.seconds, step.entered) for step in track.steps]),
                    finished_per_second=_rate([(step.seconds, step.left) for step in track.steps]),
                )
            )
        self._tracks = tracks
        return replace(seen, queues=tuple(rows))

    def history(self, queue: str) -> tuple[float | None, ...]:
        """Jobs that ended in each of the last `BUCKETS` spans of `BUCKET` seconds, oldest first; () if never seen.

        None for the spans before the first overview.
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
            _count(track.bars, int(at // BUCKET), step.left or 0)
        track.at, track.held, track.ended = at, held, ended
        return track


def _held(row: QueueRow) -> int:
    return row.count(Status.QUEUED) + row.count(Status.STARTED)


def _ended(row: QueueRow) -> int:
    return row.count(Status.FINISHED) + row.count(Status.FAILED)


def _step(track: _Track, held: int, ended: int, at: float) -> _Step:
    left = ended - track.ended if ended >= track.ended else None
    entered = None if left is None else max(0, held - track.held + left)
    return _Step(at, at - track.at, entered, left)


def _rate(steps: list[tuple[float, int | None]]) -> float | None:
    known = [(seconds, number) for seconds, number in steps if number is not None]
    seconds = sum(length for length, _ in known)
    return sum(number for _, number in known) / seconds if seconds > 0 else None


def _count(bars: deque[tuple[int, int]], number: int, jobs: int) -> None:
    if bars and bars[-1][0] == number:
        jobs += bars.pop()[1]
    bars.append((number, jobs))
