"""What a dialog asks before anything is changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a change, or a sentence that says why there is nothing to do."""

    text: str
    sample: Iterable[str] = ()
    facts: Iterable[str] = ()
    """Where it happens, how old the jobs are, and who would run them."""
    notes: Iterable[str] = ()
    """Why jobs cannot be changed, and notes on those that can."""
    command: str = ""
    """The command that would do the same; '' if there is none."""
    agreed: Callable[[], object] | None = None
    """Called when the answer is yes; None if there is nothing to do."""
    lasting: bool = False
    """Whether it turned out that the change cannot be taken back, so that a letter is not enough."""
    number: int | None = None
    """Has to be typed to say yes; None if that is not needed."""
    ways: tuple[str, ...] = ()
    """The ways in which it can be done, of which `p` asks about the next; empty if there is only one."""
    way: int = 0
    """The way that this question is about."""

    def asks_the_same(self, other: Question) -> bool:
        """Whether the same answer is needed, so that what was seen and typed still holds."""
        mine, its = ((each.text, each.lasting, each.number, each.ways, each.way, bool(each.agreed)) for each in (self, other))
        return mine == its


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the dialog asks about."""

    text: str | None
    """The value of the parameter; None without a parameter."""
    way: int | None = None
    """Which of the ways; None for the one that is usual."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the questions any more."""
