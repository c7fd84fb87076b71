"""The columns of the queues, of the causes of a queue's failures, and of its workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from qtui.broker.diagnosis import troubles
from qtui.broker.models import QueueRow
from qtui.broker.queues import trend
from qtui.broker.queues.throughput import BUCKETS, Flow
from qtui.broker.status import COUNTED, STATUSES, Status, Tone
from qtui.presentation import formatting, labels
from qtui.presentation.cells import Column
from qtui_workers.records import Record, replace

if TYPE_CHECKING:
    from qtui.broker.diagnosis.acknowledged import State
    from qtui.broker.search.groups import Group
    from qtui.broker.workers.workers_at_work import AtWork

NAME: Final = (14, 19)
"""The column of the names is as wide as they are, within these bounds, where there is little space."""
STATES: Final[dict[State, Tone]] = {"new": "bad", "back": "warn", "known": "muted"}
FIRST: Final = (Status.QUEUED, Status.STARTED, Status.FAILED)
"""The statuses whose numbers have a place of their own."""

Number = Callable[[QueueRow], float | None]


class _Optional(Record):
    """A column that is shown as soon as any queue has something in it, and then stays."""

    column: Column[QueueRow]
    number: Number


class QueueColumns:
    """The columns of the queues: those that every operator needs, and those that were not 0 everywhere so far."""

    def __init__(self, flow: Callable[[str], Flow]) -> None:
        """`flow` gives what entered and left a queue lately."""
        self._flow = flow
        self._used: set[str] = set()
        self._name = NAME[0]

    def of(self, rows: Sequence[QueueRow]) -> list[Column[QueueRow]]:
        """The columns for these queues."""
        every = self._every()
        self._used.update(each.column.title for each in every if isinstance(each, _Optional) and any(map(each.number, rows)))
        longest = max((formatting.cells(queue_name(row)) for row in rows), default=0)
        self._name = max(self._name, min(longest, NAME[1]))
        first, *others = [_shown(each) for each in every if isinstance(each, Column) or each.column.title in self._used]
        return [replace(first, minimum=self._name), *others]

    def _every(self) -> Sequence[Column[QueueRow] | _Optional]:
        return (
            Column("QUEUE", queue_name, tone=_name_tone),
            _count(Status.QUEUED, "WAIT", 7).column,
            _count(Status.STARTED, "RUN", 5, priority=4),
            *(_count(status, STATUSES[status].short, 7, priority=8) for status in COUNTED if status not in FIRST),
            _count(Status.FAILED, "FAILED", 7).column,
            _rate("FAIL/s", lambda row: row.failed_per_second, priority=1, tone="bad").column,
            _rate("OUT/s", lambda row: row.finished_per_second, priority=5).column,
            _rate("IN/s", lambda row: row.enqueued_per_second, priority=6),
            _Optional(
                Column("EMPTY IN", labels.drain, width=16, align="right", priority=7),
                trend.drain_seconds,
            ),
            Column("WRK", lambda row: formatting.count(row.workers), width=3, align="right", priority=3),
            Column("OLDEST", lambda row: formatting.about(row.oldest_seconds), width=6, align="right", priority=2),
            _Optional(
                Column("LAST 10 MIN", lambda row: formatting.spark(self._flow(row.name).finished, BUCKETS), width=BUCKETS,
                       priority=6, tone="busy"),
                lambda row: row.moved_at,
            ),
            Column("WHY", labels.why, minimum=21, share=2, tone=_why_tone),
        )  # fmt: skip


def _shown(each: Column[QueueRow] | _Optional) -> Column[QueueRow]:
    return each.column if isinstance(each, _Optional) else each


def _count(status: Status, title: str, width: int, *, priority: int = 0) -> _Optional:
    def number(row: QueueRow) -> int:
        return row.count(status)

    def tone(row: QueueRow) -> Tone:
        return STATUSES[status].tone if row.count(status) else "muted"

    column = Column[QueueRow](
        title, lambda row: formatting.count(row.count(status)), width=width, align="right", tone=tone, priority=priority
    )
    return _Optional(column, number)


def _rate(title: str, number: Number, *, priority: int, tone: Tone | None = None) -> _Optional:
    def of(row: QueueRow) -> Tone | None:
        return tone if number(row) else "muted"

    return _Optional(
        Column(title, lambda row: formatting.rate(number(row)), width=6, align="right", tone=of, priority=priority), number
    )


def queue_name(row: QueueRow) -> str:
    """The name, marked where the queue is paused."""
    return f"{labels.PAUSED} {row.name}" if row.paused else row.name


def _name_tone(row: QueueRow) -> Tone | None:
    return _why_tone(row) or ("warn" if row.count(Status.FAILED) else None)


def _why_tone(row: QueueRow) -> Tone | None:
    found = troubles.of(row)
    return found[0].tone if found else None


def cause_columns(state: Callable[[Group], State], now: Callable[[], float]) -> list[Column[Group]]:
    """The columns of causes of failures; `now` is the server's clock."""

    def tone(cause: Group) -> Tone:
        return STATES[state(cause)]

    return [
        Column("", lambda cause: labels.CAUSES[state(cause)], width=1, tone=tone),
        Column("COUNT", lambda cause: formatting.count(cause.count), width=5, align="right"),
        Column("LAST", lambda cause: formatting.ago(cause.newest, now()), width=8, align="right"),
        Column("CAUSE", lambda cause: labels.cause(cause.cause), minimum=20, share=3, tone=tone),
        Column("WHERE", lambda cause: (cause.cause and cause.cause.where) or "–", minimum=14, share=2, priority=1, tone="muted"),
    ]


def worker_columns(queue: Callable[[], str], now: Callable[[], float]) -> list[Column[AtWork]]:
    """The columns of the workers of a queue."""

    def runs(each: AtWork) -> str:
        if each.job is None:
            return "" if each.worker.is_silent else "idle"
        elsewhere = f" of {each.job.queue}" if each.job.queue != queue() else ""
        return f"{labels.function(each.job)}{elsewhere} {formatting.short_id(each.job.id)}"

    def since(each: AtWork) -> str:
        started = each.job.started_at if each.job else None
        return formatting.about(None if started is None else now() - started)

    return [
        Column("", lambda each: _GLYPHS[_worker_tone(each)], width=1, tone=_worker_tone),
        Column("WORKER", lambda each: each.worker.name, minimum=10, share=2, tone=_worker_tone),
        Column("RUNS", runs, minimum=12, share=3, tone=lambda each: None if each.job else "muted"),
        Column("FOR", since, width=4, align="right"),
        Column("HEARD", lambda each: _heard(each), width=7, align="right", tone=_worker_tone),
    ]


_GLYPHS: Final[dict[Tone, str]] = {"bad": "⚠", "busy": "▸", "idle": "·"}


def _worker_tone(each: AtWork) -> Tone:
    return "bad" if each.worker.is_silent else "busy" if each.job else "idle"


def _heard(each: AtWork) -> str:
    age = formatting.about(each.worker.heartbeat_seconds)
    return "silent" if age == formatting.UNKNOWN and each.worker.is_silent else age


def in_order(some: Iterable[AtWork]) -> list[AtWork]:
    """The silent ones first, then those that run a job, the longest first, then the others."""
    return sorted(
        some,
        key=lambda each: (
            not each.worker.is_silent,
            each.worker.current_job is None,
            each.busy_since or float("inf"),
            each.worker.name,
        ),
    )
