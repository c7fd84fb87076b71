"""Decodes the payload, result and meta of a job, from any program, without executing anything.

RQ stores `data` as zlib(pickle((function, instance, args, kwargs))) or the same in JSON. RQ does not record the serializer,
so it is recognized from the bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from qtui_workers.reading import pickle_reader, quick_pickle
from qtui_workers.reading.plain_data import PlainData
from qtui_workers.server.rq_format import decompress

Kind = Literal["json", "pickle", "text", "bytes"]

MAX_BYTES: Final = 2 * 1024 * 1024
"""At most this many bytes are decoded, counted after decompression."""
PREFIX: Final = 2_048
"""The first bytes of `data`, this many, are enough to find the function's name."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes as plain data that JSON can hold."""

    value: Any
    kind: Kind
    problem: str | None = None
    """A sentence that describes what could not be read; `value` holds the rest."""
    truncated: bool = False
    """Whether a part was left out because it is too long, nested too deep or has too many values."""


@dataclass(frozen=True, slots=True)
class Call:
    """The function that a job calls, and its arguments; `decoded` is the whole `data`, whatever its shape."""

    function: str | None
    instance: Any
    args: list[Any]
    kwargs: dict[str, Any]
    decoded: Decoded


def decode(raw: bytes) -> Decoded:
    """Any bytes as plain data; never raises, never executes, and never takes long (`MAX_BYTES`, `plain_data.MAX_NODES`).

    Reads zlib, pickle of protocols 0 to 5, JSON and text. An object of a class becomes
    `{"__object__": "module.Class", "args": …, "state": …, "items": …}`, dates, decimals, UUIDs and paths become text,
    NaN and infinities too, keys become text, bytes become text where they are UTF-8 and a placeholder where not.
    """
    try:
        content, missing = decompress(raw, MAX_BYTES)
        return _decoded(content, _CUT[missing])
    except (MemoryError, RecursionError) as error:
        return Decoded(None, "bytes", f"too large to be read here: {type(error).__name__}", truncated=True)


_CUT: Final = {
    "beyond the limit": f"only the first {MAX_BYTES:,} bytes were read",
    "not stored": "the compressed data ends too early",
    None: None,
}


def _decoded(content: bytes, cut: str | None) -> Decoded:
    if content[:1] == b"\x80":
        return _from_pickle(pickle_reader.read(content), cut)
    try:
        return _plain(json.loads(content.decode()), "json", None, cut)
    except (ValueError, RecursionError):
        pass
    if content[-1:] == b".":  # protocols 0 and 1 have no header: try to read it as a pickle to its end
        reading = pickle_reader.read(content)
        if reading.problem is None:
            return _from_pickle(reading, cut)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _plain(content, "bytes", None, cut)
    damaged = "JSON that is damaged or cut, shown as text" if text[:1] in ("{", "[") else None
    return _plain(text, "text", damaged, cut)


def _from_pickle(reading: pickle_reader.Reading, cut: str | None) -> Decoded:
    return _plain(reading.value, "pickle", reading.problem, cut or (reading.problem if reading.cut else None))


def _plain(node: Any, kind: Kind, problem: str | None, cut: str | None) -> Decoded:
    """`cut`: why a part was already left out before this call, or None."""
    plain = PlainData()
    value = plain.value(node)
    return Decoded(value, kind, cut or problem, cut is not None or plain.truncated)


def job_call(data: bytes) -> Call:
    """The function and the arguments in the `data` of a job (`rq.job.Job._deserialize_data`)."""
    decoded = decode(data)
    value = decoded.value
    if isinstance(value, list) and len(value) == 4 and isinstance(value[0], str):
        function, instance, args, kwargs = value
        return Call(
            function,
            instance,
            args if isinstance(args, list) else [args],
            kwargs if isinstance(kwargs, dict) else {},
            decoded,
        )
    return Call(function_name(data[:PREFIX]), None, [], {}, decoded)


def quick_call(content: bytes) -> Call | None:
    """The same for uncompressed data that is a pickle of plain data, about ten times as fast; None for everything else.

    Its values are not bounded, as those of `decode` are, but by the length of the content.
    """
    plain, value = quick_pickle.read(content)
    if not plain or not isinstance(value, list) or len(value) != 4:
        return None
    function, instance, args, kwargs = value
    if not (isinstance(function, str) and isinstance(args, list) and isinstance(kwargs, dict)):
        return None
    return Call(function, instance, args, kwargs, Decoded(value, "pickle"))


_JSON_NAME: Final = re.compile(rb'\s*\[\s*("(?:[^"\\]|\\.)*")')
_PICKLE_NAME: Final = re.compile(
    rb"(?:\x80.)?(?:\x95.{8})?\("  # protocol, frame, and the mark that begins a tuple of four
    rb"(?:\x8c(?P<short>.)|X(?P<long>.{4})|U(?P<bytes>.)|V(?P<line>[^\n]*)\n)",
    re.DOTALL,
)


def function_name(raw_prefix: bytes) -> str | None:
    """The function that a job calls, from the first `PREFIX` bytes of its `data` or more; None if they cannot be read.

    Reads only the beginning, which takes a few microseconds, so that lists can show the function of every row.
    """
    if raw_prefix[2:3] in _FIXED and (name := _name_at(raw_prefix[:_HEAD])) is not None:
        return name
    return name_in(decompress(raw_prefix, PREFIX)[0])


_HEAD: Final = 48
"""Bytes of `data` in which a short name is whole."""
_FIXED: Final = frozenset(bytes((each,)) for each in range(256) if each & 6 == 2)
"""How the third byte of a zlib stream may be where its texts are written as ever (RFC 1951, BTYPE 01), as all short ones are:
what jobs of one function begin with is then the same."""


@lru_cache(10_000)
def _name_at(head: bytes) -> str | None:
    """The function in the first bytes of `data`; None where it is not whole there."""
    content, _ = decompress(head, PREFIX)
    is_whole = len(content) > 13 and content[11:13] == b"(\x8c" and content[13] <= len(content) - 14
    return name_in(content) if is_whole else None


def name_in(head: bytes) -> str | None:
    """The same from the beginning of uncompressed data."""
    try:
        if head[:1] == b"\x80" and head[11:13] == b"(\x8c":  # as today's Python writes it, with a frame
            return head[14 : 14 + head[13]].decode("utf-8", "replace")
        if found := _PICKLE_NAME.match(head):
            return _pickled_text(head, found)
        found = _JSON_NAME.match(head)
        name = json.loads(found[1]) if found else None
        return name if isinstance(name, str) else None
    except ValueError:
        return None


def is_json(raw_prefix: bytes) -> bool:
    """Whether the `data` of a job is JSON, from its first `PREFIX` bytes or more; else it is pickled, or of some other kind."""
    head, _ = decompress(raw_prefix, PREFIX)
    return _JSON_NAME.match(head) is not None


_TEXT_OF: Final[dict[str, Callable[[bytes], int]]] = {
    "short": lambda size: size[0],
    "bytes": lambda size: size[0],
    "long": lambda size: int.from_bytes(size, "little"),
}


def _pickled_text(head: bytes, found: re.Match[bytes]) -> str:
    group = found.lastgroup or "line"
    if group == "line":
        return found[group].decode("raw-unicode-escape")
    return head[found.end() : found.end() + _TEXT_OF[group](found[group])].decode("utf-8", "replace")
