"""Every queue, the one in most trouble first, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from qtui.broker.diagnosis import troubles
from qtui.broker.models import Overview, QueueRow
from qtui.broker.status import Status
from qtui.lazy import Lazy
from qtui.presentation.bars import IDLE, PAUSE, RESUME, SORT
from qtui.screens.parts.closer_look import CloserLook
from qtui.screens.parts.queue_columns import QueueColumns
from qtui.screens.parts.queue_list import (
    USUAL,
    VERDICT_LINES,
    Order,
    arranged,
    empty,
    foot,
    has_closer_look,
    lines_about,
    order_of,
    remember,
    totals,
)
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import TailRequested, TakersRequested
from qtui.widgets.caption import Caption, Paragraphs
from qtui.widgets.header import Header
from qtui.widgets.row_table import RowTable
from qtui_workers import records
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

    from qtui.broker.diagnosis import queue_failures, queue_look
    from qtui.broker.diagnosis.queue_failures import FailureLooks
    from qtui.broker.diagnosis.queue_look import QueueLook
    from qtui.presentation import questions
    from qtui.screens import failures, job, jobs
    from qtui_workers.enqueue import pause
else:
    failures, job, jobs = Lazy("qtui.screens.failures"), Lazy("qtui.screens.job"), Lazy("qtui.screens.jobs")
    questions, pause = Lazy("qtui.presentation.questions"), Lazy("qtui_workers.enqueue.pause")
    queue_failures, queue_look = Lazy("qtui.broker.diagnosis.queue_failures"), Lazy("qtui.broker.diagnosis.queue_look")


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """The queue that is looked at more closely."""

    queue: str
    failed: int
    """How many failed jobs it has."""
    at: float
    """The server's clock."""
    closely: bool
    """Whether its workers are looked at, too."""


class QueuesScreen(ResourceScreen["QueueRequest | None", "QueueLook | None"]):
    """The queues with their counts, workers and rates, and what is known of the one under the cursor."""

    CSS_PATH = "queues.tcss"
    HELP = (
        "Every queue, the one in most trouble first; Enter opens where the trouble is. The lines below the table say what the "
        "figures mean, and what to do. A queue is idle where nothing waits, runs, has failed or moved for ten minutes. "
        "A pause holds every qtui-worker at once; a plain rq worker knows no pause."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "open", "Parent", id="queues.open", tooltip="Open the job that others wait for in vain"),
        Binding(**records.as_dict(SORT)),
        Binding("o", "reverse", "Reverse", show=False, tooltip="The other way round", id="queues.reverse"),
        Binding(**records.as_dict(IDLE)),
        Binding("L", "takers", "Who can", show=False, id="queues.takers",
                tooltip="Which workers can take the next job, and why not"),
        Binding("t", "tail", "Tail", show=False, id="queues.tail", tooltip="What happens in the queue, live"),
        Binding("exclamation_mark", "trouble", "Trouble", show=False, key_display="!", id="queues.trouble",
                tooltip="Only the queues in trouble, or all"),
        Binding(**records.as_dict(PAUSE)),
        Binding(**records.as_dict(RESUME)),
    ]  # fmt: skip

    CHANGING = frozenset({"pause", "resume"})

    def __init__(self) -> None:
        super().__init__()
        self.order = USUAL
        """How the rows are arranged."""
        self._columns = QueueColumns(lambda queue: self.session.throughput.flow(queue))
        self._on_paused = False
        """Whether the queue under the cursor was paused when the footer was last updated."""
        self._blocked: str | None = None
        """The job for which jobs of that queue wait in vain."""

    @cached_property
    def _failure_looks(self) -> FailureLooks:
        return queue_failures.FailureLooks()

    def compose_body(self) -> Iterable[Widget]:
        """What all queues hold, the table, the verdict, and where there is room what is known of one queue."""
        yield Caption(id="totals")
        columns = self._columns.of(())
        nothing = empty(self.session.here)
        yield RowTable(columns, key=lambda row: row.name, empty=nothing, markable=False, follows=True, id="queues")
        yield Paragraphs(VERDICT_LINES, ("", "$text-primary"), id="verdict")
        yield CloserLook(lambda: self.session.server_now)

    def on_mount(self) -> None:
        """What was read already is shown at once; the first screen of all is painted whole (`App.on_ready` releases it)."""
        self.order = order_of(self.session.memory)
        if seen := self.session.overview:
            if self.session.is_unseen:
                self.session.is_unseen = False
                self.stop_painting()
            self.loaded_at = self.session.loaded_at
            self.show(None, seen)
            self.query_one(Header).show(seen)

    def heard(self, event: events.Key) -> None:
        """From now on the cursor stays on its queue; until then it is on the one in most trouble."""
        super().heard(event)
        self.query_one(RowTable).follows = False

    def request(self) -> QueueRequest | None:
        """The queue under the cursor, which is looked at more closely; the rest is in the overview."""
        row = self._row
        if row is None:
            return None
        closely = self.query_one(CloserLook).display
        return QueueRequest(row.name, row.count(Status.FAILED), self.session.server_now, closely)

    def is_wanted(self, requested: QueueRequest | None, current: QueueRequest | None) -> bool:
        """Always, because every load holds the overview."""
        return True

    def load(self, client: redis.Redis, request: QueueRequest | None) -> QueueLook | None:
        """A look at the queue under the cursor."""
        if request is None:
            return None
        workers = queue_look.MOST_WORKERS if request.closely else 0
        look = queue_look.load(client, request.queue, at=request.at, most_workers=workers)
        return replace(look, failures=self._failure_looks.load(client, request.queue, request.failed))

    def show(self, data: QueueLook | None, overview: Overview) -> None:
        """Fill the table in the chosen order, without the idle queues; the one under the cursor stays."""
        here = self._row.name if self._row else None
        rows, folded = arranged(overview, self.order, here)
        table = self.query_one(RowTable)
        columns = self._columns.of(rows)
        if [(each.title, each.minimum) for each in columns] != [(each.title, each.minimum) for each in table.columns]:
            table.columns = columns
        table.foot = foot(folded, only_trouble=self.order.only_trouble)
        table.show(rows, 0, len(rows))
        self._make_room()
        self.query_one("#totals", Caption).say(totals(overview) + self.order.said)
        self._say_verdict()

    def _arrange(self, order: Order) -> None:
        """Show the rows in another way, and so in the next run too."""
        self.order = order
        remember(self.session.memory, order)
        if self.session.overview:
            self.show(self.data, self.session.overview)

    def on_resize(self) -> None:
        """There may be room for a closer look now, or no longer."""
        self._make_room()
        self.call_after_refresh(self._say_verdict)

    def _make_room(self) -> None:
        self.query_one(CloserLook).display = has_closer_look(self.app.size.height, self.query_one(RowTable).line_count)

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
        look = self.data if row and self.data and self.data.queue == row.name else None
        state = bool(row and row.paused), look.blocked.id if look and look.blocked else None
        if state != (self._on_paused, self._blocked):
            self._on_paused, self._blocked = state
            self.refresh_bindings()
        verdict = lines_about(row, seen, look, self.session.here)
        self.query_one("#verdict", Paragraphs).say_all(printable(verdict.text), printable(verdict.step))
        closer = self.query_one(CloserLook)
        if closer.display:
            closer.show(row, look, self.session.throughput.flow(row.name if row else ""))

    def on_row_table_selected(self, message: RowTable.Selected[QueueRow]) -> None:
        """Open where the trouble of a queue is."""
        queue, where = message.row.name, troubles.opens(message.row)
        self.app.push_screen(failures.FailuresScreen(queue) if where == "causes" else jobs.JobsScreen(queue, where))

    def action_reload(self) -> None:
        """Look again now, at all of it."""
        self._failure_looks.forget()
        super().action_reload()

    def action_open(self) -> None:
        """Open the job that keeps others waiting."""
        if self._blocked:
            self.app.push_screen(job.JobScreen(self._blocked))

    def action_tail(self) -> None:
        """Show what happens in the queue under the cursor, as it happens."""
        if row := self._row:
            self.app.post_message(TailRequested(queue=row.name))

    def action_takers(self) -> None:
        """Show which workers can take the next job of the queue under the cursor."""
        if row := self._row:
            self.app.post_message(TakersRequested(queue=row.name))

    def action_sort(self) -> None:
        """Sort by the next sort key."""
        names = list(troubles.ORDERS)
        self._arrange(records.replace(self.order, by=names[(names.index(self.order.by) + 1) % len(names)]))

    def action_reverse(self) -> None:
        """Show the order from its other end."""
        self._arrange(records.replace(self.order, reverse=not self.order.reverse))

    def action_idle(self) -> None:
        """Show the idle queues, or fold them into one line."""
        self._arrange(records.replace(self.order, shows_idle=not self.order.shows_idle))

    def action_trouble(self) -> None:
        """Show only the queues in trouble, or all."""
        self._arrange(records.replace(self.order, only_trouble=not self.order.only_trouble))

    def action_pause(self) -> None:
        """Ask, then pause the queue under the cursor."""
        self._switch("Pause", "paused", pause.pause, ["Running jobs end as usual. A plain rq worker knows no pause."])

    def action_resume(self) -> None:
        """Ask, then resume the queue under the cursor."""
        self._switch("Resume", "resumed", pause.resume, [])

    def _switch(self, title: str, past: str, change: Callable[..., list[str]], notes: list[str]) -> None:
        row = self._row
        if row is None:
            return
        name = row.name

        def work(client: redis.Redis) -> str:
            return f"{name} {'is' if change(client, [name]) else 'was already'} {past}"

        question = questions.pause_question([name], row.count(Status.QUEUED), self.session.name, resume=title == "Resume")
        self.ask(title, question, work, notes=notes, command=(title.lower(), name))

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Pause applies if the queue is not paused, resume if it is; open, if the verdict names a job."""
        if action == "open":
            return self._blocked is not None
        return action not in ("pause", "resume") or (action == "resume") == self._on_paused
