"""What lies over a screen and is closed once."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

LOW: Final = 24
"""A terminal with fewer lines has no room for blank ones in a dialog, nor for frames around its buttons."""


class Dialog(ModalScreen[None]):
    """A dialog; keys that reach it after it was closed do not close what lies below it."""

    LETTERS: ClassVar[bool] = False
    """Whether a letter can answer it, and so close it in the middle of a word."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, unless that is done."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
