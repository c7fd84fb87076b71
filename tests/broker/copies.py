"""Two copies of a keyspace, compared as a person would: what is in which key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from tests.support import Server


@contextmanager
def copied(server: Server, client: redis.Redis) -> Iterator[redis.Redis]:
    """A client of a second database that holds the same keys."""
    with redis.Redis(unix_socket_path=server.socket, db=1, socket_timeout=10) as other:
        for key in client.scan_iter(count=1000):
            content = client.dump(key)
            assert isinstance(content, bytes)
            other.restore(key, max(0, client.pttl(key)), content)
        yield other


def keyspace(client: redis.Redis) -> dict[str, Any]:
    """Every key with its content as plain values; "expires" beside it where it does."""
    found: dict[str, Any] = {}
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        name = key.decode()
        found[name] = _READ[kind](client, key)
        if client.ttl(key) >= 0:
            found[f"{name} expires"] = True
    return found


_READ: dict[bytes, Any] = {
    b"hash": lambda client, key: client.hgetall(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: dict(client.zrange(key, 0, -1, withscores=True)),
    b"stream": lambda client, key: client.xrange(key),
    b"string": lambda client, key: client.get(key),
}
