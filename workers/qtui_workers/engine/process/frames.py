"""The frames that a worker and its horse exchange: lists of bytes, with the length of each."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from qtui_workers.text import decode, encode

_WORD: Final = 4
"""Bytes of a length."""


def text(value: str | None) -> bytes:
    """A text as a part of a frame, also one that was decoded from bytes that are not UTF-8; None as an empty part."""
    return b"" if value is None else encode(value)


def number(value: float | None) -> bytes:
    """A number as a part of a frame; None as an empty part."""
    return b"" if value is None else repr(value).encode()


def read_text(part: bytes) -> str | None:
    """The text of a part; None for an empty part."""
    return decode(part) if part else None


def read_int(part: bytes) -> int | None:
    """The whole number of a part; None for an empty part. ValueError where it is not a whole number."""
    return int(part) if part else None


def read_float(part: bytes) -> float | None:
    """The number of a part; None for an empty part. ValueError where it is not a number."""
    return float(part) if part else None


def pack(parts: Sequence[bytes]) -> bytes:
    """A frame: its length, the number of parts, the length of each, then the parts."""
    lengths = list(map(len, parts))
    whole = _WORD * (len(lengths) + 1) + sum(lengths)
    return struct.pack(f">{len(lengths) + 2}I", whole, len(lengths), *lengths) + b"".join(parts)


def unpack(body: bytes) -> list[bytes]:
    """The parts of a frame without the frame's own length; ValueError where it is no frame."""
    count = int.from_bytes(body[:_WORD])
    at = _WORD * (count + 1)
    if at > len(body):
        raise ValueError("no frame")
    parts = []
    for length in struct.unpack_from(f">{count}I", body, _WORD):
        parts.append(body[at : at + length])
        at += length
    if at != len(body):
        raise ValueError("no frame")
    return parts
