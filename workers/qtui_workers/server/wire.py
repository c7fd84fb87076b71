"""What redis-py keeps to itself of a connection and its parser, for those who send many commands at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis


def packed(commands: Iterable[Sequence[bytes]]) -> bytes:
    """Commands as bytes of the protocol: for those who send hundreds at once, in a fraction of the time of redis-py."""
    parts = []
    for words in commands:
        parts.append(b"*%d\r\n" % len(words))
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


@contextmanager
def pooled_connection(client: redis.Redis) -> Iterator[Any]:
    """A connection of a client, for callers that send commands and take replies by themselves.

    Where the block is left before its end, the connection is closed: replies that nobody wants any more may be on the way.
    """
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    done = False
    try:
        yield connection
        done = True
    finally:
        if not done:
            connection.disconnect()
        pool.release(connection)


def reply_taker(connection: Any) -> Callable[[], Any]:
    """A function that returns the next reply which has arrived whole, False where none has; without hiredis, a new object."""
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    taker: Callable[[], Any] = getattr(reader, "gets", object)
    return taker
