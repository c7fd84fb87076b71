"""Two copies of a keyspace, compared as a person would: what is in which key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
