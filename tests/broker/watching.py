"""Records the commands that a server receives, and whether any of its data changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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


def digest(client: redis.Redis) -> dict[bytes, tuple[bytes | None, bool]]:
    """Every key with its content and whether it expires."""
    return {key: (client.dump(key), client.ttl(key) >= 0) for key in client.scan_iter(count=1000)}
