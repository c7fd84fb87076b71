"""What lies over a screen and is closed once."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen


class Dialog(ModalScreen[None]):
    """A dialog; keys that reach it after it was closed do not close what lies below it."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, unless that is done."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
