"""Reads pickles that differ only in their values: the first of a shape is read whole, of the others only the values.

A shape is all of a pickle but its values, byte by byte: whoever writes jobs of one function writes few shapes. Like the reader
that it spares (`quick_pickle`), this executes nothing, and what it returns is the same.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import compress
from math import isfinite
from typing import Any, Final, NamedTuple

from qtui_workers.reading import quick_pickle
from qtui_workers.reading.matching import argument

MOST_SHAPES: Final = 8
"""Shapes that are kept for one function."""
MOST_FUNCTIONS: Final = 1_000
LONGEST: Final = 4_096
"""Bytes of a pickle that may become a shape …"""
MOST_VALUES: Final = 40
"""… and values that differ in those of that shape: its pattern takes the time of a thousand jobs to be made."""

_HEADS: Final = (b"\x80\x04\x95", b"\x80\x05\x95")
_HEAD: Final = rb"\x80[\x04\x05]\x95.{8}"
_BODY: Final = 11
"""Where a pickle begins, after protocol and frame."""
_NUMBERS: Final = {0x4B: struct.Struct("<B"), 0x4D: struct.Struct("<H"), 0x4A: struct.Struct("<i"), 0x47: struct.Struct(">d")}
_CONSTANTS: Final = {0x4E: None, 0x88: True, 0x89: False}
_SHORT_TEXT: Final = 0x8C
_TEXT: Final = 0x58
_MEMOIZE: Final = 0x94
_AGAIN: Final = 0x68
_STOP: Final = 0x2E
_OTHERS: Final = frozenset(b"()]}\x85\x86\x87\x94tuesa")
"""Opcodes without an operand that are no value."""

# The forms of the values that `_value` reads, byte by byte. A text ends where its bytes are no longer valid UTF-8, that
# is at a byte that begins no character; its length, which stands before it, is not used (`Shape.values`).
_LETTER: Final = (
    rb"(?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})"
)
"""A character beyond ASCII."""
_TEXTS: Final = rb"(?:\x8c.|X.{4})[\x00-\x7f]*(?:" + _LETTER + rb"[\x00-\x7f]*)*\x94"
_NO_TEXTS: Final = rb"K.|M..|J.{4}|G(?![\x7f\xff][\xf0-\xff]).{8}|[N\x88\x89]"
_ANY: Final = _TEXTS + rb"|" + _NO_TEXTS

_OFTEN: Final = 50
"""Values of fewer bytes are kept when they are decoded, as they are likely to be met again."""

Stored = tuple[bytes, ...]
"""The values of a pickle of a shape as they are stored there."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands in a shape for a value."""

    place: int
    """Which of the values it is."""


@dataclass(frozen=True, eq=False)
class Shape:
    """What pickles have in common."""

    function: str
    between: tuple[bytes, ...]
    """The bytes before each value, and those after the last."""
    texts: tuple[bool, ...] | None
    """Which of the values are texts, where it has texts that are used again: these are numbered, values that are texts too."""
    args: list[Any]
    """The arguments, a Slot for each value."""
    kwargs: dict[str, Any]

    def place(self, path: tuple[str, ...]) -> int | None:
        """Which of the values a path leads to, as `matching.argument` follows it; None: nowhere, -1: to several."""
        found = argument(self.args, self.kwargs, path)
        return found if found is None else getattr(found, "place", -1)

    def values(self, content: bytes) -> Stored | None:
        """The values of a pickle of this shape; None for any other."""
        found = self._match(content)
        if not found:
            return None
        values = found.groups()
        for stored in values:
            opcode = stored[0]
            if opcode == _SHORT_TEXT:
                if len(stored) != stored[1] + 3:
                    return None
            elif opcode == _TEXT and len(stored) != int.from_bytes(stored[1:5], "little") + 6:
                return None
        return values

    @cached_property
    def _match(self) -> Callable[[bytes], re.Match[bytes] | None]:
        kinds = [_ANY] * (len(self.between) - 1) if self.texts is None else [_TEXTS if it else _NO_TEXTS for it in self.texts]
        first, *others = map(re.escape, self.between)
        parts = (b"(" + kind + b")" + fixed for kind, fixed in zip(kinds, others, strict=True))
        return re.compile(_HEAD + first + b"".join(parts), re.DOTALL).fullmatch


class Shapes:
    """The shapes that were seen so far."""

    def __init__(self) -> None:
        self._by_function: dict[bytes, list[Shape]] = {}

    def read(self, content: bytes) -> tuple[Shape, Stored] | None:
        """The shape of a pickled call and its values; None where it has none that is known, or can be."""
        name = content[14 : 14 + content[13]] if len(content) > 13 else b""
        known = self._by_function.get(name, ())
        for shape in known:
            values = shape.values(content)
            if values is not None:
                return shape, values
        if not content.startswith(_HEADS) or content[11:13] != b"(\x8c":
            return None
        if len(known) >= MOST_SHAPES or not (made := _shape(content)):
            return None
        if len(self._by_function) >= MOST_FUNCTIONS:
            self._by_function.clear()
        self._by_function.setdefault(name, []).append(made[0])
        return made


def decoded(stored: bytes) -> Any:
    """What a stored value of a shape says."""
    return _decoded(stored) if len(stored) < _OFTEN else _value(stored, 0)[0]


@lru_cache(10_000)
def _decoded(stored: bytes) -> Any:
    return _value(stored, 0)[0]


def _value(content: bytes, place: int) -> tuple[Any, int]:
    """The value that begins at a place, and where it ends; ValueError, IndexError or struct.error where there is none."""
    opcode = content[place]
    if opcode in (_SHORT_TEXT, _TEXT):
        start = place + (2 if opcode == _SHORT_TEXT else 5)
        end = start + int.from_bytes(content[place + 1 : start], "little")
        if content[end] != _MEMOIZE:
            raise ValueError
        return content[start:end].decode(), end + 1
    if opcode in _CONSTANTS:
        return _CONSTANTS[opcode], place + 1
    if opcode not in _NUMBERS:
        raise ValueError
    form = _NUMBERS[opcode]
    (value,) = form.unpack_from(content, place + 1)
    if not isfinite(value):
        raise ValueError
    return value, place + 1 + form.size


def _shape(content: bytes) -> tuple[Shape, Stored] | None:
    """The shape of a pickled call with plain data only, and its values; None where a value is used again, or it is long."""
    if len(content) > LONGEST:
        return None
    plain, call = quick_pickle.read(content)
    if not plain or not isinstance(call, list) or len(call) != 4:
        return None
    function, instance, args, kwargs = call
    if not isinstance(function, str) or instance is not None or not isinstance(args, list) or not isinstance(kwargs, dict):
        return None
    met = _Met()
    try:
        met.fixed(function)
        met.fixed(instance)
        args, kwargs = met.marked(args), met.marked(kwargs)
        spans = list(_spans(content))
    except (ValueError, IndexError, struct.error, RecursionError):
        return None
    if [(type(span.value), span.value) for span in spans] != [(type(value), value) for value, _ in met.all]:
        return None
    slots = [is_slot for _, is_slot in met.all]
    if sum(slots) > MOST_VALUES:
        return None
    again = [(place, span.again) for place, span in enumerate(spans) if span.again is not None]
    if any(slots[place] for pair in again for place in pair):
        return None
    borders = [_BODY]
    for span in compress(spans, slots):
        borders += [span.start, span.end]
    borders.append(len(content))
    between = (content[start:end] for start, end in zip(borders[::2], borders[1::2], strict=True))
    stored = tuple(content[span.start : span.end] for span in compress(spans, slots))
    texts = tuple(isinstance(span.value, str) for span in compress(spans, slots)) if again else None
    return Shape(function, tuple(between), texts, args, kwargs), stored


class _Met:
    """The values of a call in the order in which a pickle has them: a key before what stands under it."""

    def __init__(self) -> None:
        self.all: list[tuple[Any, bool]] = []
        """Each with whether it differs from pickle to pickle."""
        self._slots = 0

    def fixed(self, value: Any) -> None:
        """One that is the same in all of them."""
        self.all.append((value, False))

    def marked(self, node: Any) -> Any:
        """The same with slots for its values."""
        if isinstance(node, list):
            return [self.marked(item) for item in node]
        if isinstance(node, dict):
            found = {}
            for key, value in node.items():
                self.fixed(key)
                found[key] = self.marked(value)
            return found
        self.all.append((node, True))
        self._slots += 1
        return Slot(self._slots - 1)


class _Span(NamedTuple):
    """A value in a pickle."""

    value: Any
    start: int
    end: int
    again: int | None = None
    """The earlier value that it is, as its number."""


def _spans(content: bytes) -> Iterator[_Span]:
    """Every value, in their order; the errors of `_value` where there is something else."""
    place, number = _BODY, 0
    texts: list[tuple[int, str] | None] = []
    while content[place] != _STOP:
        if content[place] in _OTHERS:
            if content[place] == _MEMOIZE:
                texts.append(None)
            place += 1
            continue
        if content[place] == _AGAIN:
            known = texts[content[place + 1]]
            if known is None:
                raise ValueError
            span = _Span(known[1], place, place + 2, known[0])
        else:
            value, end = _value(content, place)
            span = _Span(value, place, end)
            if isinstance(value, str):
                texts.append((number, value))
        yield span
        place, number = span.end, number + 1
