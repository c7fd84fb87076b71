"""What can be done to jobs: each operation is one file, found automatically; all are planned and run in the same way."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Final

from qtui.broker.bulk.operation import GONE, Operation, Parameter, Plan, Report
from qtui.broker.bulk.planning import plan, plans
from qtui.broker.bulk.runner import run
from qtui.broker.bulk.selection import Chosen, Matching, Selection

__all__ = [
    "GONE",
    "OPERATIONS",
    "Chosen",
    "Matching",
    "Operation",
    "Parameter",
    "Plan",
    "Report",
    "Selection",
    "plan",
    "plans",
    "run",
]


def _find() -> Iterator[Operation]:
    """The operations that are defined in the modules of this package."""
    for module in pkgutil.iter_modules(__path__):
        members = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        yield from (member for member in members if isinstance(member, Operation))


OPERATIONS: Final[dict[str, Operation]] = {found.name: found for found in sorted(_find(), key=lambda each: each.order)}
"""Every operation by its name, sorted by `Operation.order`; keys, footer, palette, help and commands are made from it."""
