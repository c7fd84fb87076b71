"""Text from outside, made safe to show: what a job wrote must not control the terminal of the person who looks at it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_PICTURES: Final = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
_UNSAFE_CATEGORIES: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS: Final = {0x200C, 0x200D}
"""Zero-width joiner and non-joiner: parts of ordinary words and emoji, which do not control a terminal."""

_FLAGS: Final = range(0x1F1E6, 0x1F200)
"""The regional indicators A to Z: two of them are a flag, one or two or four cells wide, as each terminal has it."""
_MODIFIERS: Final = "[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\u20e3]|(?<=[\u2190-\u2bff\U0001f000-\U0001faff])\u200d"
"""What changes the emoji before it: presentation, colour of skin, frame of a key; and what joins two emoji.

Terminals disagree about the width of what comes of it, so that the columns after it would shift; without them they agree.
"""

_UUID: Final = r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"

_SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number: int) -> str:
    """Bytes in powers of 1,024: "812 B", "3.1 GiB"."""
    amount, unit = float(number), 0
    while amount >= 1023.95 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:,.1f} {_SIZES[unit]}" if unit else f"{number:,} B"


def _picture(character: str) -> str:
    code = ord(character)
    if code in _FLAGS:
        return chr(ord("A") + code - _FLAGS.start)
    if code in _PICTURES:
        return _PICTURES[code]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in _UNSAFE_CATEGORIES and code not in _JOINERS:
        return "\N{REPLACEMENT CHARACTER}"
    return character


def printable(text: str, limit: int = 1_000, *, keep_newlines: bool = False) -> str:
    """The text with control characters shown as symbols, at most `limit` characters of it.

    Escape codes, direction overrides and other invisible characters become visible ones, bytes that are
    not UTF-8 become `\\xNN`, flags their two letters, a sequence of emoji its parts, without skin tones.
    With `keep_newlines` newlines stay and tabs become four spaces.
    """
    cut = text[:limit]
    if not cut.isascii() and (max(cut) >= "\ufe00" or "\u200d" in cut or "\u20e3" in cut):  # else there is nothing to find
        cut = re.sub(_MODIFIERS, "", cut)
    if keep_newlines and cut.isascii() and cut.replace("\n", "").isprintable():
        safe = cut
    elif keep_newlines:
        cut = cut.replace("\r\n", "\n").replace("\t", "    ")
        safe = "".join(c if c == "\n" or (c.isascii() and c.isprintable()) else _picture(c) for c in cut)
    elif cut.isascii() and cut.isprintable():
        safe = cut
    else:
        safe = "".join(_picture(c) for c in cut)
    return safe + "…" if len(text) > limit else safe


def short_id(identifier: str) -> str:
    """The first 8 characters of a UUID; any other id whole."""
    return identifier[:8] if re.fullmatch(_UUID, identifier, re.IGNORECASE) else identifier


def decode(raw: bytes | str | None) -> str:
    """Bytes from Redis as text that can be sent back unchanged (surrogateescape); None becomes ''."""
    if raw is None:
        return ""
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of a text as they were in Redis: the reverse of `decode`.

    Every key, id and name that may not be UTF-8 has to be encoded by it, because hiredis ignores the client's
    encoding_errors and encodes texts strictly.
    """
    return text.encode("utf-8", "surrogateescape")
