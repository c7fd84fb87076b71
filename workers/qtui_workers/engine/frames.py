"""The frames that a worker and its horse exchange: lists of bytes, each with its length."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from qtui_workers.text import decode, encode


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
    """A frame: its length, then each part with its own length before it."""
    body = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return struct.pack(">I", len(body)) + body


def unpack(body: bytes) -> list[bytes]:
    """The parts of a frame without the frame's own length; ValueError where it is no frame."""
    parts, at = [], 0
    while at < len(body):
        if at + 4 > len(body):
            raise ValueError("no frame")
        end = at + 4 + int.from_bytes(body[at : at + 4], "big")
        if end > len(body):
            raise ValueError("no frame")
        parts.append(body[at + 4 : end])
        at = end
    return parts
