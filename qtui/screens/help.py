"""Help: the keys of the screen below, made from its bindings, and what the glyphs mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from qtui.broker.status import STATUSES
from qtui.preferences.settings import CommandSettings
from qtui.screens.parts.dialog import Dialog
from qtui.shared.session import session_of
from qtui_workers.text import printable


class HelpScreen(Dialog):
    """What the keys do here."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close", id="help.close", key_display="esc"),
    ]

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self.about = about

    def compose(self) -> ComposeResult:
        """The screen's help text, its keys, and all statuses."""
        with VerticalScroll(id="help"):
            yield Static(self.about.HELP or "", id="words", markup=False)
            yield Static(_keys(self.about), id="keys")
            yield Static(_own(session_of(self.app).own.commands), id="own")
            yield Static(_statuses(), id="statuses")

    def on_mount(self) -> None:
        """Focus the text, so that the keys scroll it at once."""
        self.query_one(VerticalScroll).focus()


def _keys(screen: Screen[object]) -> Content:
    """A line for each key that does something on the screen, the nearest first."""
    lines: dict[tuple[str, str], list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.id:  # a binding of Textual itself, as every terminal program has
            continue
        shown = screen.app.get_key_display(binding)
        lines.setdefault((binding.description, binding.tooltip), []).append(shown)
    parts = []
    for (description, tooltip), keys in lines.items():
        parts.append(
            Content.assemble(
                (f"{' '.join(dict.fromkeys(keys)):>14}", "$accent bold"), "  ", description, (f"  {tooltip}", "$text-muted")
            )
        )
    return Content("\n").join(parts)


def _own(commands: Mapping[str, CommandSettings]) -> Content:
    """A line for each command of the user's own that has a key."""
    lines = [
        Content.assemble(
            (f"{command.key:>14}", "$accent bold"), f"  {printable(name, 40)}", (f"  {printable(command.about)}", "$text-muted")
        )
        for name, command in commands.items()
        if command.key
    ]
    return Content("\n").join(lines)


def _statuses() -> Content:
    lines = [
        Content.assemble((f"{fact.glyph:>14}", "bold"), f"  {fact.title}", (f"  {fact.hint}", "$text-muted"))
        for fact in STATUSES.values()
    ]
    return Content("\n").join(lines)
