"""What each worker did in the last ten minutes: from the events of qtui-workers; of other workers, from repeated looks.

Nothing is kept but sums over spans of equal length, so that it takes no more room however many jobs run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from qtui.broker.models import WorkerRow
from qtui.broker.tail.lines import ENDS
from qtui_workers.reporting.events import EventKind
from qtui_workers.server import keys
from qtui_workers.text import decode, encode

SPAN: Final = 15
"""Seconds of a span."""
SPANS: Final = 40
MOST: Final = 5_000
"""Events that one look reads, the newest: Redis 7.0 takes 7 ms for them."""
LEVELS: Final = 8
"""How many shares of its time a worker that runs jobs is shown to be busy."""
APART: Final = 5.0
"""Seconds between two looks from which on nobody knows what a stock worker did between them."""

State = Literal["unknown", "idle", "busy", "failed", "silent"]
Entry = tuple[bytes, dict[bytes, bytes]]
"""An entry of the stream of events: its id, and its fields."""

_ENDS: Final = ENDS | {EventKind.COMPLETED.value, EventKind.REFUSED.value, EventKind.HELD.value, "stopped", "canceled"}
_FAILS: Final = frozenset({EventKind.FAILED.value, EventKind.RETRYING.value})


class Cell(NamedTuple):
    """One span of a worker."""

    state: State
    share: int = 0
    """In how much of the time it ran a job, of `LEVELS`; where it is busy at least 1."""


Lane = tuple[Cell, ...]
"""The last `SPANS` spans, the newest last."""

UNKNOWN: Final = Cell("unknown")


class _Span:
    """What is known of one span; all numbers are seconds."""

    __slots__ = ("busy", "failed", "known", "silent")

    def __init__(self) -> None:
        self.known = self.busy = self.silent = 0.0
        self.failed = False

    def cell(self) -> Cell:
        share = 0
        if self.busy > 0:
            share = max(1, round(LEVELS * self.busy / max(self.known, self.busy)))
        if self.failed:
            return Cell("failed", share)
        if self.silent > 0:
            return Cell("silent")
        if share:
            return Cell("busy", share)
        return Cell("idle") if self.known > 0 else UNKNOWN


@dataclass(slots=True)
class _Track:
    """What is known of one worker."""

    upto: float
    """Until when what it did was counted."""
    reports: bool
    """Whether its events report what it does."""
    spans: dict[int, _Span] = field(default_factory=dict)
    cells: dict[int, Cell] = field(default_factory=dict)
    """Those of spans that have not changed since."""
    runs_since: float | None = None
    """From when on the time in which it runs its job is still to be counted; None while it runs none."""
    seen_running: float = 0.0
    """When a look last found that it runs one."""
    last_event: float = 0.0
    heard: float | None = None
    """Its last heartbeat."""
    counts: tuple[int | None, int | None] = (None, None)
    """How many jobs it had done, and how many had failed."""

    def add(self, what: Literal["known", "busy", "silent"], start: float, end: float) -> None:
        """Count the seconds from start to end."""
        while start < end:
            number = int(start // SPAN)
            until = min(end, (number + 1) * SPAN)
            span = self._span(number)
            setattr(span, what, getattr(span, what) + until - start)
            start = until

    def forget(self, until: float) -> None:
        """Events before that time are lost."""
        if self.reports and self.upto < until:
            self.runs_since, self.last_event, self.seen_running, self.upto = None, 0.0, 0.0, until

    def fail(self, at: float) -> None:
        """An attempt has failed."""
        self._span(int(at // SPAN)).failed = True

    def _span(self, number: int) -> _Span:
        self.cells.pop(number, None)
        return self.spans.setdefault(number, _Span())

    def lane(self, newest: int) -> Lane:
        """The spans up to that one; older ones are forgotten."""
        for number in [each for each in self.spans if each <= newest - SPANS]:
            del self.spans[number]
            self.cells.pop(number, None)
        for number, span in self.spans.items():
            if number not in self.cells:
                self.cells[number] = span.cell()
        return tuple(self.cells.get(number, UNKNOWN) for number in range(newest - SPANS + 1, newest + 1))


class Lanes:
    """The lanes of all registered workers, continued at each look. Only one thread at a time may use it."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._last = b""
        """The id of the newest event that was read."""
        self._known_from = 0.0
        """From when on all events are known."""

    def command(self, at: float) -> tuple[str | bytes | int, ...]:
        """What reads the events that are new, the newest first; `at` is the server's clock."""
        first = f"{int((at - SPAN * SPANS) * 1000)}-0".encode()
        after = b"(" + self._last if self._last and _time(self._last) >= at - SPAN * SPANS else first
        return ("XREVRANGE", encode(keys.EVENTS), "+", after, "COUNT", MOST)

    def look(self, rows: Sequence[tuple[WorkerRow, float | None]], entries: Sequence[Entry], at: float) -> list[Lane]:
        """The lane of each worker, given with when its job began; `entries`: the reply to `command`, the oldest first."""
        self._known_from = max(self._known_from, at - SPAN * SPANS)
        if len(entries) >= MOST:  # there may have been more
            self._known_from = max(self._known_from, _time(entries[0][0]))
            for track in self._tracks.values():
                track.forget(self._known_from)
        tracks = {row.name: self._tracks.get(row.name) or self._new(row, at) for row, _ in rows}
        self._tracks = tracks
        self._tell(entries)
        for row, begun in rows:
            _see(tracks[row.name], row, begun, at)
        return [tracks[row.name].lane(int(at // SPAN)) for row, _ in rows]

    def _new(self, row: WorkerRow, at: float) -> _Track:
        reports = bool(row.knows_holds)
        since = max(self._known_from, at if row.started_at is None else min(row.started_at, at))
        return _Track(upto=since if reports else at, reports=reports)

    def _tell(self, entries: Iterable[Entry]) -> None:
        for entry_id, fields in entries:
            self._last = entry_id
            track = self._tracks.get(decode(fields.get(b"worker")))
            if track is None:
                continue
            at, kind = _time(entry_id), decode(fields.get(b"event"))
            if kind == EventKind.STARTED:
                _end(track, at)
                track.runs_since = at
            elif kind in _ENDS:
                if track.runs_since is None and track.last_event == 0.0:  # it began before the first event that is kept
                    track.runs_since = max(self._known_from, track.upto)
                _end(track, at)
                if kind in _FAILS:
                    track.fail(at)
            else:
                continue
            track.last_event = at


def _end(track: _Track, at: float) -> None:
    """Its job, if it runs one, has ended."""
    if track.runs_since is not None:
        track.add("busy", track.runs_since, at)
        track.runs_since = None


def _see(track: _Track, row: WorkerRow, begun: float | None, at: float) -> None:
    """Count what a look has found."""
    track.reports = track.reports or bool(row.knows_holds)
    if row.heartbeat_seconds is not None:
        track.heard = at - row.heartbeat_seconds
    if row.is_silent:
        _silent(track, at)
    elif track.reports:
        _add_reported(track, row, begun, at)
    else:
        _watched(track, row, begun, at)
    track.upto = max(track.upto, at)
    track.counts = row.successful, row.failed


def _silent(track: _Track, at: float) -> None:
    """It gives no sign of life since its last heartbeat: what its job did meanwhile nobody knows."""
    since = track.upto if track.heard is None else track.heard
    if track.reports:
        track.add("known", track.upto, since)
    _end(track, since)
    last = max((number for number, span in track.spans.items() if span.silent > 0), default=None)
    track.add("silent", max(since, at - SPAN * SPANS) if last is None else track.upto, at)


def _add_reported(track: _Track, row: WorkerRow, begun: float | None, at: float) -> None:
    """A worker whose events are known: it is idle where none of them reports a job."""
    known = at
    if row.current_job and track.runs_since is None and track.last_event <= at:  # the event of its start is gone
        start = max(min(begun or at, at), at - SPAN * SPANS)
        is_first = not (track.seen_running or track.last_event)
        if is_first:
            track.add("known", start, track.upto)
        track.runs_since = start if is_first else max(track.upto, start)
    elif not row.current_job and track.runs_since is not None and track.runs_since < at:  # nothing reports its end
        known = max(track.seen_running, track.runs_since)
        _end(track, known)
    track.add("known", track.upto, known)
    if row.current_job:
        track.seen_running = at
    if track.runs_since is not None and track.runs_since < at:
        track.add("busy", track.runs_since, at)
        track.runs_since = at


def _watched(track: _Track, row: WorkerRow, begun: float | None, at: float) -> None:
    """A stock worker: what two looks have found that follow each other, and since when its job runs."""
    follows = at - track.upto <= APART and track.counts != (None, None)
    runs = row.current_job is not None
    start = track.upto if follows else max(min(begun, at), at - SPAN * SPANS) if runs and begun is not None else at
    ended = follows and track.counts != (row.successful, row.failed)
    track.add("known", start, at)
    if runs or track.runs_since is not None or ended:
        track.add("busy", start, at)
    if follows and (row.failed or 0) > (track.counts[1] or 0):
        track.fail(at)
    track.runs_since = at if runs else None


def _time(entry_id: bytes) -> float:
    return int(entry_id.partition(b"-")[0]) / 1000
