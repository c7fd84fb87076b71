"""What redis-py keeps to itself of a connection and its parser, for those who send many commands at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any


def packed(commands: Iterable[Sequence[bytes]]) -> bytes:
    """Commands as bytes of the protocol: for those who send hundreds at once, in a fraction of the time of redis-py."""
    parts = []
    for words in commands:
        parts.append(b"*%d\r\n" % len(words))
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


def reply_taker(connection: Any) -> Callable[[], Any]:
    """What gives the next reply that has arrived whole, read by hiredis; False where none has, a new object without hiredis."""
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    taker: Callable[[], Any] = getattr(reader, "gets", object)
    return taker
