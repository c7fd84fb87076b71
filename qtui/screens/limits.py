"""What holds jobs back: rate limits, RQ's concurrency limits, paused queues, and held functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.widget import Widget

from qtui.broker import limits
from qtui.broker.limits import KINDS, LimitRow
from qtui.broker.models import Overview
from qtui.broker.status import Tone
from qtui.presentation import formatting, labels
from qtui.screens.holding import ask_to_hold
from qtui.screens.parts.resource import ResourceScreen
from qtui.widgets.caption import Caption
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.enqueue import pause
from qtui_workers.rate.limiter import Limits
from qtui_workers.text import printable

EMPTY = "Nothing holds jobs back.\n@processor(limit=Limit(max=5, per=60)) gives a queue a rate limit; P on Queues pauses one."
GLYPHS: dict[limits.Kind, str] = {"rate": "◑", "concurrency": "◫", "paused": labels.PAUSED, "held": "⋯"}


class LimitsScreen(ResourceScreen[None, tuple[LimitRow, ...]]):
    """Everything that holds jobs back, with how much of it is used; `O` opens again what is closed or paused."""

    CSS_PATH = "limits.tcss"
    HELP = (
        "What holds jobs back: ◑ rate limits of qtui-workers, ◫ RQ's concurrency limits, ‖ paused queues, ⋯ held functions. "
        "O opens again what is closed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "O", "open", "Open", id="limits.open", tooltip="Open a closed limit, resume a paused queue, release what is held"
        ),
    ]
    CHANGING = frozenset({"open"})

    def __init__(self) -> None:
        super().__init__()
        self._on_closed = False
        """Whether something closed was under the cursor when the footer was last updated."""

    def compose_body(self) -> Iterable[Widget]:
        """The table, and what the row under the cursor means."""
        yield RowTable(self._columns(), lambda row: f"{row.kind} {row.name}", EMPTY, markable=False, id="limits")
        yield Caption(id="about")

    def _columns(self) -> list[Column[LimitRow]]:
        return [
            Column("", lambda row: GLYPHS[row.kind], width=1, tone=_tone),
            Column("NAME", lambda row: row.name, minimum=16, share=2),
            Column("USED", _used, width=12, align="right"),
            Column("PER", lambda row: formatting.duration(row.per) if row.per else "", width=8, align="right", priority=1),
            Column("", lambda row: formatting.bar(row.fraction, 16) if row.most else "", width=16, priority=2, tone=_tone),
            Column("WAITING", lambda row: formatting.count(row.waiting), width=9, align="right"),
            Column("NEXT FREE", _next, width=10, align="right"),
            Column("NOTE", self._note, minimum=20, share=3, priority=1, tone=_tone),
        ]

    def _note(self, row: LimitRow) -> str:
        if row.kind == "paused":
            return "paused until somebody resumes it"
        if row.hold:
            return labels.held(row.hold, self.session.server_now)
        if row.closed_until is None:
            return ""
        return f"closed for {formatting.age(row.closed_until - self.session.server_now)}: {row.because or 'no reason given'}"

    def load(self, client: redis.Redis, request: None) -> tuple[LimitRow, ...]:
        """All limits."""
        return limits.load(client)

    def show(self, data: tuple[LimitRow, ...], overview: Overview) -> None:
        """Fill the table: what is closed first, then what is used most."""
        rows = sorted(data, key=lambda row: (not row.is_closed, -(row.fraction or 0), row.kind, row.name))
        self.query_one(RowTable).show(rows, 0, len(rows))
        self.on_row_table_highlighted()

    def on_row_table_highlighted(self) -> None:
        """Another row is under the cursor: say what it does."""
        row: LimitRow | None = self.query_one(RowTable).cursor_row
        self.query_one("#about", Caption).say(printable(f"{row.name}: {KINDS[row.kind]}.") if row else "")
        if self._on_closed != (row is not None and row.is_closed):
            self._on_closed = not self._on_closed
            self.refresh_bindings()

    def action_open(self) -> None:
        """Ask, then open the limit or resume the queue under the cursor."""
        row: LimitRow | None = self.query_one(RowTable).cursor_row
        if row is None or not row.is_closed:
            return
        if row.hold:
            ask_to_hold(self, None, row.hold)
            return
        name, waiting = printable(row.name, 80), formatting.count(row.waiting)

        def work(client: redis.Redis) -> str:
            done = pause.resume(client, [row.name]) if row.kind == "paused" else Limits(client).reopen(row.name)
            return f"{name} is open again" if done else f"{name} was open already"

        verb = "Resume the queue" if row.kind == "paused" else "Open the limit"
        self.ask("Open", f"{verb} {name} on {self.session.name}? {waiting} jobs wait for it.", work)

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Only what is closed can be opened."""
        return action != "open" or self._on_closed


def _tone(row: LimitRow) -> Tone:
    if row.is_closed:
        return "warn"
    return "busy" if row.fraction == 1.0 else "idle"


def _used(row: LimitRow) -> str:
    return "" if row.used is None else f"{formatting.count(row.used)} of {formatting.count(row.most)}"


def _next(row: LimitRow) -> str:
    if row.free_in is None:
        return ""
    return "now" if row.free_in <= 0 else formatting.duration(row.free_in)
