"""The keys of operations on the screens that list jobs."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from qtui.broker.operations import OPERATIONS, Operation


def operation_bindings(screen: str, operations: Iterable[Operation] = OPERATIONS.values()) -> list[BindingType]:
    """The keys of operations, for a screen of that name that has an `action_act`."""
    return [Binding(o.key, operation_action(o), o.title, id=f"{screen}.{o.name}", tooltip=o.hint) for o in operations]


def operation_action(operation: Operation) -> str:
    """The action that the key of an operation calls."""
    return f"act('{operation.name}')"
