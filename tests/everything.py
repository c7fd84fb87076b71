"""All that there is on the processing side, for tests of what holds everywhere."""

from __future__ import annotations

import importlib
import pkgutil

import qtui_workers
from qtui_workers.settings import Settings


def all_modules() -> list[str]:
    """The names of all modules of `qtui_workers`, each imported."""
    names = [info.name for info in pkgutil.walk_packages(qtui_workers.__path__, "qtui_workers.")]
    for name in names:
        importlib.import_module(name)
    return names


def all_settings() -> list[type[Settings]]:
    """Every class of settings, a topic each."""
    all_modules()
    return [topic for topic in Settings.__subclasses__() if topic.__module__.startswith("qtui_workers.")]
