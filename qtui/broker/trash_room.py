"""How much room the trash has, and what removing jobs means for the server's memory."""

from __future__ import annotations

from typing import Final

from qtui_workers.records import Record

SCARCE: Final = 0.8
"""The part of `maxmemory` from which on memory is scarce, so that removing without the trash is offered first."""


class Rules(Record):
    """How much is kept in the trash, and for how long."""

    seconds: int = 24 * 3600
    bytes: int = 1 << 30
    """If a batch would make the trash larger than this, it is not put there."""


USUAL: Final = Rules()


class Room(Record):
    """What removing some jobs means for the server's memory."""

    rules: Rules
    bytes: int | None
    """About how much the jobs take; None if it is not known."""
    in_trash: int
    """Bytes in the trash already."""
    used: float | None
    """The part of `maxmemory` that is used; None if there is no such limit, or it is not known."""

    @property
    def fits(self) -> bool:
        """Whether the jobs can be put into the trash; where it is not known how much they take, they can."""
        return self.bytes is None or self.in_trash + self.bytes <= self.rules.bytes

    @property
    def is_scarce(self) -> bool:
        """Whether memory is so scarce that it had better be freed."""
        return self.used is not None and self.used >= SCARCE
