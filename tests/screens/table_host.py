"""A table over a list of any length, and what it says, for its tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from qtui.widgets.row_table import Column, RowTable
from qtui.widgets.theme import DARK

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the tests."""

    name: str
    size: int = 0
    note: str = ""


class Many:
    """A list that makes its rows when they are read."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> list[Item]:
        return [Item(f"job-{i}", i, "fine") for i in range(*part.indices(self.length))]


COLUMNS = [
    Column[Item]("NAME", lambda row: row.name, width=14),
    Column[Item]("SIZE", lambda row: f"{row.size:,}", width=10, align="right", priority=1),
    Column[Item]("NOTE", lambda row: row.note, minimum=12, tone="muted", priority=2),
]


class Host(App[None]):
    """A table, its data source, and the messages that the table posted."""

    def __init__(self, source: Many | list[Item], *, answers: bool = True) -> None:
        super().__init__()
        self.source = source
        self.answers = answers
        self.heard: list[Message] = []
        self.escapes = 0
        self.register_theme(DARK)
        self.theme = DARK.name

    BINDINGS: ClassVar = [("escape", "escape", "Back")]

    def action_escape(self) -> None:
        self.escapes += 1

    def compose(self) -> ComposeResult:
        yield RowTable(COLUMNS, key=lambda row: row.name, empty="No jobs [here].")

    @property
    def table(self) -> RowTable[Item]:
        return self.query_one(RowTable)

    def load(self) -> None:
        offset, limit = self.table.window
        self.table.show(self.source[offset : offset + limit], offset, len(self.source))

    def on_mount(self) -> None:
        if self.answers:
            self.load()

    def on_row_table_window_wanted(self, message: RowTable.WindowWanted) -> None:
        self.heard.append(message)
        if self.answers:
            self.table.show(self.source[message.offset : message.offset + message.limit], message.offset, len(self.source))

    def on_row_table_selected(self, message: RowTable.Selected[Item]) -> None:
        self.heard.append(message)

    def on_row_table_highlighted(self, message: RowTable.Highlighted[Item]) -> None:
        self.heard.append(message)

    def on_row_table_marks_changed(self, message: RowTable.MarksChanged) -> None:
        self.heard.append(message)

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.heard if isinstance(message, kind)]

    def lines(self) -> list[str]:
        """What the screen shows, the header first."""
        return [self.table.render_line(y).text for y in range(self.table.size.height)]


def name(app: Host) -> str | None:
    row = app.table.cursor_row
    return row.name if row else None


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()
