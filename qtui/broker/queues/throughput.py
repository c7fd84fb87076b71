"""How fast queues fill and drain, calculated from one Overview to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from qtui.broker.models import Overview, QueueRow
from qtui.broker.status import Status
from qtui_workers.records import Record, replace

WINDOW: Final = 10.0
"""Seconds over which a rate is averaged."""
BUCKET: Final = 30.0
"""Number of seconds that one bar of the history stands for."""
BUCKETS: Final = 20
_NOT_KNOWN: Final = (None, None)

Ended = tuple[float, Mapping[str, tuple[int, int]]]
"""The time of the first overview, and how many jobs finished and failed in the minute before it, by queue."""


class _Step:
    """How many jobs entered and left a queue between two overviews; None: not known."""

    __slots__ = ("at", "entered", "failed", "finished", "seconds")

    def __init__(self, at: float, seconds: float, entered: int | None, finished: int | None, failed: int | None) -> None:
        self.at, self.seconds, self.entered, self.finished, self.failed = at, seconds, entered, finished, failed

    @property
    def moved(self) -> bool:
        """Whether any job entered or left."""
        return bool(self.entered or self.finished or self.failed)


class _Bar:
    """The jobs that entered and ended in one span of `BUCKET` seconds."""

    __slots__ = ("entered", "failed", "finished", "number")

    def __init__(self, number: int) -> None:
        self.number, self.entered, self.finished, self.failed = number, 0, 0, 0


class Flow(Record):
    """Jobs a second that entered a queue, and that ended, in each of the last `BUCKETS` spans of `BUCKET` seconds, oldest first.

    None for the spans before the first overview.
    """

    entered: tuple[float | None, ...]
    finished: tuple[float | None, ...]
    failed: tuple[float | None, ...]


class _Track:
    """The figures that are kept of one queue."""

    __slots__ = ("at", "bars", "failed", "finished", "held", "moved_at", "row", "shown", "since", "steps", "still")

    def __init__(self, row: QueueRow, at: float, held: int, finished: int, failed: int) -> None:
        self.row = row
        """As it was read last."""
        self.shown = row
        """The same with its rates."""
        self.since = at
        """The time of its first overview."""
        self.at, self.held, self.finished, self.failed = at, held, finished, failed
        self.steps: list[_Step] = []
        self.bars: list[_Bar] = []
        """At most `BUCKETS`. Both are empty in most of thousands of tracks, where a deque would take half a KiB."""
        self.still = False
        """Whether all its rates are 0: then nothing has to be calculated until it changes."""
        self.moved_at: float | None = None
        """When jobs were last seen to enter or end; None: never."""


class Throughput:
    """Adds the rates of the queues to each Overview that is passed to `feed`; its clock is `Overview.at`.

    The number of jobs that succeeded is the growth of finished, of those that failed that of failed; the number that entered
    is the growth of queued and started, plus both. If finished or failed shrinks, RQ's cleanup or a person has removed jobs, and
    the numbers of that step are not known; nor are they while jobs that ended long ago are put back.
    Memory is bounded by the number of queues.
    """

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._at = 0.0
        self._before: Ended = (0.0, {})

    def remember(self, before: Ended) -> None:
        """What ended before the first overview counts as of that moment: jobs that failed before anybody looked are trouble, too.

        Any thread may call it.
        """
        self._before = before

    def feed(self, seen: Overview, *, puts_back: bool = False) -> Overview:
        """The same Overview with the rates of its queues; the rates are None until a queue was in two overviews.

        `puts_back`: since the overview before, an operation has put ended jobs back, which are no attempts of now.
        """
        self._at = seen.at
        tracks: dict[str, _Track] = {}
        rows = []
        for row in seen.queues:
            track = self._tracks.get(row.name)
            if track and track.still and _is_like(row, track.row):
                track.at = max(track.at, seen.at)
                if row.oldest_seconds != track.shown.oldest_seconds:
                    track.shown = replace(track.shown, oldest_seconds=row.oldest_seconds)
            else:
                track = self._followed(row, seen.at, puts_back=puts_back)
                track.row, track.shown = row, self._with_rates(row, track)
                track.still = _is_still(track.shown)
                if track.still:
                    track.steps.clear()
            tracks[row.name] = track
            rows.append(track.shown)
        self._tracks = tracks
        return replace(seen, queues=tuple(rows))

    def _with_rates(self, row: QueueRow, track: _Track) -> QueueRow:
        at, ended = self._before
        before = ended.get(row.name, _NOT_KNOWN) if self._is_late(at) else _NOT_KNOWN
        return replace(
            row,
            enqueued_per_second=_rate([(step.seconds, step.entered) for step in track.steps]),
            finished_per_second=_rate([(step.seconds, step.finished) for step in track.steps]),
            failed_per_second=_rate([(step.seconds, step.failed) for step in track.steps]),
            lately_finished=self._lately(track, lambda bar: bar.finished, before[0]),
            lately_failed=self._lately(track, lambda bar: bar.failed, before[1]),
            moved_at=track.moved_at,
        )

    def flow(self, queue: str) -> Flow:
        """What entered and left a queue lately; all unknown if it was never seen."""
        track = self._tracks.get(queue)
        if track is None:
            unknown = (None,) * BUCKETS
            return Flow(unknown, unknown, unknown)
        bars = {bar.number: bar for bar in track.bars}
        newest, first = int(self._at // BUCKET), int(track.since // BUCKET)

        def rates(count: Callable[[_Bar], int]) -> tuple[float | None, ...]:
            return tuple(
                count(bars.get(span) or _Bar(span)) / self._seen_of(span, track) if span >= first else None
                for span in range(newest - BUCKETS + 1, newest + 1)
            )

        return Flow(rates(lambda bar: bar.entered), rates(lambda bar: bar.finished), rates(lambda bar: bar.failed))

    def _seen_of(self, span: int, track: _Track) -> float:
        """How many seconds of a span were seen so far; at least as many as a rate is averaged over."""
        return max(WINDOW, min(self._at, (span + 1) * BUCKET) - max(track.since, span * BUCKET))

    def _followed(self, row: QueueRow, at: float, *, puts_back: bool) -> _Track:
        held, finished, failed = _held(row), row.count(Status.FINISHED), row.count(Status.FAILED)
        track = self._tracks.get(row.name)
        if track is None:
            return _Track(row, at, held, finished, failed)
        if track.still:
            track.steps = [_Step(track.at - back, 1.0, 0, 0, 0) for back in range(int(WINDOW) - 2, -1, -1)]
        if at > track.at:
            step = _step(track, held, finished, failed, at, puts_back=puts_back)
            track.steps.append(step)
            while track.steps[0].at <= at - WINDOW:
                del track.steps[0]
            _count(track.bars, int(at // BUCKET), step)
            if step.moved:
                track.moved_at = at
        track.at, track.held, track.finished, track.failed = at, held, finished, failed
        return track

    def _lately(self, track: _Track, number: Callable[[_Bar], int], before: int | None) -> int | None:
        """The number of this span and the one before; None until there is one, and `before` is not known."""
        bars = [bar for bar in track.bars if self._is_late(bar.number * BUCKET)]
        return None if before is None and not bars else (before or 0) + sum(map(number, bars))

    def _is_late(self, moment: float) -> bool:
        """Whether a moment is of this span or the one before."""
        return moment // BUCKET >= self._at // BUCKET - 1


def _is_like(row: QueueRow, before: QueueRow) -> bool:
    """Whether nothing has changed but how long the job at the head has waited."""
    if row is before:
        return True
    return row.counts == before.counts and replace(row, oldest_seconds=before.oldest_seconds) == before


def _is_still(shown: QueueRow) -> bool:
    rates = (shown.enqueued_per_second, shown.finished_per_second, shown.failed_per_second)
    return rates == (0.0, 0.0, 0.0) and shown.lately_finished == 0 == shown.lately_failed


def _held(row: QueueRow) -> int:
    return row.count(Status.QUEUED) + row.count(Status.STARTED)


def _step(track: _Track, held: int, finished: int, failed: int, at: float, *, puts_back: bool) -> _Step:
    succeeded = finished - track.finished if finished >= track.finished and not puts_back else None
    lost = failed - track.failed if failed >= track.failed and not puts_back else None
    entered = None if succeeded is None or lost is None else max(0, held - track.held + succeeded + lost)
    return _Step(at, at - track.at, entered, succeeded, lost)


def _rate(steps: list[tuple[float, int | None]]) -> float | None:
    known = [(seconds, number) for seconds, number in steps if number is not None]
    seconds = sum(length for length, _ in known)
    return sum(number for _, number in known) / seconds if seconds > 0 else None


def _count(bars: list[_Bar], number: int, step: _Step) -> None:
    if not bars or bars[-1].number != number:
        bars.append(_Bar(number))
        del bars[:-BUCKETS]
    bars[-1].entered += step.entered or 0
    bars[-1].finished += step.finished or 0
    bars[-1].failed += step.failed or 0
