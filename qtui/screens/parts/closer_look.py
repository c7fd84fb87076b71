"""What is known of one queue: why its jobs failed, what its workers do, and how it went in the last ten minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.containers import Container
from textual.widget import Widget

from qtui.broker.models import QueueRow
from qtui.broker.queues.throughput import BUCKET, Flow
from qtui.broker.status import Status
from qtui.presentation import formatting
from qtui.screens.parts.queue_columns import cause_columns, in_order, worker_columns
from qtui.screens.parts.queue_list import NO_CAUSES, NO_WORKERS, causes_title, series, workers_title
from qtui.widgets.fact_table import FactTable
from qtui.widgets.flow_chart import FlowChart

if TYPE_CHECKING:
    from qtui.broker.diagnosis.acknowledged import State
    from qtui.broker.diagnosis.queue_failures import QueueFailures
    from qtui.broker.diagnosis.queue_look import QueueLook
    from qtui.broker.search.groups import Group


class CloserLook(Container):
    """Causes, workers and a chart; where there is less room, less of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is the server's clock."""
        super().__init__()
        self._now = now
        self._failures: QueueFailures | None = None
        self._queue = ""

    def compose(self) -> Iterable[Widget]:
        """The three parts."""
        with Container(id="known"):
            yield FactTable(cause_columns(self._state, self._now), NO_CAUSES, id="causes")
            yield FactTable(worker_columns(lambda: self._queue, self._now), NO_WORKERS, id="workers")
        yield FlowChart(BUCKET)

    def _state(self, cause: Group) -> State:
        return self._failures.state(cause) if self._failures else "new"

    def show(self, row: QueueRow | None, look: QueueLook | None, flow: Flow) -> None:
        """Show a queue; `look` is None while nobody has looked at it more closely, `row` where there is no queue."""
        self._queue = row.name if row else ""
        self._failures = look.failures if look else None
        self.query_one("#causes", FactTable).show(*self._causes(row, look))
        workers = in_order(look.workers) if look else None
        self.query_one("#workers", FactTable).show(workers if row else (), workers_title(look))
        self.query_one(FlowChart).show(series(row, flow) if row else ())

    def _causes(self, row: QueueRow | None, look: QueueLook | None) -> tuple[tuple[Group, ...] | None, str]:
        failed, title = row.count(Status.FAILED) if row else 0, causes_title(row)
        if self._failures is None:
            return (None if failed and look is None else ()), title
        if not self._failures.is_whole:
            title = f"causes of the newest {formatting.count(self._failures.read)} failed"
        return self._failures.causes, title
