"""What redis-py keeps to itself of a connection and its parser, for those who send many commands at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def reply_taker(connection: Any) -> Callable[[], Any]:
    """What gives the next reply that has arrived whole, read by hiredis; False where none has, a new object without hiredis."""
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    taker: Callable[[], Any] = getattr(reader, "gets", object)
    return taker
