"""Whether a stored payload may hold a text or a value, from its bytes: most payloads need not be decoded to say no.

A "yes" may be wrong, a "no" never is. The bytes are JSON or a pickle; a pickle that may name classes is always "yes", since
their values, such as the bytes of a date, are not what people type.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

_STACK_GLOBAL: Final = b"\x93"
"""With this opcode a pickle of protocol 4 or 5 names a class."""
_CONSTANTS: Final = ("true", "false", "null", "nan", "infinity")


def holds_text(content: bytes, text: str) -> bool:
    """Whether the payload may hold a text as a key or inside a value, in upper or lower case."""
    if not text.isascii() or not _speaks(text) or not _is_plain(content):
        return True
    return text.lower().encode() in content.lower()


def holds_value(content: bytes, key: str, value: str) -> bool:
    """Whether the payload may hold exactly that value under that key; `*` in the value stands for anything."""
    if not _is_plain(content):
        return True
    if not key.isdecimal() and key.isascii() and key.encode() not in content:
        return False
    return any(form in content for form in _forms(value))


def _is_plain(content: bytes) -> bool:
    """Whether all texts of the payload stand in it as they are."""
    if content[:1] == b"\x80":
        return content[1:2] in (b"\x04", b"\x05") and _STACK_GLOBAL not in content
    return content[:1] in (b"[", b"{") and b"\\" not in content


def _speaks(text: str) -> bool:
    """Whether only a text can contain it: digits may be a number's, and these words Python's and JSON's constants'."""
    return any(c.isalpha() for c in text) and not any(
        text.lower() in word for word in ("true", "false", "null", "nan", "infinity")
    )


@lru_cache(100)
def _forms(value: str) -> tuple[bytes, ...]:
    """The bytes one of which a payload must contain to hold the value."""
    longest = max(value.split("*"), key=len)
    if not value.isascii() or "*" in value:
        return (longest.encode() if longest.isascii() and _speaks(longest) else b"",)
    try:
        number = float(value)
    except ValueError:
        return (value.encode(),) if _speaks(value) else (b"",)
    if not number.is_integer() or abs(number) >= 2**31:
        return (b"",)
    whole = int(number)
    forms = [value.encode(), str(whole).encode(), struct.pack(">cd", b"G", number), struct.pack("<ci", b"J", whole)]
    if 0 <= whole < 2**8:
        forms.append(struct.pack("<cB", b"K", whole))
    if 0 <= whole < 2**16:
        forms.append(struct.pack("<cH", b"M", whole))
    return tuple(forms)
