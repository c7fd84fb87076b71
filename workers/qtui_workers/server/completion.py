"""The names that a shell completes. It must be quick and quiet: whatever fails gives no names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from qtui_workers.server import keys
from qtui_workers.server.address import Target
from qtui_workers.server.contexts import Connections, choose, read_config
from qtui_workers.server.prefix import fits
from qtui_workers.server.quick_connection import QuickConnection, Unusual
from qtui_workers.text import decode, printable

LATELY: Final = 200
"""So many of the newest changes in the audit are looked at."""


def contexts(incomplete: str) -> list[str]:
    """The named connections of the config file that begin like this."""
    with suppress(Exception):
        return sorted(name for name in read_config(Connections).contexts if name.startswith(incomplete))
    return []


def queues(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The queues that begin like this."""
    return _names(("SMEMBERS", keys.QUEUES), keys.QUEUE_PREFIX, incomplete, url, context)


def workers(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The registered workers that begin like this."""
    return _names(("SMEMBERS", keys.WORKERS), keys.WORKER_PREFIX, incomplete, url, context)


def removals(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The batches in the trash that begin like this."""
    return _names(("ZRANGE", keys.TRASH, 0, -1), "", incomplete, url, context)


def limits(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The limiters that begin like this."""
    return _names(("SMEMBERS", keys.LIMITERS), "", incomplete, url, context)


def holds(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """What is held and begins like this, such as "shop.charge customer_id=42"."""
    return _names(("HKEYS", keys.HOLDS), "", incomplete, url, context)


def causes(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The fingerprints of the acknowledged causes that begin like this."""
    return _names(("HKEYS", keys.ACKNOWLEDGED), "", incomplete, url, context)


def retries(incomplete: str, url: str | None = None, context: str | None = None) -> list[str]:
    """The batches of the retries that were done with care lately and begin like this, as the audit has them."""
    found = []
    with suppress(Exception):
        import json

        for _, fields in _answer(("XREVRANGE", keys.AUDIT, "+", "-", "COUNT", LATELY), url, context):
            given = json.loads(decode(fields[b"entry"] if isinstance(fields, dict) else fields[1]))
            if given["what"] == "retry" and given["batch"]:
                found.append(str(given["batch"]))
    return _fitting(found, incomplete)


def _names(command: tuple[str | int, ...], prefix: str, incomplete: str, url: str | None, context: str | None) -> list[str]:
    """The names in a key, which all begin with a prefix."""
    with suppress(Exception):
        return _fitting((decode(name).removeprefix(prefix) for name in _answer(command, url, context)), incomplete)
    return []


def _fitting(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in set(names) if name.startswith(incomplete) and name == printable(name))


def _answer(command: tuple[str | int, ...], url: str | None, context: str | None) -> Iterable[Any]:
    """The reply, over the whole client only where that is needed; a server that is away is neither started nor tried again."""
    chosen = choose(url, context, read_config(Connections))
    if not fits(chosen):
        return ()
    is_embedded = chosen.target.embedded is not None
    with suppress(Unusual), QuickConnection(_running(chosen.target) if is_embedded else chosen.target) as connection:
        found: list[Any] = connection.ask([command])[0]
        return found
    if is_embedded:
        return ()
    from qtui_workers.server.connection import dial

    with dial(chosen.target) as client:
        answer: Iterable[Any] = client.execute_command(*command)
        return answer


def _running(target: Target) -> Target:
    """The socket of the embedded server as an address; raises OSError where it does not run."""
    from urllib.parse import quote

    from qtui_workers.server.embedded import found_socket

    return Target(f"unix://{quote(found_socket(target.embedded))}", target.label)
