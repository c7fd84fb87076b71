"""What the screen of queues says, without what draws it: which rows stand in which order, and the lines around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtui.broker.diagnosis import troubles
from qtui.broker.diagnosis.troubles import Verdict
from qtui.broker.models import Overview, QueueRow
from qtui.broker.status import Status
from qtui.presentation import formatting
from qtui.presentation.chart import Series
from qtui_workers.records import Record, replace

if TYPE_CHECKING:
    from qtui.broker.diagnosis.queue_look import QueueLook
    from qtui.broker.queues.throughput import Flow
    from qtui.preferences.memory import Memory

NO_CAUSES: Final = "Nothing has failed."
NO_WORKERS: Final = "Nobody listens."
FEW: Final = 1
"""So many idle queues are shown, as the line that stands for them would take as much space."""
TALL: Final = 40
"""Lines of a terminal from which on there always is a closer look at one queue."""
LEAST: Final = 24
"""Lines from which on there is one where the rows leave room for it."""
AROUND: Final = 10
"""Lines of the screen that are neither rows nor the closer look, one of them for the banner while Redis is away."""
VERDICT_LINES: Final = (2, 1)
"""The lines of a verdict, and of what to do next."""
CALM: Final = "Nothing waits, runs or has failed in any queue."


class Order(Record):
    """How the rows are arranged."""

    by: str = next(iter(troubles.ORDERS))
    reverse: bool = False
    """Whether they are shown from the other end."""
    shows_idle: bool = False
    """Whether each idle queue has a row; else one line stands for all of them."""
    only_trouble: bool = False
    """Whether only queues that are in trouble have a row."""

    def leaves_out(self, row: QueueRow, at: float) -> bool:
        """Whether a queue has no row of its own at that time of the server."""
        if self.only_trouble:
            return not troubles.of(row)
        return not self.shows_idle and troubles.is_idle(row, at)

    @property
    def said(self) -> str:
        """The order in words, where it is another than at the start."""
        usual = self.by == USUAL.by and not self.reverse
        said = "" if usual else f" · by {self.by}{', reversed' if self.reverse else ''}"
        return said + (" · only those in trouble" if self.only_trouble else "")


USUAL: Final = Order()


def order_of(memory: Memory) -> Order:
    """The order that was chosen in a run before, else the usual one."""
    turned = memory.order_of("queues")
    order = Order(turned.by, turned.reverse) if turned and turned.by in troubles.ORDERS else USUAL
    return replace(order, shows_idle=memory.now.shows_idle)


def remember(memory: Memory, order: Order) -> None:
    """Begin with this order in the next run; with all queues, also where only those in trouble are shown."""
    memory.remember_order("queues", order.by, reverse=order.reverse)
    memory.change(shows_idle=order.shows_idle)


def empty(here: str) -> str:
    """What is shown where there is no queue; `here`: as `here.suffix`."""
    return f"No queues yet.\nPress 8 to enqueue a test job, or run: qtui enqueue test_job message=hello{here}"


def arranged(overview: Overview, order: Order, here: str | None) -> tuple[list[QueueRow], int]:
    """The rows in their order, and how many queues are left out; the queue named `here` never is."""
    queues = overview.queues
    hidden = [row for row in queues if row.name != here and order.leaves_out(row, overview.at)]
    folded = {row.name for row in hidden} if len(hidden) > FEW or order.only_trouble else ()
    rows = sorted((row for row in queues if row.name not in folded), key=troubles.ORDERS[order.by])
    return rows[::-1] if order.reverse else rows, len(folded)


def foot(folded: int, *, only_trouble: bool = False) -> str:
    """The line that stands for so many queues."""
    queues = "queue" if folded == 1 else "queues"
    what = f"{queues} without trouble (! shows them)" if only_trouble else f"idle {queues} (i shows them)"
    return f"… {formatting.count(folded)} {what}" if folded else ""


def closer_height(height: int) -> int:
    """Lines of the closer look in a terminal of `height` lines: 45 % of what is below the header, as `queues.tcss` has it."""
    return (height - 1) * 45 // 100


def has_closer_look(height: int, lines: int) -> bool:
    """Whether there is room for a closer look below so many lines of the table, of which none may be hidden by it."""
    return height >= TALL or (height >= LEAST and 0 < lines <= height - AROUND - closer_height(height))


def lines_about(row: QueueRow | None, seen: Overview | None, look: QueueLook | None, here: str) -> Verdict:
    """What the lines below the table say about the queue under the cursor."""
    return troubles.verdict(row, seen, look, here) if row and seen else Verdict(CALM if seen and seen.queues else "", "")


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


def causes_title(row: QueueRow | None) -> str:
    """What stands above the causes of a queue's failures: "causes of 12 failed"."""
    failed = row.count(Status.FAILED) if row else 0
    return f"causes of {formatting.count(failed)} failed" if failed else "causes"


def workers_title(look: QueueLook | None) -> str:
    """What stands above the workers of a queue: "30 of 400 workers"."""
    if look is None or not look.registered:
        return "workers"
    shown, known = len(look.workers), look.registered
    some = f"{formatting.count(shown)} of " if shown < known else ""
    return f"{some}{formatting.count(known)} {'worker' if known == 1 else 'workers'}"


def series(row: QueueRow, flow: Flow) -> tuple[Series, ...]:
    """How a queue went lately."""
    return (
        Series("in", "idle", flow.entered, row.enqueued_per_second),
        Series("ok", "good", flow.finished, row.finished_per_second),
        Series("fail", "bad", flow.failed, row.failed_per_second),
    )
