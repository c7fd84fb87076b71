"""Modules that are imported when they are first used, so that the dashboard's first frame does not wait for them.

if TYPE_CHECKING:
    from qtui.presentation import questions
else:
    questions = Lazy("qtui.presentation.questions")
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Lazy:
    """Stands for a module; importing it is left to the first use of one of its names, in whichever thread that is."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._module), name)
