"""The colours of the themes, and of each tone."""

from __future__ import annotations

from typing import Any, Final

from qtui.broker.status import Tone

Palette = dict[str, Any]
"""What a theme of Textual is made from."""

TONES: Final[dict[Tone, str]] = {
    "idle": "$foreground",
    "busy": "$text-primary",
    "good": "$text-success",
    "bad": "$text-error",
    "warn": "$text-warning",
    "muted": "$text-muted",
}
"""The variable that colours text of a tone. Every theme of Textual has these, so any of them can be chosen."""

DARK: Final[Palette] = {
    "name": "qtui-dark",
    "dark": True,
    "primary": "#5aa9e6",
    "secondary": "#8fa3bf",
    "accent": "#e3b062",
    "success": "#6fcf97",
    "warning": "#e8b84b",
    "error": "#f4837d",
    "foreground": "#d5dce5",
    "background": "#11151a",
    "surface": "#171c23",
    "panel": "#1f262f",
    "variables": {
        "primary-muted": "#1d3a52",
        "text-primary": "#7cc0f5",
        "text-success": "#7fd8a4",
        "text-warning": "#ecc468",
        "text-error": "#ff9a94",
        "text-accent": "#ecc07c",
        "text-muted": "#9aa7b6",
        "text-disabled": "#66717f",
        "block-cursor-background": "#1d3a52",
        "block-cursor-foreground": "#f2f6fa",
        "block-cursor-blurred-background": "#232b35",
        "border": "#3d7fb3",
        "border-blurred": "#2b3440",
        "scrollbar": "#3b4654",
        "scrollbar-hover": "#4c5a6b",
        "scrollbar-background": "#171c23",
        "scrollbar-background-hover": "#171c23",
        "footer-background": "#171c23",
        "footer-key-foreground": "#7cc0f5",
        "footer-description-foreground": "#9aa7b6",
        "input-selection-background": "#5aa9e6 35%",
        "button-color-foreground": "#11151a",
    },
}

LIGHT: Final[Palette] = {
    "name": "qtui-light",
    "dark": False,
    "primary": "#1b66a8",
    "secondary": "#52657d",
    "accent": "#8c5a00",
    "success": "#14713c",
    "warning": "#855600",
    "error": "#b3261e",
    "foreground": "#1c2530",
    "background": "#f8f9fb",
    "surface": "#eff2f6",
    "panel": "#e4e9ef",
    "variables": {
        "primary-muted": "#cfe3f6",
        "text-primary": "#15578f",
        "text-success": "#0f6132",
        "text-warning": "#734a00",
        "text-error": "#a1201a",
        "text-accent": "#774c00",
        "text-muted": "#4d5966",
        "text-disabled": "#8a95a1",
        "block-cursor-background": "#cfe3f6",
        "block-cursor-foreground": "#10161d",
        "block-cursor-blurred-background": "#dfe5ec",
        "border": "#1b66a8",
        "border-blurred": "#cbd3dc",
        "scrollbar": "#b3bec9",
        "scrollbar-hover": "#98a6b4",
        "scrollbar-background": "#eff2f6",
        "scrollbar-background-hover": "#eff2f6",
        "footer-background": "#eff2f6",
        "footer-key-foreground": "#15578f",
        "footer-description-foreground": "#4d5966",
        "input-selection-background": "#1b66a8 25%",
        "button-color-foreground": "#ffffff",
    },
}

FEW_COLOURS: Final[Palette] = {
    "name": "qtui-16",
    "dark": True,
    "primary": "#55ffff",
    "secondary": "#aaaaaa",
    "accent": "#ffff55",
    "success": "#55ff55",
    "warning": "#ffff55",
    "error": "#ff5555",
    "foreground": "#ffffff",
    "background": "#000000",
    "surface": "#000000",
    "panel": "#0000aa",
    "variables": {
        "primary-muted": "#0000aa",
        "error-muted": "#aa0000",
        "warning-muted": "#aa5500",
        "success-muted": "#0000aa",
        "text-primary": "#55ffff",
        "text-success": "#55ff55",
        "text-warning": "#ffff55",
        "text-error": "#ff5555",
        "text-accent": "#ffff55",
        "text-muted": "#aaaaaa",
        "text-disabled": "#555555",
        "block-cursor-background": "#00aaaa",
        "block-cursor-foreground": "#000000",
        "block-cursor-blurred-background": "#0000aa",
        "border": "#55ffff",
        "border-blurred": "#aaaaaa",
        "scrollbar": "#00aaaa",
        "scrollbar-hover": "#00aaaa",
        "scrollbar-background": "#000000",
        "scrollbar-background-hover": "#000000",
        "footer-background": "#0000aa",
        "footer-key-foreground": "#ffff55",
        "footer-description-foreground": "#ffffff",
        "input-selection-background": "#00aaaa",
        "button-color-foreground": "#000000",
    },
}
"""For terminals of 16 colours: only colours that they have; behind text the dark ones, as the Linux console has no others there.

Textual would take the nearest of the 16 for each colour of another theme, where many become the same.
"""

PALETTES: Final = (DARK, LIGHT, FEW_COLOURS)

CONTRAST: Final[Palette] = {
    "name": "qtui-contrast",
    "dark": True,
    "primary": "#7fd4ff",
    "secondary": "#ffffff",
    "accent": "#ffd75f",
    "success": "#5fff87",
    "warning": "#ffd75f",
    "error": "#ff9d9d",
    "foreground": "#ffffff",
    "background": "#000000",
    "surface": "#000000",
    "panel": "#000000",
    "variables": {
        "primary-muted": "#003c66",
        "text-primary": "#8fdcff",
        "text-success": "#7dff9e",
        "text-warning": "#ffe07a",
        "text-error": "#ffb0b0",
        "text-accent": "#ffe07a",
        "text-muted": "#d8d8d8",
        "text-disabled": "#b0b0b0",
        "block-cursor-background": "#ffffff",
        "block-cursor-foreground": "#000000",
        "block-cursor-blurred-background": "#404040",
        "border": "#ffffff",
        "border-blurred": "#b0b0b0",
        "scrollbar": "#ffffff",
        "scrollbar-hover": "#ffffff",
        "scrollbar-background": "#303030",
        "scrollbar-background-hover": "#303030",
        "footer-background": "#000000",
        "footer-key-foreground": "#ffe07a",
        "footer-description-foreground": "#ffffff",
        "input-selection-background": "#0060a0",
        "button-color-foreground": "#000000",
    },
}
"""For eyes or screens that need it: white on black, and every other colour at least ten times as bright as what it stands on."""
