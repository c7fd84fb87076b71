"""Every queue, the one in most trouble first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from qtui import formatting, labels, questions
from qtui.broker import diagnosis
from qtui.broker.models import Overview, QueueRow
from qtui.broker.status import COUNTED, STATUSES, Status, Tone
from qtui.screens import Place
from qtui.screens.jobs import JobsScreen
from qtui.screens.resource import ResourceScreen
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.enqueue.pause import pause, resume
from qtui_workers.text import printable

SPARK_WIDTH = 16


def _count(status: Status) -> Column[QueueRow]:
    fact = STATUSES[status]
    return Column(
        fact.short,
        lambda row: formatting.count(row.count(status)),
        width=max(8, len(fact.short) + 1),
        align="right",
        tone=lambda row: fact.tone if row.count(status) else "muted",
        priority={Status.QUEUED: 0, Status.FAILED: 0, Status.STARTED: 1, Status.FINISHED: 2}.get(status, 4),
    )


class QueuesScreen(ResourceScreen[None, None]):
    """The queues with their counts, workers and rates, and the verdict on the one under the cursor."""

    PLACE = Place(1, "queues", "Queues", "counts, workers, rates, trouble first")
    CSS_PATH = "queues.tcss"
    HELP = (
        "Every queue, the one in most trouble first. The bottom line says what the figures mean. "
        "A pause holds every qtui-worker at once; a plain rq worker knows no pause."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort", tooltip="Next order: trouble, name, queued, failed", id="queues.sort"),
        Binding("P", "pause", "Pause", id="queues.pause", tooltip="No qtui-worker takes its jobs any more"),
        Binding("P", "resume", "Resume", id="queues.resume", tooltip="Its jobs are taken again"),
    ]

    CHANGING = frozenset({"pause", "resume"})

    def __init__(self) -> None:
        super().__init__()
        self.order = next(iter(diagnosis.ORDERS))
        self._on_paused = False
        """Whether the queue under the cursor was paused when the footer was last updated."""

    def compose_body(self) -> Iterable[Widget]:
        """The table and the verdict."""
        yield RowTable(self._columns(), key=lambda row: row.name, empty=EMPTY, markable=False, id="queues")
        yield Static(id="verdict", markup=False)

    def _columns(self) -> list[Column[QueueRow]]:
        history = self.session.throughput.history
        return [
            Column(
                "QUEUE", lambda row: f"{labels.PAUSED} {row.name}" if row.paused else row.name, tone=_trouble_tone, minimum=14
            ),
            *(_count(status) for status in COUNTED),
            Column("WORKERS", lambda row: formatting.count(row.workers), width=8, align="right", priority=1),
            Column("OLDEST", lambda row: formatting.age(row.oldest_seconds), width=9, align="right", priority=1),
            Column("IN/s", lambda row: formatting.rate(row.enqueued_per_second), width=7, align="right", priority=3),
            Column("OUT/s", lambda row: formatting.rate(row.finished_per_second), width=7, align="right", priority=3),
            Column("DRAIN", lambda row: labels.drain(diagnosis.drain_seconds(row)), width=8, align="right", priority=3),
            Column("THROUGHPUT", lambda row: formatting.spark(history(row.name), SPARK_WIDTH), width=18, priority=2, tone="busy"),
            Column("STATUS", labels.standing, width=16, tone="warn", priority=5),
        ]

    def load(self, client: redis.Redis, request: None) -> None:
        """Nothing: the overview, which is loaded for every screen, is enough."""

    def show(self, data: None, overview: Overview) -> None:
        """Fill the table in the chosen order."""
        rows = sorted(overview.queues, key=diagnosis.ORDERS[self.order])
        self.query_one(RowTable).show(rows, 0, len(rows))
        self._say_verdict()

    def on_row_table_highlighted(self) -> None:
        """The cursor is on another queue: show its verdict."""
        self._say_verdict()

    @property
    def _row(self) -> QueueRow | None:
        row: QueueRow | None = self.query_one(RowTable).cursor_row
        return row

    def _say_verdict(self) -> None:
        row, seen = self._row, self.session.overview
        if self._on_paused != bool(row and row.paused):
            self._on_paused = not self._on_paused
            self.refresh_bindings()
        self.query_one("#verdict", Static).update(printable(diagnosis.verdict(row, seen)) if row and seen else "")

    def on_row_table_selected(self, message: RowTable.Selected[QueueRow]) -> None:
        """Open the jobs of a queue, on the tab that matters most there."""
        self.app.push_screen(JobsScreen(message.row.name, diagnosis.trouble_status(message.row)))

    def action_sort(self) -> None:
        """Sort by the next sort key."""
        names = list(diagnosis.ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]
        self.notify(f"Sorted by {self.order}.", timeout=2)
        if self.session.overview:
            self.show(None, self.session.overview)

    # -- pausing -------------------------------------------------------------------

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

        self.ask(title, questions.pause_question(row, self.session.name), work, notes=notes)

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Pause applies if the queue is not paused, resume if it is."""
        return action not in ("pause", "resume") or (action == "resume") == self._on_paused


EMPTY = "No queues yet.\nPress 8 to enqueue a test job, or run: qtui enqueue test_job message=hello"


def _trouble_tone(row: QueueRow) -> Tone | None:
    if diagnosis.unattended(row) or diagnosis.falling_behind(row):
        return "bad"
    return "warn" if row.count(Status.FAILED) else None
