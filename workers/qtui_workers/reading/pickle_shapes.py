"""Reads pickles that differ only in their values: the first of a shape is read whole, of the others only the values.

A shape is all of a pickle but its values, byte by byte: whoever writes jobs of one function writes few shapes. Like the reader
that it spares (`quick_pickle`), this executes nothing, and what it returns is the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from math import isfinite
from typing import Any, Final, NamedTuple

from qtui_workers.reading import quick_pickle
from qtui_workers.reading.matching import argument

MOST_SHAPES: Final = 8
"""Shapes that are kept for one function."""
MOST_FUNCTIONS: Final = 1_000
LONGEST: Final = 4_096
"""Bytes of a pickle that may become a shape."""

_HEADS: Final = (b"\x80\x04\x95", b"\x80\x05\x95")
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

    def values(self, content: bytes) -> list[Any] | None:
        """The values of a pickle of this shape; None for any other."""
        found: list[Any] = []
        place = _BODY
        last = len(self.between) - 1
        try:
            for number, fixed in enumerate(self.between):
                if not content.startswith(fixed, place):
                    return None
                place += len(fixed)
                if number == last:
                    return found if place == len(content) else None
                value, place = _value(content, place)
                if self.texts and isinstance(value, str) is not self.texts[number]:
                    return None
                found.append(value)
        except (ValueError, IndexError, struct.error):
            pass
        return None


class Shapes:
    """The shapes that were seen so far."""

    def __init__(self) -> None:
        self._by_function: dict[bytes, list[Shape]] = {}

    def read(self, content: bytes) -> tuple[Shape, list[Any]] | None:
        """The shape of a pickled call and its values; None where it has none that is known, or can be."""
        if len(content) < 14 or not content.startswith(_HEADS) or content[11:13] != b"(\x8c":
            return None
        name = content[14 : 14 + content[13]]
        known = self._by_function.get(name, ())
        for shape in known:
            values = shape.values(content)
            if values is not None:
                return shape, values
        if len(known) < MOST_SHAPES and (made := _shape(content)):
            if len(self._by_function) >= MOST_FUNCTIONS:
                self._by_function.clear()
            self._by_function.setdefault(name, []).append(made)
            return made, made.values(content) or []
        return None


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


def _shape(content: bytes) -> Shape | None:
    """The shape of a pickled call with plain data only; None where a value is used again, or it is long."""
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
    again = [(place, span.again) for place, span in enumerate(spans) if span.again is not None]
    if any(slots[place] for pair in again for place in pair):
        return None
    borders = [_BODY]
    for span in compress(spans, slots):
        borders += [span.start, span.end]
    borders.append(len(content))
    between = (content[start:end] for start, end in zip(borders[::2], borders[1::2], strict=True))
    texts = tuple(isinstance(span.value, str) for span in compress(spans, slots)) if again else None
    return Shape(function, tuple(between), texts, args, kwargs)


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
