"""Users of a server with exactly the rights of a role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from qtui_workers.server.rights import Rights
from tests.support import Server, reads_with

PASSWORD = "p"


@contextmanager
def user(server: Server, client: redis.Redis, role: Rights, *more: str, without: str = "") -> Iterator[str]:
    """The address of the server for a user with the rules of that role, without one of them, and then with `more`.

    Where nothing was changed, the server must have refused nothing at the end of the block.
    """
    rules = role.rules(read_only_scripts=reads_with(client) == "EVALSHA_RO").split()
    kept = [rule for rule in rules if rule != without]
    client.execute_command("ACL", "SETUSER", role.name, "reset", "on", f">{PASSWORD}", *kept, *more)
    client.acl_log_reset()
    try:
        yield f"unix://{role.name}:{PASSWORD}@{server.socket}"
        if [*kept, *more] == rules:
            assert refused(client) == []
    finally:
        client.acl_deluser(role.name)


def refused(client: redis.Redis) -> list[str]:
    """What the server has refused: commands, keys or channels; without redis-py's name for itself, which is decoration."""
    entries = [(entry["object"], entry["context"]) for entry in client.acl_log()]
    return [f"{name} ({context})" for name, context in entries if name.lower() not in ("client|setinfo", "client")]


@contextmanager
def without_rights(client: redis.Redis, *commands: str) -> Iterator[redis.Redis]:
    """A client of a user who has no right to these commands."""
    client.acl_setuser("blind", enabled=True, nopass=True, commands=["+@all", *(f"-{name}" for name in commands)], keys=["*"])
    kwargs = client.connection_pool.connection_kwargs
    try:
        with redis.Redis(unix_socket_path=kwargs["path"], username="blind", password="") as blind:
            yield blind
    finally:
        client.acl_deluser("blind")
