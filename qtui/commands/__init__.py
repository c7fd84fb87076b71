"""The commands of `qtui`: each command is one file, found automatically.

The file `NAME.py` holds the function `NAME`, whose parameters and docstring are the command's options and help, and `ORDER`,
its place in the help. A file without `ORDER` holds code that several commands share. Every operation is a command too.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Final

from qtui_workers.records import Record

ORDER_OF_OPERATIONS: Final = 100
"""Added to the order of each operation: in the help, a command with a smaller `ORDER` comes before all operations."""


class Command(Record):
    """One command."""

    name: str
    """The name that is typed."""
    order: int
    function: Callable[..., None]
    """The function that is called with the typed arguments; its options and its help are declared by it."""


def find(name: str) -> Command | None:
    """The command with that name, None if there is none; imports nothing that only other commands need."""
    module = name.replace("-", "_")
    command = _from_file(module) if module in _modules() else None
    return command or _from_operations().get(name)


def find_all() -> list[Command]:
    """Every command, in the order of the help."""
    files = [command for module in _modules() if (command := _from_file(module))]
    return sorted([*files, *_from_operations().values()], key=lambda command: command.order)


def _modules() -> list[str]:
    """The names of the modules here; `pkgutil` would take longer to import than a command to run."""
    return sorted(name.removesuffix(".py") for name in os.listdir(__path__[0]) if name.endswith(".py") and name[0] != "_")


def _from_file(module: str) -> Command | None:
    """The command defined in a module of this package; None for a module without `ORDER`."""
    members = vars(importlib.import_module(f"{__name__}.{module}"))
    return Command(module.replace("_", "-"), members["ORDER"], members[module]) if "ORDER" in members else None


def _from_operations() -> dict[str, Command]:
    from qtui.broker.operations import OPERATIONS
    from qtui.commands.operation import command_function

    return {
        name: Command(name, ORDER_OF_OPERATIONS + operation.order, command_function(operation))
        for name, operation in OPERATIONS.items()
    }
