"""The attempts of a job, one after the other, and the waits between them: of its results, its hash, and events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any, Final, Literal

import redis

from qtui.broker.models import EndedAttempt, JobDetail, JobRow
from qtui.broker.status import Status
from qtui_workers.records import Record, replace
from qtui_workers.reporting.error_lines import error_line
from qtui_workers.reporting.events import Event, EventKind, Value, from_entry
from qtui_workers.server import keys
from qtui_workers.server.replies import unless_wrong_type
from qtui_workers.text import encode

CHUNK: Final = 500
"""So many events are read at once …"""
CHUNKS: Final = 10
"""… at most so often: the newest 5,000."""
EARLIER: Final = 60.0
"""Seconds by which the clock of the producer, which wrote when the job was created, may be ahead of the server's."""
SAME: Final = 1.0
"""Seconds by which the times of one moment may differ, as workers and the server write them."""

SKEW: Final = 5.0
"""Seconds by which the clocks of a worker and of the server may differ."""
_ENDS: Final = (EventKind.RETRYING, EventKind.COMPLETED, EventKind.FAILED)

Outcome = Literal["ok", "failed", "stopped", "retried", "gave up", "runs"]


class KnownAttempt(Record):
    """One attempt, as far as it is known."""

    number: int | None = None
    """From 1, counted anew after a retry by hand; None where it is not certain."""
    outcome: Outcome | None = None
    """None: RQ has no result of that type, or nobody says how it ended."""
    began: float | None = None
    ended: float | None = None
    """None also while it runs."""
    waited: float | None = None
    """Seconds since the attempt before it ended, or since the job was created."""
    worker: str | None = None
    error: str | None = None
    """What it raised, in a line."""
    traceback: str | None = None
    """Redis holds it only of attempts after which the job ended: RQ keeps no result of one that it retried by itself."""
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    result: Any = None
    """What it returned, as plain data."""

    def ran(self, now: float) -> float | None:
        """For how many seconds."""
        end = now if self.outcome == "runs" else self.ended
        return None if self.began is None or end is None else max(0.0, end - self.began)


class Span(Record):
    """A part of a job's life: a wait, or an attempt."""

    began: float
    ended: float | None
    """When it ended, or will; None: it goes on."""
    attempt: KnownAttempt | None = None
    """None: a wait."""
    status: Status | None = None
    """Of a wait: the job's status meanwhile, where that is certain."""
    skipped: int = 0
    """Of a wait: so many attempts lie in it of which nothing is known."""
    is_last: bool = False
    """Of a wait: the job still waits."""

    def seconds(self, now: float) -> float:
        """Its length."""
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


@dataclass(slots=True)
class JobEvents:
    """What events report of one job's attempts; they are read anew where an attempt began or ended."""

    job_id: str
    _of: tuple[object, ...] = ()
    _events: tuple[Event, ...] = ()

    def look(self, client: redis.Redis, detail: JobDetail) -> tuple[Event, ...]:
        """The events of the job, oldest first, as far as the stream still has them; none where they would add nothing new.

        At most `CHUNKS` round trips. Raises redis.RedisError.
        """
        row, runs = detail.row, _runs(detail.row)
        ended = len(detail.attempts)
        if row.attempts is None or row.attempts == ended + runs <= 1:  # only a qtui-worker counts them all, and writes events
            return ()
        state = (row.attempts, row.status, row.started_at, row.ended_at)
        if state != self._of:
            oldest = min((each.ended_at for each in detail.attempts if each.ended_at is not None), default=inf)
            self._events = tuple(reversed(list(_events(client, self.job_id, row.created_at, oldest))))
            self._of = state
        return self._events


def _events(client: redis.Redis, job_id: str, created_at: float | None, oldest: float) -> Iterator[Event]:
    """The events of a job, the newest first, back to the beginning of the first attempt before the `oldest` result.

    Attempts are counted anew after a retry by hand.
    """
    job, last = encode(job_id), "+"
    first = f"{max(0, round((created_at - EARLIER) * 1000))}" if created_at is not None else "-"
    for _ in range(CHUNKS):
        entries = unless_wrong_type(client.xrevrange, keys.EVENTS, last, first, count=CHUNK) or []
        for entry_id, fields in entries:
            if fields.get(b"job") == job:
                event = from_entry(entry_id, fields)
                yield event
                if event.kind == EventKind.STARTED and event.source.attempt == 1 and event.at < oldest:
                    return
        if len(entries) < CHUNK:
            return
        last = f"({entries[-1][0].decode()}"


def known(detail: JobDetail, events: Sequence[Event] = ()) -> tuple[KnownAttempt, ...]:
    """The attempts, oldest first, also the one that runs; `events`: those of the job, oldest first."""
    row, of_events = detail.row, list(_of_events(events))
    found = list(_results(row, detail.attempts, of_events))
    found += [each for each in of_events if each.outcome in ("failed", "retried")]
    if row.started_at is not None and (_runs(row) or not any(_is_newest(each, row) for each in found)):
        found.append(_newest(row))
    found.sort(key=lambda each: (each.outcome == "runs", each.ended or each.began or 0.0))
    return tuple(_with_waits(row, found))


def _runs(row: JobRow) -> bool:
    return row.status is not None and row.status.runs


def _is_newest(each: KnownAttempt, row: JobRow) -> bool:
    """Whether it is the attempt whose times the job's hash has."""
    if each.ended is None or row.started_at is None:
        return False
    return each.ended >= row.started_at - (SKEW if each.number is not None and each.number == row.attempts else 0.0)


def _results(row: JobRow, attempts: tuple[EndedAttempt, ...], of_events: list[KnownAttempt]) -> Iterator[KnownAttempt]:
    """The attempts of which there is a result; what events report of them too is taken out of `of_events`.

    RQ keeps none of an attempt that another one followed, however close their ends are.
    """
    for number, each in zip(_numbers(row, attempts), attempts, strict=True):
        kept = (other for other in of_events if other.outcome is None)
        near = [other for other in kept if other.ended is not None and _apart(other.ended, each.ended_at) < SAME]
        same = min(near, key=lambda other: _apart(other.ended, each.ended_at), default=None)
        if same:
            of_events.remove(same)
        yield KnownAttempt(
            number=(same.number if same else None) or number,
            outcome=each.outcome,
            began=each.started_at,
            ended=each.ended_at,
            worker=each.worker,
            error=error_line(each.traceback),
            traceback=each.traceback,
            peak_memory_bytes=each.peak_memory_bytes,
            cpu_seconds=each.cpu_seconds,
            result=each.result,
        )


def _numbers(row: JobRow, attempts: tuple[EndedAttempt, ...]) -> list[int | None]:
    """The numbers of the ended attempts; None where one is not certain, as RQ keeps no result of an attempt that it retried."""
    ended = row.attempts if row.attempts is None or row.status is not Status.STARTED else row.attempts - 1
    if ended is not None and ended == len(attempts):
        return list(range(1, ended + 1))
    return [None] * (len(attempts) - 1) + [ended or None] * bool(attempts)


def _apart(one: float | None, other: float | None) -> float:
    return inf if one is None or other is None else abs(one - other)


def _of_events(events: Iterable[Event]) -> Iterator[KnownAttempt]:
    """The attempts whose ends events report: "failed", or "retried" where another one followed, of which RQ keeps no result."""
    begun: Event | None = None
    for event in events:
        source, details = event.source, event.details
        if event.kind == EventKind.STARTED:
            begun = event
        elif event.kind in _ENDS:
            error, peak = details.get("error"), _number(details.get("peak_memory"))
            same = begun is not None and begun.source.attempt == source.attempt
            followed: Outcome = "failed" if error else "retried"
            yield KnownAttempt(
                number=source.attempt,
                outcome=followed if event.kind == EventKind.RETRYING else None,
                began=begun.at if begun and same else None,
                ended=event.at,
                worker=source.worker,
                error=str(error) if error else None,
                peak_memory_bytes=None if peak is None else int(peak),
                cpu_seconds=_number(details.get("cpu")),
            )
            begun = None


def _number(value: Value) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if known and value is not None else None


def _newest(row: JobRow) -> KnownAttempt:
    """The attempt that is known only from the job's hash: it runs, or RQ has retried it."""
    ended = None if row.ended_at is None or row.started_at is None or row.ended_at < row.started_at else row.ended_at
    outcome: Outcome | None = (
        "runs" if _runs(row) else "failed" if ended is not None and row.status and row.status.waits else None
    )
    return KnownAttempt(
        number=row.attempts,
        outcome=outcome,
        began=row.started_at,
        ended=None if outcome == "runs" else ended,
        worker=row.worker,
        error=row.error if outcome is None else None,
    )


def _with_waits(row: JobRow, found: Sequence[KnownAttempt]) -> Iterator[KnownAttempt]:
    before: KnownAttempt | None = None
    for each in found:
        since = before.ended if before else row.created_at
        if skipped(before, each):
            since = row.enqueued_at if each is found[-1] else None
        waits = each.began is not None and since is not None and each.began >= since - SAME
        yield replace(each, waited=max(0.0, each.began - since)) if waits and each.began and since else each
        before = each


def skipped(before: KnownAttempt | None, after: KnownAttempt) -> int:
    """How many attempts between two, or before the first, of which nothing is known."""
    if after.number is None or (before is not None and (before.number is None or before.number >= after.number)):
        return 0
    return max(0, after.number - (before.number or 0 if before else 0) - 1)


def spans(row: JobRow, tried: Sequence[KnownAttempt]) -> tuple[Span, ...]:
    """The life of a job from its creation to its end, as far as it is known: waits and attempts without a gap."""
    return tuple(_spans(row, tried))


def _spans(row: JobRow, tried: Sequence[KnownAttempt]) -> Iterator[Span]:
    moments = [row.created_at, row.enqueued_at, *(each.began for each in tried), *(each.ended for each in tried)]
    place = next((moment for moment in moments if moment is not None), None)
    if place is None:
        return
    for before, each in pairwise([None, *tried]):
        assert each is not None
        begins = each.began if each.began is not None else each.ended
        if begins is None:
            continue
        yield from _wait(row, place, begins, skipped(before, each), is_newest=each is tried[-1])
        place = max(place, begins)
        ended = None if each.outcome == "runs" else max(place, each.ended or place)
        yield Span(place, ended, each)
        place = ended or place
    if row.status is not None and (row.status.waits or row.status is Status.CREATED):
        due = row.scheduled_for if row.status is Status.SCHEDULED else None
        split = row.enqueued_at is not None and row.status is Status.QUEUED and place + SAME < row.enqueued_at
        if split and row.enqueued_at is not None:
            yield Span(place, row.enqueued_at)
            place = row.enqueued_at
        yield Span(place, due if due is None or due > place else place, status=row.status, is_last=True)


def _wait(row: JobRow, since: float, until: float, left_out: int, *, is_newest: bool) -> Iterator[Span]:
    """A wait; the last one before an attempt in two parts, where it is known since when the job was in its queue."""
    queued = row.enqueued_at if is_newest and row.enqueued_at is not None and row.enqueued_at < until else None
    if queued is not None and queued > since + SAME and until > queued + SAME:
        yield Span(since, queued, skipped=left_out)
        since, left_out = queued, 0
    if until > since:
        in_queue = queued is not None and since - SAME <= queued <= since + SAME
        yield Span(since, until, status=Status.QUEUED if in_queue else None, skipped=left_out)
