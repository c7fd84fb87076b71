"""How often jobs may start, as processors declare it; `qtui_workers.rate.limiter` enforces it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from qtui_workers.errors import InvalidInput
from qtui_workers.naming import check_name

MICRO: Final = 1_000_000
"""µs in a second."""
_MOST: Final = 10_000
_SHORTEST: Final = 0.01
_LONGEST: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `max` starts in any window of `per` seconds; raises InvalidInput where that is out of bounds."""

    max: int
    """From 1 to 10,000."""
    per: float
    """Seconds, from 0.01 to a day."""
    name: str | None = None
    """The name of the limiter; limits of the same name share it. None: the queue's own limiter, named like the queue."""

    def __post_init__(self) -> None:
        if not 1 <= self.max <= _MOST:
            raise InvalidInput(f"the max of a limit must be from 1 to {_MOST:,} starts, not {self.max}")
        if not _SHORTEST <= self.per <= _LONGEST:
            raise InvalidInput(f"the per of a limit must be from {_SHORTEST:g} seconds to a day, not {self.per:g}")
        if self.name is not None:
            check_name(self.name, "limiter name")

    @property
    def per_us(self) -> int:
        """`per` in whole µs, rounded up."""
        return math.ceil(round(self.per * MICRO, 3))

    def __str__(self) -> str:
        return f"{self.max} per {self.per:g} s"
