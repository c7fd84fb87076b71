"""What can be wrong with a queue, ranked by harm: one row per kind, from which order, column and verdict derive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from qtui.broker import diagnosis
from qtui.broker.diagnosis import waiting
from qtui.broker.models import Overview, QueueRow
from qtui.broker.queue_look import QueueLook
from qtui.broker.status import STATUSES, Status, Tone


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of trouble."""

    glyph: str
    tone: Tone
    applies: Callable[[QueueRow], bool]
    why: Callable[[QueueRow], str]
    """The trouble in a few words, for a column."""
    say: Callable[[QueueRow, QueueLook | None], str]
    """The same in a sentence, with what to do next; with what a look at the queue has found, where there was one."""


def _queued(row: QueueRow) -> int:
    return 0 if row.paused else row.count(Status.QUEUED)


def _workers(number: int, one: str, more: str) -> str:
    return one if number == 1 else more.format(number=f"{number:,}")


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs"


def _start(row: QueueRow, look: QueueLook | None) -> str:
    """How to have somebody work on a queue."""
    if look is None or look.start is None:
        return f"{waiting(row.count(Status.QUEUED))}. Start a worker for it."
    return f"{waiting(row.count(Status.QUEUED))}. Start a worker: {look.start}"


def _overdue(row: QueueRow) -> str:
    return f"{row.overdue:,} {'is' if row.overdue == 1 else 'are'} overdue{'' if row.scheduler else ', no scheduler'}"


def _say_overdue(row: QueueRow, _look: QueueLook | None) -> str:
    late = f"{_jobs(row.overdue)} should have been queued by now"
    if row.scheduler:
        return f"{late}: the scheduler is late."
    return f"{late}, and no scheduler is alive. Start one: any qtui-worker, or rq worker --with-scheduler."


TROUBLES: Final = (
    Trouble(
        "✗", "bad", diagnosis.failing,
        lambda _row: "every attempt fails",
        lambda row, _look: f"every attempt fails, {row.lately_failed or 0:,} in the last minute; Enter shows why.",
    ),
    Trouble(
        "⚠", "bad", lambda row: row.workers == 0 and row.silent > 0 and not row.paused,
        lambda row: _workers(row.silent, "its worker is silent", "{number} workers silent"),
        lambda row, look: (
            _workers(row.silent, "its only worker gives", "all {number} workers give")
            + f" no sign of life, {_start(row, look)}"
        ),
    ),
    Trouble(
        "⚠", "bad", lambda row: row.workers == 0 and _queued(row) > 0,
        lambda _row: "nobody listens",
        lambda row, look: f"nobody listens and {_start(row, look)}",
    ),
    Trouble(
        "⚠", "bad", lambda row: row.lost > 0,
        lambda row: f"{row.lost:,} lost {'its' if row.lost == 1 else 'their'} worker",
        lambda row, _look: f"{_jobs(row.lost)} lost the worker while running; they can be put back (B among the started ones).",
    ),
    Trouble("◷", "warn", lambda row: row.overdue > 0, _overdue, _say_overdue),
    Trouble(
        "⚠", "warn", lambda row: 0 < row.workers == row.busy and _queued(row) > 0 and not row.count(Status.STARTED),
        lambda row: _workers(row.workers, "worker busy elsewhere", "{number} busy elsewhere"),
        lambda row, _look: (
            _workers(row.workers, "its only worker is", "all its {number} workers are")
            + f" busy with jobs of other queues: {waiting(row.count(Status.QUEUED))}."
        ),
    ),
    Trouble(
        "▲", "warn", lambda row: diagnosis.falling_behind(row) and not row.paused,
        lambda row: f"grows by {diagnosis.growth(row):,.1f}/s",
        lambda row, _look: f"is falling behind by {diagnosis.growth(row):,.1f} a second: {waiting(row.count(Status.QUEUED))}.",
    ),
    Trouble(
        "‖", "warn", lambda row: row.paused,
        lambda _row: "paused",
        lambda row, _look: f"is paused until somebody resumes it: {waiting(row.count(Status.QUEUED))}.",
    ),
)  # fmt: skip
"""Every kind, the most harmful first."""


def of(row: QueueRow) -> tuple[Trouble, ...]:
    """The troubles of a queue, the most harmful first."""
    return tuple(trouble for trouble in TROUBLES if trouble.applies(row))


def why(row: QueueRow) -> str:
    """The most harmful trouble of a queue as glyph and words: "‖ paused"; '' if there is none."""
    found = of(row)
    return f"{found[0].glyph} {found[0].why(row)}" if found else ""


def _harm(row: QueueRow) -> tuple[object, ...]:
    """The kind of trouble, then how many jobs it is about."""
    found = of(row)
    failed, queued = row.count(Status.FAILED), row.count(Status.QUEUED)
    rank = TROUBLES.index(found[0]) if found else len(TROUBLES)
    return (rank, -(failed + queued) if found else 0, -failed, -queued, row.name)


ORDERS: Final[dict[str, Callable[[QueueRow], tuple[object, ...]]]] = {
    "trouble": _harm,
    "name": lambda queue: (queue.name,),
    "queued": lambda queue: (-queue.count(Status.QUEUED), queue.name),
    "failed": lambda queue: (-queue.count(Status.FAILED), queue.name),
}
"""The sort keys of lists of queues, by name; the first is the default."""


def verdict(queue: QueueRow, overview: Overview, look: QueueLook | None = None) -> str:
    """What an operator has to know about a queue now, in one or more sentences; with what a look at it has found."""
    parts = []
    if overview.suspended:
        parts.append("All workers are suspended (`rq resume` ends that).")
    found = [trouble.say(queue, look) for trouble in of(queue)]
    first = _sentence(queue.name, found[0] if found else _calm(queue))
    parts += [first, *(f"It {text}" if text.startswith("is ") else text[0].upper() + text[1:] for text in found[1:])]
    if look and look.blocked:
        parts.append(_blocked(queue, look))
    if failed := queue.count(Status.FAILED):
        parts.append(f"{failed:,} failed.")
    return " ".join(parts)


def _sentence(name: str, text: str) -> str:
    return f"{name} {text}" if text.startswith("is ") else f"{name}: {text}"


def _calm(queue: QueueRow) -> str:
    queued, running = queue.count(Status.QUEUED), queue.count(Status.STARTED)
    if queued:
        return f"{waiting(queued)}, {running:,} running."
    if running:
        return f"nothing waits, {running:,} running."
    workers = {0: "no worker listens", 1: "1 worker listens"}.get(queue.workers, f"{queue.workers:,} workers listen")
    return f"nothing waits, nothing runs; {workers}."


def _blocked(queue: QueueRow, look: QueueLook) -> str:
    parent = look.blocked
    assert parent is not None
    status = STATUSES[parent.status].title if parent.status else "gone"
    deferred = queue.count(Status.DEFERRED)
    stay = "1 deferred job stays" if deferred == 1 else f"{deferred:,} deferred jobs stay"
    return f"{stay}: what they wait for will not finish by itself, such as {parent.id[:8]}, which is {status} (o opens it)."
