"""One line over a screen: what is wrong and what happens next."""

from __future__ import annotations

from typing import Final

from textual.widgets import Static

from qtui.broker.status import Tone
from qtui.widgets.cells import plain

_GLYPHS: Final[dict[Tone, str]] = {"bad": "✗", "warn": "⚠", "good": "✓", "busy": "▸"}


class Banner(Static):
    """A sentence in the colour of its tone; hidden while there is no sentence."""

    DEFAULT_CSS = """
    Banner {
        display: none; height: auto; max-height: 3; padding: 0 1; text-style: bold; background: $surface;
        &.-shown { display: block; }
        &.-bad { background: $error-muted; }
        &.-warn { background: $warning-muted; }
        &.-good { background: $success-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._shown: tuple[str, Tone] = "", "warn"

    def show(self, text: str, tone: Tone = "warn") -> None:
        """Show a sentence; an empty one hides the banner."""
        if (text, tone) == self._shown:
            return
        self._shown = text, tone
        self.set_class(bool(text), "-shown")
        for name in ("bad", "warn", "good"):
            self.set_class(tone == name, f"-{name}")
        glyph = _GLYPHS.get(tone)
        self.update(plain((f"{glyph} " if glyph else "", tone), text))
