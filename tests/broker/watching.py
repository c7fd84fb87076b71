"""Records the commands that a server receives, and whether any of its data changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis

BEGIN = "the beginning of what is watched"
END = "the end of what is watched"


@dataclass
class Seen:
    """Commands in the order in which the server ran them."""

    sent: list[str] = field(default_factory=list)
    """By a client: each is a round trip, or a part of a pipeline."""
    by_scripts: list[str] = field(default_factory=list)


@contextmanager
def watching(client: redis.Redis) -> Iterator[Seen]:
    """Every command that any client runs inside the block, as MONITOR reports it."""
    seen = Seen()
    with client.monitor() as monitor:
        client.echo(BEGIN)  # connects the client where MONITOR took its only connection
        while BEGIN not in monitor.next_command()["command"]:
            pass
        yield seen
        client.echo(END)
        while True:
            command = monitor.next_command()
            if END in command["command"]:
                break
            (seen.by_scripts if command["client_type"] == "lua" else seen.sent).append(command["command"])


@contextmanager
def round_trips(client: redis.Redis) -> Iterator[list[int]]:
    """One entry for each time that the client sends something inside the block; a pipeline is sent at once."""
    sent: list[int] = []
    connection = client.connection_pool.get_connection()
    send = connection.send_packed_command
    connection.send_packed_command = lambda command, check_health=True: (sent.append(1), send(command, check_health))[1]
    client.connection_pool.release(connection)
    yield sent
    connection.send_packed_command = send


def digest(client: redis.Redis) -> dict[str, Any]:
    """Every key with its content as plain values; "expires" beside it where it does.

    DUMP would not do: before 7.2 a server moves the fields of a large hash while they are read.
    """
    found: dict[str, Any] = {}
    for key in client.scan_iter(count=1000):
        name = key.decode("utf-8", "surrogateescape")
        found[name] = _READ[client.type(key)](client, key)
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
