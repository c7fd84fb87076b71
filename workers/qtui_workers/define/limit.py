"""How often jobs may start, as processors declare it; `qtui_workers.rate.limiter` sees to it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, get_args

from qtui_workers.errors import InvalidInput
from qtui_workers.naming import Priority, check_name, with_priority

if TYPE_CHECKING:
    from qtui_workers.define.decorator import Processor

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
    """The limiter, shared by all that name it; None: the queue's own, of the queue's name."""

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


def declared(processors: Iterable[Processor[Any, Any]]) -> dict[str, Limit]:
    """The limits by queue, each with its name; NAME-high and NAME-low go with the queue NAME.

    Raises InvalidInput where two processors give one queue, or one name, different limits.
    """
    limits: dict[str, tuple[Limit, Processor[Any, Any]]] = {}
    named: dict[str, tuple[Limit, Processor[Any, Any]]] = {}
    for processor in processors:
        limit = processor.options.limit
        if limit is None:
            continue
        limit = replace(limit, name=limit.name or processor.queue)
        _agreed(named.setdefault(str(limit.name), (limit, processor)), limit, processor, f"limiter '{limit.name}'")
        for queue in family(processor.queue):
            _agreed(limits.setdefault(queue, (limit, processor)), limit, processor, f"queue '{queue}'")
    return {queue: limit for queue, (limit, _) in limits.items()}


def _agreed(first: tuple[Limit, Processor[Any, Any]], limit: Limit, processor: Processor[Any, Any], what: str) -> None:
    other, owner = first
    if other != limit:
        raise InvalidInput(
            f"{what} has two limits: {other} of '{other.name}' by {owner.path}, and {limit} of '{limit.name}' by "
            f"{processor.path}; give both the same, or another queue"
        )


def family(queue: str) -> list[str]:
    """A queue and those of its other priorities."""
    return [with_priority(queue, priority) for priority in get_args(Priority)]
