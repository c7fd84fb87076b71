"""Text that arrives faster than anybody types was pasted, also where the terminal does not say so."""

from __future__ import annotations

import re
from typing import Final

LEAST: Final = 200
"""So many characters that arrive at once are more than anybody types ahead."""
_DIFFERENT: Final = 8
"""A key that is held down over a slow line sends one character again and again; a text has more than so many."""
_SOON: Final = 0.05
"""Seconds within which the rest of such a text follows."""
_BEGINS, _ENDS = "\x1b[200~", "\x1b[201~"
_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])?")
_PARTIAL: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?$")


class Bursts:
    """Finds what was pasted in what a terminal sends, read by read; what the terminal marks as pasted is left as it is."""

    def __init__(self) -> None:
        self._marked = False
        """Whether a paste that the terminal marks has begun and not ended."""
        self._partial = ""
        """The beginning of a sequence that is not complete yet."""
        self._until = float("-inf")

    def pasted(self, text: str, now: float) -> str | None:
        """The text that was pasted, without sequences of control; None for keys. `now`: seconds, by a clock that only goes on."""
        whole, partial = self._partial + text, self._partial
        found = _PARTIAL.search(whole)
        self._partial = found[0] if found else ""
        marked = self._marked or _BEGINS in whole
        self._marked = marked and whole.rfind(_ENDS) <= whole.rfind(_BEGINS)
        typed = _SEQUENCE.sub("", text)
        is_text = len(typed) >= LEAST and len(set(typed)) > _DIFFERENT
        if marked or partial or not typed or not (is_text or now < self._until):
            return None
        self._partial, self._until = "", now + _SOON
        return typed.replace("\r", "\n")
