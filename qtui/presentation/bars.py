"""What the bars around a screen say, and in which tones, for the dashboard and for its first frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qtui.broker.models import Overview, ServerInfo
from qtui.broker.status import Tone
from qtui.places import PLACES
from qtui.presentation import formatting
from qtui_workers.records import Record
from qtui_workers.text import printable

RARE: Final = 1.5
"""From so many seconds between two looks on, the bar shows them."""
SLOW: Final = 1.0
"""From so many seconds without an answer on, the bar shows that."""
BLANK: Final = 2
"""The cells at the two ends of the bar of screens."""

Fact = tuple[str, Tone | None]


class HeaderState(Record):
    """What the top line is about."""

    label: str
    """The name of the connection."""
    now: float
    """The time of this machine: seconds since the epoch."""
    overview: Overview | None
    """The newest one; None before the first."""
    read_only: bool = False
    every: float = 0.0
    """The screen is loaded so many seconds apart, where that is longer than usual."""
    is_away: bool = False
    """Whether the server does not answer, or refuses."""
    waiting: float = 0.0
    """Seconds for which an answer has been awaited, whether the server is away or not."""


def header(state: HeaderState, width: int) -> list[Fact]:
    """The top line in parts: facts at the left, as many as there is space for, and the time at the right."""
    right: list[Fact] = [("read-only", "warn")] if state.read_only else []
    if state.overview is not None and state.overview.own_clock:
        right.append(("ages by our own clock", "warn"))
    if state.every >= RARE:
        right.append((f"every {state.every:.0f} s", "muted"))
    right.append((f"{formatting.clock(state.now)} {formatting.zone(state.now)}", "muted"))
    left = _facts(state)
    while len(left) > 2 and _width(left) + _width(right) + 2 > width:
        left.pop()
    space = " " * max(2, width - _width(left) - _width(right))
    return [*_apart(left), (space, None), *_apart(right)]


def _facts(state: HeaderState) -> list[Fact]:
    """The facts with their tones, the most important first."""
    overview = state.overview
    place: Fact = ("○ " + state.label + " away", "bad") if state.is_away else ("● " + state.label, "good")
    if overview is None and not state.is_away:
        place = ("○ " + state.label + " …", "muted")
    if state.waiting >= SLOW and not state.is_away:
        place = (f"○ {state.label} no answer for {state.waiting:.0f} s", "warn")
    facts: list[Fact] = [("qtui", "busy"), place]
    if overview is not None:
        if overview.suspended:
            facts.append(("‖ all workers suspended", "warn"))
        facts += _server_facts(overview.server)
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


def _width(facts: Sequence[Fact]) -> int:
    return sum(formatting.cells(printable(text)) for text, _ in facts) + 2 * max(0, len(facts) - 1)


def _apart(facts: Sequence[Fact]) -> list[Fact]:
    return [part for fact in facts for part in (("  ", None), fact)][1:]


def labels(width: int | None = None, active: str = "") -> list[tuple[str, str]]:
    """The bar of screens: the name of each, and what stands there for it.

    Where a width is too small for all words, the last ones go, but not that of the active screen.
    """
    found = {place.name: f"{place.number} {place.title}" for place in PLACES}
    for place in reversed(PLACES):
        if width is None or sum(len(label) + 1 for label in found.values()) <= width:
            break
        if place.name != active:
            found[place.name] = str(place.number)
    return list(found.items())


def is_tight(width: int) -> bool:
    """Whether there is less blank between the labels, as they would not fit."""
    return sum(len(f" {label} ") for _, label in labels()) + BLANK > width


class ShownKey(Record):
    """A key of the first screen that the line at the bottom shows: the fields of a Binding of Textual."""

    key: str
    action: str
    description: str
    id: str
    tooltip: str
    key_display: str | None = None


OPEN: Final = ShownKey("enter", "select", "Open", "table.open", "Open the row under the cursor", "⏎")
SORT: Final = ShownKey("s", "sort", "Sort", "queues.sort", "Next order: trouble, name, queued, failed")
IDLE: Final = ShownKey("i", "idle", "Idle", "queues.idle", "Show the idle queues, or fold them into one line")
PAUSE: Final = ShownKey("P", "pause", "Pause", "queues.pause", "No qtui-worker takes its jobs any more")
RESUME: Final = ShownKey("P", "resume", "Resume", "queues.resume", "Its jobs are taken again")
HELP: Final = ShownKey("question_mark", "help", "Help", "app.help", "The keys of this screen", "?")
QUIT: Final = ShownKey("q", "leave", "Quit", "app.leave", "Back to the screen below; from the lowest one, quit")
