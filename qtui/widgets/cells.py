"""Text in tones, as widgets draw it."""

from __future__ import annotations

from textual.content import Content

from qtui.broker.status import Tone
from qtui.presentation.colours import TONES
from qtui_workers.text import printable


def plain(*pieces: tuple[str, Tone | None] | str, limit: int = 1_000) -> Content:
    """Text in several tones for a widget that renders content: never markup, control characters as symbols."""
    parts = [(piece, None) if isinstance(piece, str) else piece for piece in pieces]
    return Content.assemble(*((printable(text, limit), TONES[tone] if tone else "") for text, tone in parts))
