"""Failed jobs by cause: what fails how often, since when, and where in the user's code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from qtui import formatting, labels
from qtui.broker import acknowledged, job
from qtui.broker.acknowledged import Acknowledgement
from qtui.broker.models import Overview
from qtui.broker.operations import OPERATIONS, Matching
from qtui.broker.search import groups
from qtui.broker.search.expression import parse
from qtui.broker.search.groups import HOURS, Group, Grouping
from qtui.broker.search.scan import Limits, Scope
from qtui.broker.status import Status, Tone
from qtui.screens import Place
from qtui.screens.jobs import JobsScreen
from qtui.screens.resource import ResourceScreen, operation_bindings
from qtui.screens.searching import Searching, SearchMoved
from qtui.widgets.row_table import Column, RowTable
from qtui.widgets.traceback_view import TracebackView
from qtui_workers.errors import NotFound
from qtui_workers.text import printable

EMPTY = "No failed jobs."
TONES: dict[acknowledged.State, Tone] = {"new": "bad", "back": "warn", "known": "muted"}


@dataclass(frozen=True, slots=True)
class FailuresSeen:
    """What is known about the causes, and the traceback of the sample of one."""

    known: dict[str, Acknowledgement]
    traceback: str | None


class FailuresScreen(ResourceScreen[str | None, FailuresSeen]):
    """The causes, the most frequent first; keys act on all jobs of the cause under the cursor."""

    PLACE = Place(3, "failures", "Failures", "failed jobs by cause: what fails, since when, and where")
    CSS_PATH = "failures.tcss"
    HELP = (
        "Failed jobs by cause: the exception, its message without numbers and ids, and where in your code. Enter lists the jobs "
        "of a cause; R, M and D are about all of them. ✱ is new, · known, ↻ back after three days without."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("A", "acknowledge", "Acknowledge", id="failures.acknowledge", tooltip="Everybody knows this cause from now on"),
        Binding("A", "forget", "Forget", id="failures.forget", tooltip="The cause is new again"),
        *operation_bindings("failures", [each for each in OPERATIONS.values() if each.applies_to(Status.FAILED)]),
    ]
    CHANGING = frozenset({"act", "acknowledge", "forget"})

    def __init__(self, queue: str | None = None) -> None:
        super().__init__()
        self.queue = queue
        """The queue whose failures are shown; None is all of them."""
        self._searching: Searching[Grouping] = Searching(self)
        self._failed: int | None = None
        """How many failed jobs there were when the last search began."""
        self._on_known = False
        """Whether the cause under the cursor was known when the footer was last updated."""

    def compose_body(self) -> Iterable[Widget]:
        """The table, the sample below it, and the line about the search."""
        yield Static(printable(self.queue or "all queues"), id="crumb", markup=False)
        yield RowTable(self._columns(), key=lambda group: group.value or "", empty=EMPTY, markable=False, id="causes")
        yield Static(id="sample", markup=False)
        yield TracebackView(empty="")
        yield Static(id="looked", markup=False)

    def _columns(self) -> list[Column[Group]]:
        def ago(at: float | None) -> str:
            return formatting.ago(at, self.session.server_now)

        def history(group: Group) -> str:
            return formatting.spark(group.history(self.session.server_now), HOURS)

        return [
            Column("", lambda group: labels.CAUSES[self._state(group)], width=1, tone=self._tone),
            Column("COUNT", lambda group: formatting.count(group.count), width=9, align="right"),
            Column("LAST", lambda group: ago(group.newest), width=9, align="right"),
            Column("FIRST", lambda group: ago(group.oldest), width=9, align="right", priority=2),
            Column("CAUSE", lambda group: labels.cause(group.cause), minimum=24, share=3, tone=self._tone),
            Column("WHERE", lambda group: (group.cause and group.cause.where) or "–", minimum=24, share=2, priority=1),
            Column("LAST 24 H", history, width=HOURS, priority=3),
        ]

    def _state(self, group: Group) -> acknowledged.State:
        return acknowledged.state((self.data.known if self.data else {}).get(group.value or ""), group.hours)

    def _tone(self, group: Group) -> Tone:
        return TONES[self._state(group)]

    # -- loading ---------------------------------------------------------------

    def request(self) -> str | None:
        """The job whose traceback is shown: the newest of the cause under the cursor."""
        return self._row.sample if self._row else None

    def load(self, client: redis.Redis, request: str | None) -> FailuresSeen:
        """What is known of the causes, and one traceback; the failed jobs themselves are read by the search."""
        try:
            traceback = job.load(client, request).traceback if request else None
        except NotFound:
            traceback = None
        return FailuresSeen(acknowledged.load(client), traceback)

    def show(self, data: FailuresSeen, overview: Overview) -> None:
        """Fill the table with what the search has found; search again where jobs have failed or left, and that is cheap."""
        failed = sum(row.count(Status.FAILED) for row in overview.queues if self.queue in (None, row.name))
        if self._failed is None or (failed != self._failed and self._searching.is_due):
            self._search(overview.at, keep=self._failed is not None)
            self._failed = failed
        found = self._searching.found
        table = self.query_one(RowTable)
        shown = found.groups if found else ()
        table.show(list(shown), 0, len(shown))
        self.query_one(TracebackView).show(data.traceback if shown else None)
        self._say_looked(failed)
        self._say_sample()

    def _search(self, now: float, *, keep: bool) -> None:
        scope, client = Scope(self.queue, (Status.FAILED,)), self.session.client

        def look(limits: Limits, found: groups.Heard) -> Grouping:
            return groups.causes(client, scope, now, limits=limits, on_groups=found)

        self._searching.start(look, keep=keep)

    def on_search_moved(self, message: SearchMoved) -> None:
        """The search has found more, or has ended."""
        message.stop()
        if self._searching.error:
            self.notify(labels.trouble(self._searching.error, self.session.name), severity="error", markup=False)
        self.reload()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._searching.stop()

    def action_reload(self) -> None:
        """Search again now."""
        self._failed = None
        super().action_reload()

    @property
    def _row(self) -> Group | None:
        row: Group | None = self.query_one(RowTable).cursor_row
        return row

    def on_row_table_highlighted(self) -> None:
        """Another cause is under the cursor: load the traceback of its sample."""
        self._say_sample()
        self.reload_at_rest()

    def _say_looked(self, failed: int) -> None:
        found = self._searching.found
        if self._searching.running:
            text = self._searching.line
        elif found is None:
            text = ""
        else:
            text = f"{formatting.count(found.matched)} failed jobs, {formatting.count(len(found.groups))} causes"
            if self._failed is not None and failed != self._failed:
                text += (
                    f"; {formatting.count(abs(failed - self._failed))} {'more' if failed > self._failed else 'fewer'} since (r)"
                )
        self.query_one("#looked", Static).update(text)

    def _say_sample(self) -> None:
        row = self._row
        known = (self.data.known if self.data else {}).get(row.value or "") if row else None
        if self._on_known != bool(known):
            self._on_known = bool(known)
            self.refresh_bindings()
        parts = []
        if row:
            functions = ", ".join(f"{name} {formatting.count(number)}" for name, number in islice(row.functions.items(), 3))
            queues = ", ".join(f"{name} {formatting.count(number)}" for name, number in islice(row.queues.items(), 3))
            note = f" · {known.note}" if known and known.note else ""
            parts = [functions, f"in {queues}", f"newest {formatting.short_id(row.sample)}{note}"]
        self.query_one("#sample", Static).update(printable(" · ".join(parts), 400))

    # -- acting ------------------------------------------------------------------

    def _jobs_of(self, group: Group) -> Matching:
        return Matching(self.queue, Status.FAILED, parse(f"cause:{group.value}"))

    def on_row_table_selected(self, message: RowTable.Selected[Group]) -> None:
        """List the jobs of a cause."""
        selection = self._jobs_of(message.row)
        self.app.push_screen(JobsScreen(self.queue, Status.FAILED, selection.expression))

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on all jobs of the cause under the cursor."""
        if row := self._row:
            self.start_operation(OPERATIONS[name], self._jobs_of(row))

    def action_acknowledge(self) -> None:
        """From now on everybody sees that this cause is known."""
        self._mark(
            "known", lambda client, fingerprint: acknowledged.acknowledge(client, fingerprint, "", self.session.server_now)
        )

    def action_forget(self) -> None:
        """The cause is new again."""
        self._mark("new", acknowledged.forget)

    def _mark(self, state: str, change: acknowledged.Change) -> None:
        row = self._row
        if row is None or row.value is None:
            return
        fingerprint = row.value

        def work(client: redis.Redis) -> str:
            change(client, fingerprint)
            return f"{labels.cause(row.cause)} is {state} from now on"

        self.ask("Acknowledge" if state == "known" else "Forget", f"Mark {labels.cause(row.cause)} as {state}?", work)

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """A cause that is known can be forgotten, any other acknowledged."""
        return action not in ("acknowledge", "forget") or (action == "forget") == self._on_known
