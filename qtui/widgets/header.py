"""The top line: the connection, the state of the server, the time."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widget import Widget

from qtui import formatting
from qtui.broker.models import Overview, ServerInfo
from qtui.broker.status import Tone
from qtui.widgets.cells import plain
from qtui_workers.text import printable

RARE = 1.5
"""Seconds between two looks from which on they are said."""

Fact = tuple[str, Tone | None]


class Header(Widget):
    """One line, painted once a second; facts are left out if there is too little space."""

    DEFAULT_CSS = "Header { height: 1; padding: 0 1; background: $surface; color: $foreground; }"

    def __init__(self, label: str, *, clock: Callable[[], float], read_only: bool = False) -> None:
        """`label`: the name of the connection. `clock`: seconds since the epoch."""
        super().__init__()
        self._label = label
        self._clock = clock
        self._read_only = read_only
        self._overview: Overview | None = None
        self._every = 0.0
        self._is_away = False

    def on_mount(self) -> None:
        self.set_interval(1, self.refresh)

    def show(self, overview: Overview, every: float = 0.0) -> None:
        """The server answered; `every`: the screen is loaded so many seconds apart, where that is longer than usual."""
        self._overview, self._every, self._is_away = overview, every, False
        self.refresh()

    def away(self, away: bool = True) -> None:
        """The server does not answer, or answers, but refuses something; the last known facts stay."""
        self._is_away = away
        self.refresh()

    def render(self) -> Content:
        right: list[Fact] = [("read-only", "warn")] if self._read_only else []
        if self._overview is not None and self._overview.own_clock:
            right.append(("ages by our own clock", "warn"))
        if self._every >= RARE:
            right.append((f"every {self._every:.0f} s", "muted"))
        right.append((f"{formatting.clock(self._clock())} UTC", "muted"))
        left = self._facts()
        while len(left) > 2 and _width(left) + _width(right) + 2 > self.size.width:
            left.pop()
        space = " " * max(2, self.size.width - _width(left) - _width(right))
        return Content.assemble(_joined(left), space, _joined(right))

    def _facts(self) -> list[Fact]:
        """The facts with their tones, the most important first."""
        state: Fact = ("○ " + self._label + " away", "bad") if self._is_away else ("● " + self._label, "good")
        if self._overview is None and not self._is_away:
            state = ("○ " + self._label + " …", "muted")
        facts: list[Fact] = [("qtui", "busy"), state]
        if self._overview is not None:
            if self._overview.suspended:
                facts.append(("‖ all workers suspended", "warn"))
            facts += _server_facts(self._overview.server)
        return facts


def _server_facts(server: ServerInfo) -> list[Fact]:
    memory = formatting.size(server.memory_used)
    if server.memory_max:
        memory += f" of {formatting.size(server.memory_max)}"
    return [
        (f"{server.engine or 'server'} {server.version or formatting.UNKNOWN}", None),
        (f"mem {memory}", _memory_tone(server)),
        (f"{formatting.count(server.operations_per_second)} ops/s", None),
    ]


def _memory_tone(server: ServerInfo) -> Tone | None:
    """The tone of the memory figure: without free memory nothing can be enqueued, retried or finished."""
    share = server.memory_used / server.memory_max if server.memory_used is not None and server.memory_max else 0.0
    return "bad" if share >= 0.95 else "warn" if share >= 0.8 else None


def _width(facts: list[Fact]) -> int:
    return sum(formatting.cells(printable(text)) for text, _ in facts) + 2 * max(0, len(facts) - 1)


def _joined(facts: list[Fact]) -> Content:
    return Content("  ").join(plain(fact) for fact in facts)
