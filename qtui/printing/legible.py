"""Output for terminals that cannot show every character: each glyph becomes one of ASCII that is as wide."""

from __future__ import annotations

import codecs
import io
import os
import unicodedata
from collections.abc import Mapping
from typing import Final

CONSOLE: Final = ("cp437", "latin-1")
"""What the fonts of the Linux console have, about."""
_GLYPHS: Final = dict(
    zip("…–●▸✗✓○▌‖×·→←↑↓‹›✱◷◑◇▾⊘↻•⋯█▉▊▋▍▎▏▐■░▒▓⚠µ≥≤", '.-*>x+o|"x.-<^v<>*@%$v0%*~##=-|||##.:#!u><', strict=True)
) | dict(zip("▁▂▃▄▅▆▇", "_..--==", strict=True))
"""Our glyphs; statuses stay distinct."""


class Legible(dict[int, str]):
    """A table for `str.translate` that keeps what one of the charsets has, and finds something for the rest when it is needed."""

    def __init__(self, *charsets: str) -> None:
        super().__init__()
        self._charsets = charsets

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = found = character if any(_has(charset, character) for charset in self._charsets) else _fallback(character)
        return found


def _has(charset: str, character: str) -> bool:
    try:
        return bool(character.encode(charset))
    except UnicodeEncodeError:
        return False


def _fallback(character: str) -> str:
    if character in _GLYPHS:
        return _GLYPHS[character]
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):
        straight = {"HORIZONTAL": "-", "VERTICAL": "|"}.get(name.split()[-1], "+")
        return "+" if " AND " in name else straight
    if "BLOCK" in name:
        return "#"
    from qtui.presentation import formatting

    return "?" * formatting.cells(character)


def charsets(stream: io.TextIOWrapper, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The charsets that what a stream goes to can show; none if it can show everything."""
    if codecs.lookup(stream.encoding).name != "utf-8":
        return (stream.encoding,)
    if not stream.isatty() or environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8"):
        return ()
    if environment.get("TERM") == "linux":
        return CONSOLE
    named = next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    # Python writes UTF-8 also in the locales C and POSIX; a container without any locale is mostly looked at with UTF-8.
    return ("ascii",) if named and "utf" not in named.lower() else ()


def adapt(stream: object, name: str) -> None:
    """Have a stream write only what its terminal can show; a character that cannot even be encoded becomes "?"."""
    if not isinstance(stream, io.TextIOWrapper):
        return
    stream.reconfigure(errors="replace")
    if found := charsets(stream):
        _register(f"qtui_{name}", "utf-8" if found is CONSOLE else found[0], Legible(*found))
        stream.reconfigure(encoding=f"qtui_{name}", errors="replace")


def _register(name: str, charset: str, table: Legible) -> None:
    """A codec that translates by the table, then encodes in the charset."""

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return text.translate(table).encode(charset, errors), len(text)

    class Encoder(codecs.IncrementalEncoder):
        def encode(self, input: str, final: bool = False) -> bytes:
            return encode(input, self.errors)[0]

    codec = codecs.CodecInfo(encode, codecs.lookup(charset).decode, incrementalencoder=Encoder, name=name)
    codecs.register(lambda wanted: codec if wanted == name else None)
