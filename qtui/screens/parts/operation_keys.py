"""The keys of operations on the screens that show jobs, and why one does nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding, BindingType
from textual.screen import Screen

from qtui.broker.operations import OPERATIONS, Operation
from qtui.broker.status import STATUSES, Status
from qtui.screens.parts.screen_keys import bindings_of
from qtui_workers.naming import listing


def operation_bindings(screen: str, operations: Iterable[Operation] = OPERATIONS.values()) -> list[BindingType]:
    """The keys of operations, for a screen of that name that has an `action_act`."""
    return [Binding(o.key, operation_action(o), o.title, id=f"{screen}.{o.name}", tooltip=o.hint) for o in operations]


def operation_action(operation: Operation) -> str:
    """The action that the key of an operation calls."""
    return f"act('{operation.name}')"


def why_not(screen: Screen[None], key: str, status: Status) -> str:
    """Why a key does nothing with a job in that status, and what can be done with it, in a sentence; '' for any other key."""
    if key in screen.active_bindings:
        return ""
    actions = {binding.action for each, binding in bindings_of(screen) if each == key}
    if "stack" in actions:
        return _refusal(screen, "Stack", [each for each in STATUSES if each.runs], status)
    for operation in OPERATIONS.values():
        if operation_action(operation) in actions or (not actions and key == operation.key):
            return _refusal(screen, operation.title, operation.statuses, status)
    return ""


def _refusal(screen: Screen[None], title: str, allowed: Sequence[Status], status: Status) -> str:
    if status in allowed:
        return f"{title}: on the screen of the job, which enter opens."
    what = f"{title} is for {_titles(allowed)} jobs only"
    if len(allowed) * 2 > len(STATUSES):
        what = f"{title} is not for {_titles([each for each in STATUSES if each not in allowed])} jobs"
    possible = [
        f"{screen.app.get_key_display(active.binding)} {active.binding.description}"
        for active in screen.active_bindings.values()
        if active.enabled and active.binding.action.startswith("act(")
    ]
    return f"{what}; this one is {STATUSES[status].title}.{f' Possible: {listing(possible)}.' if possible else ''}"


def _titles(statuses: Iterable[Status]) -> str:
    *others, last = (STATUSES[each].title for each in statuses)
    return " or ".join(filter(None, [", ".join(others), last]))
