"""The columns of the workers, and what the lines below say about one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from qtui.broker.models import WorkerRow
from qtui.broker.status import Tone
from qtui.broker.workers.lanes import SPAN, SPANS, Cell, Lane
from qtui.broker.workers.workers_at_work import AtWork
from qtui.presentation import formatting, labels
from qtui.presentation.cells import Column, Pieces

LANES_FROM: Final = 175
"""Cells of width from which on there is room for lanes."""
LONG: Final = 10.0
"""Seconds after which a job counts as long, and its worker stands above the others: with short ones they would never rest."""

MINUTE: Final = 60.0

_LEVELS: Final = "▁▂▃▄▅▆▇█"
_GLYPHS: Final = {"unknown": " ", "idle": "·", "failed": "✗", "silent": "░"}
_TONES: Final[dict[str, Tone]] = {"unknown": "muted", "idle": "muted", "busy": "busy", "failed": "bad", "silent": "bad"}
LEGEND: Final = (
    f"last {SPAN * SPANS // 60} minutes, {SPAN} s a block: ▁ to █ busy  · idle  ✗ a job failed  ░ no sign of life  "
    "blank: not known (of an rq worker all but what was seen from here)"
)


class WorkerLines(NamedTuple):
    """What the lines below the table say about the worker under the cursor."""

    text: str = ""
    facts: str = ""
    step: str = ""


def columns(width: int, now: Callable[[], float]) -> list[Column[AtWork]]:
    """The columns for a screen of so many cells; `now` is the server's clock."""
    wide = width >= LANES_FROM

    def busy(each: AtWork) -> str:
        seconds = None if each.busy_since is None else now() - each.busy_since
        return formatting.age(seconds if seconds is None or seconds < MINUTE else labels.in_steps(seconds))

    def runs(each: AtWork) -> str:
        return labels.function(each.job) if each.job else formatting.UNKNOWN

    def job(each: AtWork) -> str:
        return formatting.short_id(each.worker.current_job) if each.worker.current_job else formatting.UNKNOWN

    lanes = [Column[AtWork]("LAST 10 MINUTES", lambda each: drawn(each.lane), width=SPANS, priority=4)] if wide else []
    return [
        Column("", lambda each: labels.worker_glyph(each.worker), width=2, tone=tone),
        Column("WORKER", lambda each: each.worker.name, share=2, minimum=20 if wide else 12),
        Column("STATUS", lambda each: labels.worker_status(each.worker), width=9, tone=tone),
        Column("QUEUES", lambda each: ", ".join(each.worker.queues), share=3, minimum=12),
        Column("JOB", job, width=8, priority=1),
        Column("FUNCTION", runs, minimum=14, share=2, priority=3),
        Column("FOR", busy, width=8, align="right", priority=1),
        Column("DONE", lambda each: formatting.count(each.worker.successful), width=9, align="right", priority=2),
        Column("FAILED", lambda each: formatting.count(each.worker.failed), width=7, align="right", priority=2),
        Column(
            "HEARTBEAT",
            lambda each: formatting.age(labels.in_steps(each.worker.heartbeat_seconds)),
            width=9,
            align="right",
            priority=1,
        ),
        Column("MEMORY", lambda each: labels.memory(each.worker), width=9, align="right", priority=3),
        *lanes,
        Column("HOST", lambda each: each.worker.host or "–", width=16, priority=5),
        Column("PID", lambda each: str(each.worker.pid) if each.worker.pid else "–", width=8, align="right", priority=5),
        Column("RQ", lambda each: each.worker.version or "–", width=8, priority=6),
    ]


def tone(each: AtWork) -> Tone:
    """The tone of a worker's status."""
    row = each.worker
    if row.is_silent:
        return "bad"
    if row.status == "suspended" or row.stopping:
        return "warn"
    return "busy" if row.status == "busy" else "idle"


def drawn(lane: Lane) -> Pieces:
    """A lane as blocks: each state has a glyph and a tone."""
    pieces: list[tuple[str, Tone | None]] = []
    for cell in lane:
        glyph, its = _block(cell), _TONES[cell.state]
        if pieces and pieces[-1][1] == its:
            pieces[-1] = pieces[-1][0] + glyph, its
        else:
            pieces.append((glyph, its))
    return pieces


def _block(cell: Cell) -> str:
    return _LEVELS[cell.share - 1] if cell.state == "busy" else _GLYPHS[cell.state]


def place(each: AtWork, now: float) -> tuple[bool, bool, str]:
    """Where a worker stands in the list: the silent ones first, then those with a long job, then the others, each by name."""
    long = each.busy_since is not None and now - each.busy_since >= LONG
    return not each.worker.is_silent, not long, each.worker.name


def lines_about(each: AtWork | None, now: float, *, suspended: bool) -> WorkerLines:
    """What an operator has to know about a worker, what is known besides, and what to do."""
    if each is None:
        return WorkerLines()
    row = each.worker
    if row.is_silent:
        since = f" for {formatting.age(row.heartbeat_seconds)}" if row.heartbeat_seconds is not None else ""
        left = f"; it had {labels.running(each, now)}" if row.current_job else " and has no job"
        step = "B puts its job back, Enter opens it" if row.current_job else ""
        return WorkerLines(f"{row.name} gives no sign of life{since}{left}.", facts(row, now), step)
    doing = f"runs {labels.running(each, now)}" if row.current_job else "runs no job"
    if row.stopping:
        return WorkerLines(f"{row.name} was asked to shut down: it {doing}, and leaves after that.", facts(row, now))
    if suspended:
        return WorkerLines(
            f"{row.name} {doing}. All workers are suspended: they take no jobs.", facts(row, now), "P resumes all workers"
        )
    return WorkerLines(f"{row.name} {doing}; it listens to {', '.join(row.queues) or 'no queue'}.", facts(row, now))


def facts(row: WorkerRow, now: float) -> str:
    """What is known of a worker besides: "rq worker 812 on web-1, rq 3.0, began 2h ago: 1,204 done, 3 failed; holds 62.1 MiB"."""
    process = f"{row.pid or '–'} on {row.host or '–'}"
    kind = "qtui-worker" if row.knows_holds else "rq worker" if row.version else "worker"
    version = f", rq {row.version}" if row.version else ""
    ended = f"{formatting.count(row.successful)} done, {formatting.count(row.failed)} failed"
    memory = "memory not known" if row.memory is None else f"holds {formatting.size(row.memory)}"
    horse = "" if row.horse_memory is None else f", its horse {formatting.size(row.horse_memory)}"
    return f"{kind} {process}{version}, began {formatting.ago(row.started_at, now)}: {ended}; {memory}{horse}"
