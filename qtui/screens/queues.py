"""Every queue, the one in most trouble first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from qtui import formatting, labels, questions
from qtui.broker import diagnosis, queue_look, troubles
from qtui.broker.models import Overview, QueueRow
from qtui.broker.queue_look import QueueLook
from qtui.broker.status import COUNTED, STATUSES, Status, Tone
from qtui.screens import Place
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui.screens.resource import ResourceScreen
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.enqueue.pause import pause, resume
from qtui_workers.text import printable

SPARK_WIDTH = 16


FIRST = (Status.QUEUED, Status.STARTED, Status.FAILED)
"""The statuses whose numbers stand at the left."""


def _count(status: Status, title: str, width: int, *, priority: int = 0) -> Column[QueueRow]:
    fact = STATUSES[status]
    return Column(
        title,
        lambda row: formatting.count(row.count(status)),
        width=width,
        align="right",
        tone=lambda row: fact.tone if row.count(status) else "muted",
        priority=priority,
    )


class QueuesScreen(ResourceScreen[str | None, QueueLook | None]):
    """The queues with their counts, workers and rates, and the verdict on the one under the cursor."""

    PLACE = Place(1, "queues", "Queues", "counts, workers, rates, trouble first")
    CSS_PATH = "queues.tcss"
    HELP = (
        "Every queue, the one in most trouble first. The bottom line says what the figures mean. "
        "A pause holds every qtui-worker at once; a plain rq worker knows no pause."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "Open job", id="queues.open", tooltip="Open the job that the bottom line names"),
        Binding("s", "sort", "Sort", tooltip="Next order: trouble, name, queued, failed", id="queues.sort"),
        Binding("P", "pause", "Pause", id="queues.pause", tooltip="No qtui-worker takes its jobs any more"),
        Binding("P", "resume", "Resume", id="queues.resume", tooltip="Its jobs are taken again"),
    ]

    CHANGING = frozenset({"pause", "resume"})

    def __init__(self) -> None:
        super().__init__()
        self.order = next(iter(troubles.ORDERS))
        self._on_paused = False
        """Whether the queue under the cursor was paused when the footer was last updated."""

    def compose_body(self) -> Iterable[Widget]:
        """What all queues hold, the table, the verdict."""
        yield Static(id="totals", markup=False)
        yield RowTable(self._columns(), key=lambda row: row.name, empty=EMPTY, markable=False, id="queues")
        yield Static(id="verdict", markup=False)

    def _columns(self) -> list[Column[QueueRow]]:
        history = self.session.throughput.history
        return [
            Column(
                "QUEUE", lambda row: f"{labels.PAUSED} {row.name}" if row.paused else row.name, tone=_trouble_tone, minimum=14
            ),
            _count(Status.QUEUED, "WAIT", 7),
            _count(Status.STARTED, "RUN", 5, priority=1),
            *(_count(status, STATUSES[status].short, 8, priority=5) for status in COUNTED if status not in FIRST),
            _count(Status.FAILED, "FAILED", 7),
            Column("FAIL/s", lambda row: formatting.rate(row.failed_per_second), width=6, align="right", tone=_fail_tone),
            Column("OUT/s", lambda row: formatting.rate(row.finished_per_second), width=6, align="right", priority=1),
            Column("IN/s", lambda row: formatting.rate(row.enqueued_per_second), width=6, align="right", priority=4),
            Column("DRAIN", lambda row: labels.drain(diagnosis.drain_seconds(row)), width=7, align="right", priority=4),
            Column("WRK", lambda row: formatting.count(row.workers), width=4, align="right", priority=2),
            Column("OLDEST", lambda row: formatting.age(row.oldest_seconds), width=7, align="right"),
            Column("WHY", labels.standing, width=23, tone=_why_tone),
            Column("THROUGHPUT", lambda row: formatting.spark(history(row.name), SPARK_WIDTH), width=18, priority=3, tone="busy"),
        ]

    def request(self) -> str | None:
        """The queue under the cursor, which is looked at more closely; the rest is in the overview."""
        return self._row.name if self._row else None

    def is_wanted(self, requested: str | None, current: str | None) -> bool:
        """Always, because every load holds the overview."""
        return True

    def load(self, client: redis.Redis, request: str | None) -> QueueLook | None:
        """A look at the queue under the cursor."""
        return queue_look.load(client, request) if request else None

    def show(self, data: QueueLook | None, overview: Overview) -> None:
        """Fill the table in the chosen order."""
        self.query_one("#totals", Static).update(totals(overview))
        rows = sorted(overview.queues, key=troubles.ORDERS[self.order])
        self.query_one(RowTable).show(rows, 0, len(rows))
        self._say_verdict()

    def on_row_table_highlighted(self) -> None:
        """The cursor is on another queue: show its verdict, and look at it."""
        self._say_verdict()
        if self._row and not (self.data and self.data.queue == self._row.name):
            self.reload_at_rest()

    @property
    def _row(self) -> QueueRow | None:
        row: QueueRow | None = self.query_one(RowTable).cursor_row
        return row

    def _say_verdict(self) -> None:
        row, seen = self._row, self.session.overview
        if self._on_paused != bool(row and row.paused):
            self._on_paused = not self._on_paused
            self.refresh_bindings()
        look = self.data if row and self.data and self.data.queue == row.name else None
        self.query_one("#verdict", Static).update(printable(troubles.verdict(row, seen, look)) if row and seen else "")

    def on_row_table_selected(self, message: RowTable.Selected[QueueRow]) -> None:
        """Open the jobs of a queue, on the tab that matters most there."""
        self.app.push_screen(JobsScreen(message.row.name, diagnosis.trouble_status(message.row)))

    def action_open(self) -> None:
        """Open the job that keeps others waiting."""
        if self.data and self.data.blocked:
            self.app.push_screen(JobScreen(self.data.blocked.id))

    def action_sort(self) -> None:
        """Sort by the next sort key."""
        names = list(troubles.ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]
        self.notify(f"Sorted by {self.order}.", timeout=2)
        if self.session.overview:
            self.show(self.data, self.session.overview)

    def action_pause(self) -> None:
        """Ask, then pause the queue under the cursor."""
        self._switch("Pause", "paused", pause, ["Running jobs end as usual. A plain rq worker knows no pause."])

    def action_resume(self) -> None:
        """Ask, then resume the queue under the cursor."""
        self._switch("Resume", "resumed", resume, [])

    def _switch(self, title: str, past: str, change: Callable[..., list[str]], notes: list[str]) -> None:
        row = self._row
        if row is None:
            return
        name = row.name

        def work(client: redis.Redis) -> str:
            return f"{name} {'is' if change(client, [name]) else 'was already'} {past}"

        self.ask(title, questions.pause_question(row, self.session.name), work, notes=notes, command=(title.lower(), name))

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Pause applies if the queue is not paused, resume if it is; open, if the verdict names a job."""
        if action == "open":
            return bool(self.data and self.data.blocked)
        return action not in ("pause", "resume") or (action == "resume") == self._on_paused


EMPTY = "No queues yet.\nPress 8 to enqueue a test job, or run: qtui enqueue test_job message=hello"


def _trouble_tone(row: QueueRow) -> Tone | None:
    found = troubles.of(row)
    if found:
        return found[0].tone
    return "warn" if row.count(Status.FAILED) else None


def _why_tone(row: QueueRow) -> Tone | None:
    found = troubles.of(row)
    return found[0].tone if found else None


def _fail_tone(row: QueueRow) -> Tone:
    return "bad" if row.failed_per_second else "muted"


def totals(overview: Overview) -> str:
    """All queues in one line: "27,296 wait · 23,706 failed (+80/s) · 3 workers, 1 silent"."""
    queues = overview.queues
    waiting, failed = (sum(row.count(status) for row in queues) for status in (Status.QUEUED, Status.FAILED))
    rates = [row.failed_per_second for row in queues if row.failed_per_second is not None]
    growing = f" (+{formatting.rate(sum(rates))}/s)" if sum(rates) else ""
    known = overview.workers + overview.silent
    workers = f"{formatting.count(known)} {'worker' if known == 1 else 'workers'}"
    silent = f", {formatting.count(overview.silent)} silent" if overview.silent else ""
    return f"{formatting.count(waiting)} wait · {formatting.count(failed)} failed{growing} · {workers}{silent}"
