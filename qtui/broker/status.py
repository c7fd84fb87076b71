"""How each status of a job is shown to a person: one row per status, from which tabs, colours and words derive.

What the statuses mean to programs is in `qtui_workers.statuses`.
"""

from __future__ import annotations

from typing import Final, Literal

from qtui_workers.records import Record
from qtui_workers.statuses import Status, parse

__all__ = ["COUNTED", "STATUSES", "Appearance", "Status", "Tone", "parse"]

Tone = Literal["idle", "busy", "good", "bad", "warn", "muted"]
"""What a status means to an operator; the theme gives it a colour."""


class Appearance(Record):
    """How a status is shown."""

    title: str
    """The word a person sees."""
    short: str
    """The same word in at most seven letters, for the head of a column."""
    glyph: str
    """A symbol that is one cell wide."""
    tone: Tone
    hint: str
    """What it means, in a sentence."""
    when: str = "CREATED"
    """What its time (`JobRow.moment`) is called, at the head of a column."""


LOOKS: Final[dict[str, Appearance]] = {
    "queued": Appearance("queued", "QUEUED", "·", "idle", "Waits for a worker.", "WAITED"),
    "started": Appearance("started", "STARTED", "▸", "busy", "A worker runs it now.", "RUNNING"),
    "failed": Appearance(
        "failed", "FAILED", "✗", "bad", "It raised, timed out or lost its worker, and has no attempts left.", "FAILED"
    ),
    "stopped": Appearance("stopped", "STOPPED", "■", "warn", "A person stopped it while it ran.", "STOPPED"),
    "scheduled": Appearance("scheduled", "SCHED", "◷", "idle", "Runs at a set time, or waits for its next attempt.", "DUE"),
    "deferred": Appearance("deferred", "DEFER", "⋯", "muted", "Waits for other jobs to finish."),
    "ready_to_enqueue": Appearance("ready", "READY", "◇", "idle", "What it waited for is done; it is about to be queued."),
    "rate_limited": Appearance("rate limited", "LIMITED", "◑", "warn", "Held back by RQ's concurrency limit."),
    "finished": Appearance("finished", "FINISHED", "✓", "good", "Done; its result is kept for a while.", "FINISHED"),
    "canceled": Appearance("canceled", "CANCEL", "⊘", "muted", "A person called it off before it ran."),
    "created": Appearance("created", "CREATED", "○", "muted", "Stored, but in no queue yet."),
}
"""By the status's word, in the order of the tabs."""


def _plain(status: Status) -> Appearance:
    """The look of a status that has no row of its own."""
    words = status.replace("_", " ")
    return Appearance(words, words.upper()[:7], "?", "muted", "")


_ORDER: Final = sorted(Status, key=lambda status: [*LOOKS, status].index(status.value))

STATUSES: Final[dict[Status, Appearance]] = {status: LOOKS.get(status.value) or _plain(status) for status in _ORDER}
"""The look of every status, in the order of the tabs."""

COUNTED: Final = tuple(status for status in STATUSES if status.place in ("queue", "registry"))
"""The statuses whose jobs can be counted without a search, in the order of the tabs."""
