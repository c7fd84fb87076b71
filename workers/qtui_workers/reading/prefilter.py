"""Whether a stored payload may hold a text or a value, from its bytes: most payloads need not be decoded to say no.

A "yes" may be wrong, a "no" never is. The bytes are JSON or a pickle; a pickle that may name classes is always "yes", since
their values, such as the bytes of a date, are not what people type.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

_STACK_GLOBAL: Final = b"\x93"
"""With this opcode a pickle of protocol 4 or 5 names a class."""
_PICKLES: Final = (b"\x80\x04", b"\x80\x05")
_CONSTANTS: Final = ("true", "false", "null", "nan", "infinity")


def text_filter(text: str) -> Callable[[bytes], bool]:
    """Says whether a payload may hold a text as a key or inside a value, in upper or lower case."""
    if not text.isascii() or not _speaks(text):
        return lambda _content: True
    wanted = text.lower().encode()
    return lambda content: wanted in content.lower() or not _is_plain(content)


def value_filter(key: str, value: str) -> Callable[[bytes], bool]:
    """Says whether a payload may hold exactly that value under that key; `*` in the value stands for anything."""
    name = key.encode() if not key.isdecimal() and key.isascii() else b""
    in_pickle, in_json = (re.compile(b"|".join(map(re.escape, forms)), re.DOTALL).search for forms in _forms(value))

    def may_hold(content: bytes) -> bool:
        if content.startswith(_PICKLES):
            return (name in content and in_pickle(content) is not None) or _STACK_GLOBAL in content
        return (name in content and in_json(content) is not None) or not _is_plain(content)

    return may_hold


def _is_plain(content: bytes) -> bool:
    """Whether all texts of the payload stand in it as they are."""
    if content.startswith(_PICKLES):
        return _STACK_GLOBAL not in content
    return content.startswith((b"[", b"{")) and b"\\" not in content


def _speaks(text: str) -> bool:
    """Whether only a text can contain it: digits may be a number's, and these words Python's and JSON's constants'."""
    return any(c.isalpha() for c in text) and not any(
        text.lower() in word for word in ("true", "false", "null", "nan", "infinity")
    )


def _forms(value: str) -> tuple[list[bytes], list[bytes]]:
    """The bytes one of which a pickle must contain to hold the value, and those of JSON."""
    longest = max(value.split("*"), key=len)
    if not value.isascii() or "*" in value:
        either = [longest.encode() if longest.isascii() and _speaks(longest) else b""]
        return either, either
    text = value.encode()
    pickled = [b"X" + struct.pack("<I", len(text)) + text]
    if len(text) < 2**8:
        pickled.append(b"\x8c" + struct.pack("<B", len(text)) + text)
    try:
        number = float(value)
    except ValueError:
        return (pickled, [text]) if _speaks(value) else ([b""], [b""])
    if not number.is_integer() or abs(number) >= 2**31:
        return [b""], [b""]
    whole = int(number)
    pickled += [struct.pack(">cd", b"G", number), struct.pack("<ci", b"J", whole)]
    if 0 <= whole < 2**8:
        pickled.append(struct.pack("<cB", b"K", whole))
    if 0 <= whole < 2**16:
        pickled.append(struct.pack("<cH", b"M", whole))
    return pickled, [text, str(whole).encode()]
