"""Where the cursor of a list belongs after its rows have changed, and which row a person saw under it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Final

REMEMBERED: Final = 64
"""How many changes of the row under the cursor are remembered; a key is acted on long before as many have come."""


@dataclass(frozen=True)  # no slots: with them there is no cached_property
class HeldRows:
    """The rows that a table holds of a list: their keys, which begin at number `offset` of `total`."""

    keys: Sequence[str] = ()
    offset: int = 0
    total: int = 0

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each row by its key."""
        return {key: self.offset + index for index, key in enumerate(self.keys)}

    def __contains__(self, number: int) -> bool:
        """Whether the row with this number is held."""
        return self.offset <= number < self.offset + len(self.keys)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a row is, or where the cursor goes because the row has left the list."""

    number: int
    left: bool = False


def follow(key: str, number: int, before: HeldRows, now: HeldRows) -> Position:
    """The place in `now` of the row that had this key and number in `before`.

    If the row is not among those that `now` holds, its neighbours show whether it has left the list or is just not held; if
    these are not held either, the growth of the list shows roughly where it must be.
    """
    if key in now.places:
        return Position(now.places[key])
    index = number - before.offset
    below = _nearest(before.keys[index + 1 :], now) if index >= 0 else None
    above = _nearest(before.keys[:index][::-1], now) if index > 0 else None
    if below is not None:
        distance, place = below
        return Position(place, left=True) if place - 1 in now or place == 0 else Position(max(0, place - 1 - distance))
    if above is not None:
        distance, place = above
        ended = place + 1 >= now.total
        return Position(min(place + 1, now.total - 1), left=True) if place + 1 in now or ended else Position(place + 1 + distance)
    expected = max(0, min(number + now.total - before.total, now.total - 1))
    return Position(expected, left=expected in now or now.total == 0)


def _nearest(keys: Sequence[str], now: HeldRows) -> tuple[int, int] | None:
    """The first of these keys that `now` holds: how many come before it, and its number."""
    return next(((passed, now.places[key]) for passed, key in enumerate(keys) if key in now.places), None)


@dataclass(slots=True)
class SeenRows:
    """Which row was under the cursor on the terminal at a time: a key may be acted on after the rows have changed."""

    _replaced: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """The rows that were under the cursor before the present one, each with when it was last seen there, oldest first."""

    def replaced(self, key: str) -> None:
        """Another row is now under the cursor, although no key moved it; the terminal still shows this one, until `painted`."""
        self._replaced.append((key, inf))

    def painted(self, at: float) -> None:
        """The terminal shows the present row from now on."""
        self._replaced = deque(((key, min(until, at)) for key, until in self._replaced), maxlen=REMEMBERED)

    def at(self, moment: float) -> str | None:
        """The key of the row that was seen then; None if it was the present one."""
        return next((key for key, until in self._replaced if moment <= until), None)

    def forget(self) -> None:
        """A person moved the cursor: what was under it before no longer counts."""
        self._replaced.clear()
