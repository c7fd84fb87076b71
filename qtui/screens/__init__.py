"""One file per screen; a screen with a `PLACE` is found here and gets its key, its mode and its line in the palette."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache

from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class Place:
    """How a top-level screen is reached."""

    number: int
    """The key that opens it: 1 to 9."""
    name: str
    """The name of its mode."""
    title: str
    """The word shown on the bar of screens."""
    hint: str
    """What the screen is for, in a few words; shown in the palette and as a tooltip."""


@cache
def places() -> dict[Place, type[Screen[None]]]:
    """Every top-level screen, in the order of the numbers."""
    found: dict[Place, type[Screen[None]]] = {}
    for module in pkgutil.iter_modules(__path__):
        for member in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            place = vars(member).get("PLACE") if isinstance(member, type) else None
            if place is not None:
                found[place] = member
    return dict(sorted(found.items(), key=lambda item: item[0].number))
