"""One file per screen; a screen with a `PLACE` is found here and gets its number, its mode and its line in the palette."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtui.screens.resource import ResourceScreen


@dataclass(frozen=True, slots=True)
class Place:
    """Where a top-level screen is reached."""

    number: int
    """The key that opens it: 1 to 9."""
    name: str
    """The name of its mode."""
    title: str
    """The word on the bar."""
    hint: str
    """What one does there, in a few words."""


@cache
def places() -> dict[str, type[ResourceScreen]]:
    """Every top-level screen by the name of its mode, in the order of the numbers."""
    found: list[type[ResourceScreen]] = []
    for module in pkgutil.iter_modules(__path__):
        members = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        found += [m for m in members if isinstance(m, type) and "PLACE" in vars(m) and vars(m)["PLACE"] is not None]
    unique = {screen.place().name: screen for screen in found}
    return dict(sorted(unique.items(), key=lambda item: item[1].place().number))
