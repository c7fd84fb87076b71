"""Turns a decoded value into plain data that JSON can hold: None, bool, int, float, str, list, dict; its size is bounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final
from uuid import UUID

from qtui_workers.reading.pickle_reader import Instance, Members, Name, Pairs

MAX_NODES: Final = 20_000
MAX_DEPTH: Final = 50
MAX_TEXT: Final = 1_000_000
"""Maximum number of characters of all texts together."""
MAX_BITS: Final = 14_000
"""By default Python converts no integer of more than 4,300 digits into text."""
MAX_HEX: Final = 32

CUT: Final = "… cut here"
AGAIN: Final = "… itself again"


class PlainData:
    """Converts one value, which may be shared and may contain itself, and stops at the bounds of this module."""

    def __init__(self) -> None:
        self.nodes = MAX_NODES
        self.text = MAX_TEXT
        self.truncated = False
        self._path: set[int] = set()

    def value(self, node: Any) -> Any:
        """The node as plain data; the keys of a dict become text."""
        self.nodes -= 1
        if self.nodes < 0 or len(self._path) > MAX_DEPTH:
            self.truncated = True
            return CUT
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, int):
            return node if node.bit_length() <= MAX_BITS else f"an integer of {node.bit_length():,} bits"
        if isinstance(node, float):
            return node if math.isfinite(node) else _not_finite(node)
        if isinstance(node, str):
            return self._cut(node)
        if isinstance(node, bytes | bytearray):
            return self._bytes(bytes(node))
        return self._inside(node)

    def _inside(self, node: Any) -> Any:
        if id(node) in self._path:
            return AGAIN
        self._path.add(id(node))
        try:
            return self._container(node)
        finally:
            self._path.discard(id(node))

    def _container(self, node: Any) -> Any:
        if isinstance(node, list | tuple):
            return self._list(node)
        if isinstance(node, dict):
            return self._dict(list(node.items()))
        if isinstance(node, Pairs):
            return self._dict(node.items)
        if isinstance(node, Members):
            return sorted(self._list(node.items), key=repr)  # a set has no order of its own
        if isinstance(node, Name):
            return {"__object__": self._cut(node.path)}
        if isinstance(node, Instance):
            return self._instance(node)
        return self._cut(repr(type(node)))

    def _list(self, items: Any) -> list[Any]:
        plain: list[Any] = []
        for item in items:
            plain.append(self.value(item))
            if self.nodes < 0:
                break
        return plain

    def _dict(self, pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in pairs:
            name = self.value(key)
            plain[name if isinstance(name, str) else str(name)] = self.value(item)
            if self.nodes < 0:
                break
        return plain

    def _instance(self, node: Instance) -> Any:
        reader = _READABLE.get(node.path)
        if reader is not None:
            try:
                return self.value(reader(node))
            except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
                pass  # not the shape that Python writes: shown as any other object
        plain: dict[str, Any] = {"__object__": self._cut(node.path)}
        if node.args:
            plain["args"] = self.value(node.args)
        if node.state is not None:
            plain["state"] = self.value(node.state)
        if node.appended or node.pairs.items:
            plain["items"] = self.value(node.appended or node.pairs)
        return plain

    def _cut(self, text: str) -> str:
        kept = text[: max(0, self.text)]
        self.text -= len(kept)
        if len(kept) < len(text):
            self.truncated = True
            return kept + CUT
        return kept

    def _bytes(self, raw: bytes) -> str:
        try:
            return self._cut(raw.decode())
        except UnicodeDecodeError:
            return _hex(raw)


def _hex(raw: bytes) -> str:
    more = "…" if len(raw) > MAX_HEX else ""
    return f"<{len(raw):,} bytes: {raw[:MAX_HEX].hex()}{more}>"


def _not_finite(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


# The readers below know how Python pickles its own harmless types. They build these from checked numbers and texts; no
# name in a pickle is ever imported.

_Reader = Callable[[Instance], Any]
"""Returns a node for `PlainData.value`; raises if the instance does not have the shape that Python writes."""


def _raw(node: Any) -> bytes:
    """Bytes: protocol 3 and later write them as they are, earlier ones as `_codecs.encode(text, 'latin1')`."""
    if isinstance(node, Instance) and node.path == "_codecs.encode":
        text, encoding = node.args
        if encoding == "latin1":
            return bytes(text.encode("latin1"))
    if isinstance(node, Instance) and node.path == "builtins.bytes" and not node.args:
        return b""
    if isinstance(node, bytes | bytearray):
        return bytes(node)
    if isinstance(node, str):
        return node.encode("latin1")
    raise TypeError


def _numbers(node: Any) -> list[int]:
    if not all(type(number) is int for number in node):
        raise TypeError
    return list(node)


def _timedelta(node: Instance) -> timedelta:
    days, seconds, microseconds = _numbers(node.args)
    return timedelta(days=days, seconds=seconds, microseconds=microseconds)


def _zone(args: Any) -> tuple[timezone | None, str]:
    """The fixed time zone that was pickled; for a zone that only running code could rebuild, a text with its name."""
    if not args:
        return None, ""
    zone = args[0]
    if isinstance(zone, Instance) and zone.path == "datetime.timezone":
        return timezone(_timedelta(zone.args[0])), ""
    return None, f" {zone.path}" if isinstance(zone, Instance) else " ?"


def _clock(raw: bytes) -> tuple[int, int, int, int]:
    hour, minute, second = raw[0] & 0x7F, raw[1], raw[2]
    return hour, minute, second, int.from_bytes(raw[3:6], "big")


def _datetime(node: Instance) -> str:
    raw = _raw(node.args[0])
    zone, words = _zone(node.args[1:])
    moment = datetime(int.from_bytes(raw[:2], "big"), raw[2] & 0x7F, raw[3], *_clock(raw[4:10]), tzinfo=zone)
    return moment.isoformat() + words


def _date(node: Instance) -> str:
    raw = _raw(node.args[0])
    return date(int.from_bytes(raw[:2], "big"), raw[2], raw[3]).isoformat()


def _time(node: Instance) -> str:
    zone, words = _zone(node.args[1:])
    return time(*_clock(_raw(node.args[0])), tzinfo=zone).isoformat() + words


def _uuid(node: Instance) -> str:
    return str(UUID(int=next(value for key, value in node.state.items if key == "int")))


def _text(node: Instance) -> str:
    (text,) = node.args
    if not isinstance(text, str):
        raise TypeError
    return text


def _complex(node: Instance) -> str:
    real, imaginary = node.args
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise TypeError
    return str(complex(real, imaginary))


def _members(node: Instance) -> list[Any]:
    inside = node.args[0] if node.args else []
    if not isinstance(inside, list | tuple | Members):
        raise TypeError
    return [*(inside.items if isinstance(inside, Members) else inside), *node.appended]


def _mapping(node: Instance) -> Pairs:
    inside = node.args[0].items if node.args and isinstance(node.args[0], Pairs) else []
    return Pairs([*inside, *node.pairs.items])


def _byte_text(node: Instance) -> bytes:
    if node.path == "_codecs.encode":
        return _raw(node)
    return _raw(node.args[0]) if node.args else b""


def _path(kind: type[PurePosixPath] | type[PureWindowsPath]) -> _Reader:
    return lambda node: str(kind(*node.args))


_READABLE: Final[dict[str, _Reader]] = {
    "datetime.datetime": _datetime,
    "datetime.date": _date,
    "datetime.time": _time,
    "datetime.timedelta": lambda node: str(_timedelta(node)),
    "decimal.Decimal": _text,
    "uuid.UUID": _uuid,
    "builtins.complex": _complex,
    "builtins.set": lambda node: Members(_members(node)),
    "builtins.frozenset": lambda node: Members(_members(node)),
    "collections.deque": _members,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "collections.Counter": _mapping,
    "builtins.bytes": _byte_text,
    "builtins.bytearray": _byte_text,
    "_codecs.encode": _byte_text,
    "pathlib.PosixPath": _path(PurePosixPath),
    "pathlib.PurePosixPath": _path(PurePosixPath),
    "pathlib.WindowsPath": _path(PureWindowsPath),
    "pathlib.PureWindowsPath": _path(PureWindowsPath),
}
