"""The names that a shell completes. It must be quick and quiet: whatever fails gives no names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from qtui_workers.server import keys
from qtui_workers.server.address import Target
from qtui_workers.server.contexts import Connections, choose, read_config
from qtui_workers.server.prefix import fits
from qtui_workers.server.quick import QuickConnection, Unusual
from qtui_workers.text import decode, printable


def contexts(incomplete: str) -> list[str]:
    """The named connections of the config file that begin like this."""
    with suppress(Exception):
        return sorted(name for name in read_config(Connections).contexts if name.startswith(incomplete))
    return []


def queues(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The queues that begin like this."""
    return _members(keys.QUEUES, keys.QUEUE_PREFIX, incomplete, url, context)


def workers(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The registered workers that begin like this."""
    return _members(keys.WORKERS, keys.WORKER_PREFIX, incomplete, url, context)


def _members(key: str, prefix: str, incomplete: str, url: str | None, context: str | None) -> list[str]:
    """The names in a set of keys; none from the embedded server, which would have to be started."""
    with suppress(Exception):
        chosen = choose(url, context, read_config(Connections))
        if chosen.target.embedded is None and fits(chosen):
            found = (decode(member).removeprefix(prefix) for member in _read(chosen.target, key))
            return sorted(name for name in found if name.startswith(incomplete) and name == printable(name))
    return []


def _read(target: Target, key: str) -> Iterable[bytes]:
    """The members of a set, over the whole client only where that is needed; a server that is away is not tried again."""
    found: set[bytes] = set()
    with suppress(Unusual), QuickConnection(target) as connection:
        found.update(connection.ask([("SMEMBERS", key)])[0])
        return found
    from qtui_workers.server.connection import dial

    with dial(target) as client:
        found.update(client.smembers(key))
    return found
