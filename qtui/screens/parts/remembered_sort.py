"""The order of a list of jobs, remembered from one run to the next."""

from __future__ import annotations

from qtui.broker.search.sorting import SORTS, Sort
from qtui.preferences.memory import Memory


def sort_of(memory: Memory, place: str, usual: Sort) -> Sort:
    """The order that was chosen last on a top-level screen, else the usual one."""
    turned = memory.order_of(place)
    if turned is None or turned.by not in SORTS:
        return usual
    found = SORTS[turned.by]
    return found.reversed if turned.reverse else found


def remember_sort(memory: Memory, place: str, sort: Sort) -> None:
    """Begin with this order in the next run."""
    memory.remember_order(place, sort.name, reverse=sort != SORTS[sort.name])
