"""Failed jobs by cause: what fails how often, since when, and where in the user's code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import redis
from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from qtui.broker.diagnosis import acknowledged
from qtui.broker.diagnosis.acknowledged import Acknowledgement
from qtui.broker.models import JobDetail, JobRow, Overview
from qtui.broker.one_job import job
from qtui.broker.search.groups import HOURS, Group, Grouping, Heard, causes
from qtui.broker.search.scan import Scope, SearchBounds
from qtui.broker.status import Status, Tone
from qtui.presentation import formatting, labels
from qtui.screens.groups import GroupsScreen
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import Column, RowTable
from qtui.widgets.traceback_view import TracebackView
from qtui_workers.errors import NotFound
from qtui_workers.text import printable

EMPTY = "No failed jobs."
TONES: dict[acknowledged.State, Tone] = {"new": "bad", "back": "warn", "known": "muted"}


@dataclass(frozen=True, slots=True)
class FailuresSeen:
    """What is known about the causes, and the sample of one."""

    known: dict[str, Acknowledgement]
    sample: JobDetail | None


class FailuresScreen(GroupsScreen[str | None, FailuresSeen]):
    """The causes, the most frequent first; keys act on all jobs of the cause under the cursor."""

    CSS_PATH = "failures.tcss"
    HELP = (
        "Failed jobs by cause: the exception, its message without numbers and ids, and where in your code. Enter lists the jobs "
        "of a cause; R, M and D are about all of them. ✱ is new, · known, ↻ back after three days without."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("A", "acknowledge", "Acknowledge", id="failures.acknowledge", tooltip="Everybody knows this cause from now on"),
        Binding("A", "forget", "Forget", id="failures.forget", tooltip="The cause is new again"),
    ]
    CHANGING = GroupsScreen.CHANGING | {"acknowledge", "forget"}

    def __init__(self, queue: str | None = None) -> None:
        super().__init__(queue, Status.FAILED)
        self._on_known = False
        """Whether the cause under the cursor was known when the footer was last updated."""

    def heard(self, event: events.Key) -> None:
        """From now on the cursor stays on its cause; until then it is on the most frequent one, as counts grow."""
        super().heard(event)
        self.query_one(RowTable).follows = False

    def compose_body(self) -> Iterable[Widget]:
        """The table, the sample below it, and the line about the search."""
        yield Caption(printable(self.queue or "all queues"), id="crumb")
        yield RowTable(self._columns(), _fingerprint, EMPTY, markable=False, copies=_text, follows=True, id="causes")
        yield Caption(id="sample")
        yield TracebackView(empty="")
        yield Caption(id="looked")

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

    @property
    def job(self) -> JobRow | None:
        """The newest of the cause under the cursor."""
        sample = self.data.sample if self.data else None
        return sample.row if sample and self.row and sample.row.id == self.row.sample else None

    def request(self) -> str | None:
        """The job whose traceback is shown: the newest of the cause under the cursor."""
        return self.row.sample if self.row else None

    def load(self, client: redis.Redis, request: str | None) -> FailuresSeen:
        """What is known of the causes, and one traceback; the failed jobs themselves are read by the search."""
        try:
            sample = job.load(client, request) if request else None
        except NotFound:
            sample = None
        return FailuresSeen(acknowledged.load(client), sample)

    def show(self, data: FailuresSeen, overview: Overview) -> None:
        """Fill the table, and show the traceback of the sample."""
        shown = self.show_groups(overview)
        self.query_one(TracebackView).show(data.sample.traceback if data.sample and shown else None)
        self._say_sample()

    def group(self, client: redis.Redis, scope: Scope, now: float, limits: SearchBounds, heard: Heard) -> Grouping:
        """By cause."""
        return causes(client, scope, now, limits=limits, on_groups=heard)

    def term(self, group: Group) -> str:
        """Its fingerprint."""
        return f"cause:{group.value}"

    def on_row_table_highlighted(self) -> None:
        """Another cause is under the cursor: load the traceback of its sample, unless that was requested already."""
        self._say_sample()
        if self.request() != self.requested:
            self.reload_at_rest()

    def _say_sample(self) -> None:
        row = self.row
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
        self.query_one("#sample", Caption).say(printable(" · ".join(parts), 400))

    def action_acknowledge(self) -> None:
        """From now on everybody sees that this cause is known."""
        now = self.session.server_now
        self._mark("known", lambda client, fingerprint: acknowledged.acknowledge(client, fingerprint, "", now))

    def action_forget(self) -> None:
        """The cause is new again."""
        self._mark("new", acknowledged.forget)

    def _mark(self, state: str, change: acknowledged.Change) -> None:
        row = self.row
        if row is None or row.value is None:
            return
        fingerprint = row.value

        def work(client: redis.Redis) -> str:
            change(client, fingerprint)
            return f"{labels.cause(row.cause)} is {state} from now on"

        title, verb = ("Acknowledge", "ack") if state == "known" else ("Forget", "unack")
        self.ask(title, f"Mark {labels.cause(row.cause)} as {state}?", work, command=("failures", verb, fingerprint))

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """A cause that is known can be forgotten, any other acknowledged."""
        if action in ("acknowledge", "forget"):
            return (action == "forget") == self._on_known
        return super().applies(action, parameters)


def _fingerprint(group: Group) -> str:
    return group.value or ""


def _text(group: Group) -> str:
    return labels.cause(group.cause)
