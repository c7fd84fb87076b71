"""Which workers can take a job: each of them, with yes or why not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

import redis
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from qtui.broker.models import Overview
from qtui.broker.one_job import takers
from qtui.broker.one_job.takers import Answer, Taker, Takers
from qtui.broker.status import Tone
from qtui.presentation import formatting, labels
from qtui.presentation.taker_text import GLYPHS, headline, reason
from qtui.screens.job import JobScreen
from qtui.screens.parts.resource import ResourceScreen
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.text import printable

TONES: Final[dict[Answer, Tone]] = {"yes": "good", "busy": "busy", "no": "bad"}


class TakersScreen(ResourceScreen[None, Takers]):
    """The workers; Enter opens the job that one runs."""

    CSS_PATH = "takers.tcss"
    HELP = (
        "Every worker, and whether it can take the job: ✓ yes, ▸ after the job that it runs, ✗ no, and why not. "
        "That a worker does not run a function is known only where it has refused it lately."
    )
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, job: str | None = None, queue: str | None = None) -> None:
        """Of a job, or of the one that is next in a queue."""
        super().__init__()
        self.job, self.queue = job, queue

    def compose_body(self) -> Iterable[Widget]:
        """What it is about, and the workers."""
        yield Static(id="crumb", markup=False)
        empty = labels.no_worker(self.session.here)
        yield RowTable(self._columns(), lambda taker: taker.each.worker.name, empty, markable=False, id="takers")

    def _columns(self) -> list[Column[Taker]]:
        def heard(taker: Taker) -> str:
            return formatting.age(labels.in_steps(taker.each.worker.heartbeat_seconds))

        return [
            Column("", lambda taker: GLYPHS[taker.answer], width=1, tone=_tone),
            Column("WORKER", lambda taker: taker.each.worker.name, share=2, minimum=14),
            Column("CAN", lambda taker: taker.answer, width=4, tone=_tone),
            Column("WHY", self._why, share=4, minimum=30, tone=_tone),
            Column("LISTENS TO", lambda taker: ", ".join(taker.each.worker.queues), share=2, minimum=14, priority=2),
            Column("HEARTBEAT", heard, width=9, align="right", priority=1),
        ]

    def _why(self, taker: Taker) -> str:
        return reason(taker, self.data, self.session.server_now) if self.data else ""

    def load(self, client: redis.Redis, request: None) -> Takers:
        """Every worker, and what keeps it from the job."""
        return takers.load(client, job=self.job, queue=self.queue)

    def show(self, data: Takers, overview: Overview) -> None:
        """Fill the table."""
        self.data = data
        self.query_one("#crumb", Static).update(printable(headline(data), 400))
        self.query_one(RowTable).show(data.takers, 0, len(data.takers))

    def on_row_table_selected(self, message: RowTable.Selected[Taker]) -> None:
        """Open the job that the worker runs."""
        if job := message.row.each.worker.current_job:
            self.app.push_screen(JobScreen(job))


def _tone(taker: Taker) -> Tone:
    return TONES[taker.answer]
