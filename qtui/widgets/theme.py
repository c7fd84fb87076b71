"""The themes as Textual has them, and the styles of tones."""

from __future__ import annotations

from typing import Final, get_args

from textual.theme import Theme

from qtui.broker.status import Tone
from qtui.presentation import colours
from qtui.presentation.colours import TONES

DARK: Final = Theme(**colours.DARK)
LIGHT: Final = Theme(**colours.LIGHT)
FEW_COLOURS: Final = Theme(**colours.FEW_COLOURS)
CONTRAST: Final = Theme(**colours.CONTRAST)

THEMES: Final = (DARK, LIGHT, FEW_COLOURS, CONTRAST)
"""Those of the dashboard, beside Textual's own."""


def tone_classes(prefix: str) -> set[str]:
    """The component classes of a widget that draws in tones: `prefix--good` and so on, one for each tone."""
    return {f"{prefix}--{tone}" for tone in get_args(Tone)}


def tone_rules(prefix: str) -> str:
    """The CSS rules of those component classes, to be put inside the block of the widget's DEFAULT_CSS."""
    return "".join(f"& > .{prefix}--{tone} {{ color: {color}; }}\n" for tone, color in TONES.items())
