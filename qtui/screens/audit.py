"""Who changed what, of all operators of this Redis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.widget import Widget
from textual.widgets import Static

from qtui.broker import audit
from qtui.broker.audit import Entry
from qtui.broker.models import Overview
from qtui.presentation import formatting
from qtui.screens.parts.resource import ResourceScreen
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.text import printable

SHOWN = 1_000
"""The newest changes that are loaded."""


def _which(entry: Entry) -> str:
    return entry.about or ", ".join(map(formatting.short_id, entry.ids))


class AuditScreen(ResourceScreen[None, list[Entry]]):
    """The changes, the newest first; below, all of the one under the cursor."""

    CSS_PATH = "audit.tcss"
    HELP = "Who changed what, and how it ended: the newest 1,000 changes of all operators. z puts back what was removed last."
    COLUMNS: ClassVar[list[Column[Entry]]] = [
        Column("WHEN", lambda entry: formatting.date_time(entry.at), width=19),
        Column("BY", lambda entry: entry.by, minimum=12, priority=1),
        Column("WHAT", lambda entry: entry.what, width=14),
        Column("JOBS", lambda entry: formatting.count(entry.jobs), width=9, align="right"),
        Column("WHICH", _which, minimum=16, share=2, priority=2),
        Column("OUTCOME", lambda entry: entry.outcome, minimum=20, share=2),
        Column("BATCH", lambda entry: entry.batch, width=12, priority=3),
    ]

    def compose_body(self) -> Iterable[Widget]:
        """The table, and the change under the cursor below it."""
        yield Static("Audit", id="crumb", markup=False)
        yield RowTable(
            self.COLUMNS, key=lambda entry: f"{entry.at}{entry.by}", empty="No changes yet.", markable=False, id="audit"
        )
        yield Static(id="entry", markup=False)

    def load(self, client: redis.Redis, request: None) -> list[Entry]:
        """The newest changes."""
        return audit.load(client, SHOWN)

    def show(self, data: list[Entry], overview: Overview) -> None:
        """Fill the table."""
        self.query_one(RowTable).show(data, 0, len(data))
        self._say_entry()

    def on_row_table_highlighted(self) -> None:
        """Another change is under the cursor."""
        self._say_entry()

    def _say_entry(self) -> None:
        entry = self.query_one(RowTable).cursor_row
        lines = []
        if entry:
            lines = [f"{entry.by} on {entry.connection}: {entry.what} {_which(entry)}", entry.outcome]
            lines += [f"To go on: {entry.left}"] if entry.left else []
        self.query_one("#entry", Static).update("\n".join(printable(line, 600) for line in lines))
