"""Reads the pickles that hold plain data only, ten times as fast as `pickle_reader`; everything else it leaves to that.

Like it, this executes nothing: it knows the opcodes of texts, numbers, lists, tuples and dicts (`pickletools`), and no other.
"""

from __future__ import annotations

import struct
from math import isfinite
from struct import unpack_from
from typing import Any, Final


class _NotPlain(Exception):
    """The pickle holds something else than plain data, or is damaged."""


_CONSTANTS: Final = {0x4E: None, 0x88: True, 0x89: False}
_EMPTY: Final = {0x29: list, 0x5D: list, 0x7D: dict}
"""A tuple is read as a list, as JSON has it."""
_INTEGERS: Final = {0x4B: ("<B", 1), 0x4D: ("<H", 2), 0x4A: ("<i", 4)}
_TUPLES: Final = {0x85: 1, 0x86: 2, 0x87: 3}
_LONGEST_INTEGER: Final = 8
"""Bytes of an integer; a longer one is left to the other reader."""


def read(content: bytes) -> tuple[bool, Any]:
    """Whether this is a pickle of protocol 4 or 5 with plain data only, and that data."""
    if content[:2] not in (b"\x80\x04", b"\x80\x05"):
        return False, None
    try:
        return True, _read(content)
    except (_NotPlain, IndexError, ValueError, struct.error):
        return False, None


def _read(content: bytes) -> Any:
    """One branch for each kind of opcode, the frequent ones first."""
    stack: list[Any] = []
    memo: list[Any] = []
    marks: list[int] = []
    place = 2
    while True:
        opcode = content[place]
        place += 1
        if opcode == 0x94:  # MEMOIZE
            memo.append(stack[-1])
        elif opcode == 0x8C:  # SHORT_BINUNICODE
            end = place + 1 + content[place]
            stack.append(content[place + 1 : end].decode())
            place = end
        elif opcode in _INTEGERS:
            form, size = _INTEGERS[opcode]
            stack.append(unpack_from(form, content, place)[0])
            place += size
        elif opcode == 0x28:  # MARK
            marks.append(len(stack))
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            stack.append(_EMPTY[opcode]())
        elif opcode == 0x75 or opcode == 0x73:  # SETITEMS, SETITEM
            start = marks.pop() if opcode == 0x75 else len(stack) - 2
            _set(stack[start - 1], stack[start:])
            del stack[start:]
        elif opcode in _TUPLES:
            start = len(stack) - _TUPLES[opcode]
            stack[start:] = [stack[start:]]
        elif opcode == 0x68:  # BINGET
            stack.append(_text(memo[content[place]]))
            place += 1
        elif opcode == 0x74:  # TUPLE
            start = marks.pop()
            stack[start:] = [stack[start:]]
        elif opcode == 0x65 or opcode == 0x61:  # APPENDS, APPEND
            start = marks.pop() if opcode == 0x65 else len(stack) - 1
            _append(stack[start - 1], stack[start:])
            del stack[start:]
        elif opcode == 0x47:  # BINFLOAT
            stack.append(_finite(unpack_from(">d", content, place)[0]))
            place += 8
        elif opcode == 0x95:  # FRAME
            place += 8
        elif opcode == 0x58:  # BINUNICODE
            end = place + 4 + unpack_from("<I", content, place)[0]
            stack.append(content[place + 4 : end].decode())
            place = end
        elif opcode == 0x8A and content[place] <= _LONGEST_INTEGER:  # LONG1
            end = place + 1 + content[place]
            stack.append(int.from_bytes(content[place + 1 : end], "little", signed=True))
            place = end
        elif opcode == 0x2E and len(stack) == 1 and not marks:  # STOP
            return stack[0]
        else:
            raise _NotPlain
        if place > len(content):
            raise _NotPlain


def _set(target: Any, items: list[Any]) -> None:
    keys = items[::2]
    if type(target) is not dict or not all(type(key) is str for key in keys):
        raise _NotPlain
    target.update(zip(keys, items[1::2], strict=True))


def _append(target: Any, items: list[Any]) -> None:
    if type(target) is not list:
        raise _NotPlain
    target.extend(items)


def _text(value: Any) -> str:
    """What is used again: only a text, as lists in lists that are used again and again would have no end."""
    if type(value) is not str:
        raise _NotPlain
    return value


def _finite(value: float) -> float:
    if not isfinite(value):
        raise _NotPlain
    return value
