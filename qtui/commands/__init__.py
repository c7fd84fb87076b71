"""The commands of `qtui`: one file a command, found by itself.

The file `NAME.py` holds the function `NAME`, whose parameters and docstring are the command's options and help, and `ORDER`,
its place in the help. A file without `ORDER` is a part that several commands share. Every operation is a command too.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ORDER_OF_OPERATIONS: Final = 100
"""Is added to the order of an operation: in the help, a command with a smaller `ORDER` comes before all operations."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    name: str
    """As it is typed."""
    order: int
    function: Callable[..., None]
    """Is called with what was typed; typer reads options and help from it."""


def find(name: str) -> Command | None:
    """The command of that name, None where there is none; imports nothing that only other commands need."""
    module = name.replace("-", "_")
    command = _from_file(module) if module in _modules() else None
    return command or _from_operations().get(name)


def find_all() -> list[Command]:
    """Every command, in the order of the help."""
    files = [command for module in _modules() if (command := _from_file(module))]
    return sorted([*files, *_from_operations().values()], key=lambda command: command.order)


def _modules() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(__path__)]


def _from_file(module: str) -> Command | None:
    """The command that a module of this package holds; None where it is a part that several commands share."""
    members = vars(importlib.import_module(f"{__name__}.{module}"))
    return Command(module.replace("_", "-"), members["ORDER"], members[module]) if "ORDER" in members else None


def _from_operations() -> dict[str, Command]:
    from qtui.broker.operations import OPERATIONS
    from qtui.commands.operation import command_function

    return {
        name: Command(name, ORDER_OF_OPERATIONS + operation.order, command_function(operation))
        for name, operation in OPERATIONS.items()
    }
