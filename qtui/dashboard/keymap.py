"""The names of all keys of the dashboard: the config file may give what they do to other keys."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import NamedTuple

from textual.binding import Binding
from textual.dom import DOMNode

import qtui
from qtui import screens, widgets


class Key(NamedTuple):
    """What a key does."""

    name: str
    """By which the config file names it: "queues.sort"."""
    keys: str
    """Those that do it, with commas between."""
    what: str


def all_keys(app: type[DOMNode]) -> list[Key]:
    """Every key of the dashboard, whose App this is, that has a name; by name."""
    found: dict[str, Key] = {}
    for kind in _classes(app):
        for binding in Binding.make_bindings(kind.__dict__.get("BINDINGS", ())):
            if binding.id:
                known = found.get(binding.id)
                keys = [*known.keys.split(","), binding.key] if known else [binding.key]
                what = known.what if known else binding.tooltip or binding.description
                found[binding.id] = Key(binding.id, ",".join(dict.fromkeys(keys)), what)
    return sorted(found.values())


def unknown(names: Iterable[str], app: type[DOMNode]) -> list[str]:
    """Those that name no key."""
    known = {key.name for key in all_keys(app)}
    return [name for name in names if name not in known]


def _classes(app: type[DOMNode]) -> Iterator[type[DOMNode]]:
    """What is on the screen: the App, all screens and widgets, each once."""
    yield from (kind for kind in app.__mro__ if kind.__module__.startswith(f"{qtui.__name__}."))
    for room in (screens, widgets):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            for each in vars(import_module(module.name)).values():
                if isinstance(each, type) and issubclass(each, DOMNode) and each.__module__ == module.name:
                    yield each
