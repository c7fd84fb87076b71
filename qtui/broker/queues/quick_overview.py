"""The overview by a connection for one look: no client is loaded, so that the counts are there at once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from qtui.broker.models import Overview
from qtui.broker.queues.overview_steps import Round, steps
from qtui_workers.server.address import Target
from qtui_workers.server.quick_connection import QuickConnection, Unusual
from qtui_workers.server.script_text import ScriptText
from qtui_workers.server.versions import OLDEST, READ_ONLY_SCRIPTS, numbers

_OVERVIEW: Final = ScriptText.load("overview", "qtui.broker")


def look(target: Target) -> Overview | None:
    """What `overview.load` gives; None where anything is out of the ordinary, which the whole client has to find out and say."""
    with suppress(Exception), QuickConnection(target) as connection:
        return _look(connection)
    return None


def _look(connection: QuickConnection) -> Overview:
    going = steps()
    asked = next(going)
    info, *others = connection.ask(asked.commands)
    facts = _facts(info)
    version = numbers(str(facts.get("redis_version", "")))
    if version < OLDEST or facts.get("cluster_enabled") or facts.get("redis_mode") == "cluster":
        raise Unusual
    replies = [facts, *others]
    while True:
        try:
            asked = going.send(replies)
        except StopIteration as end:
            found: Overview = end.value
            return found
        replies = connection.ask([*_calls(asked, "EVALSHA_RO" if version >= READ_ONLY_SCRIPTS else "EVALSHA"), *asked.commands])


def _calls(asked: Round, verb: str) -> list[tuple[Any, ...]]:
    return [(verb, _OVERVIEW.digest, 0, *_OVERVIEW.values(*names, **asked.arguments)) for names in asked.blocks]


def _facts(info: bytes) -> dict[str, Any]:
    """The reply to INFO as redis-py has it: by name, whole numbers as such."""
    pairs = (line.partition(":") for line in info.decode().splitlines() if not line.startswith("#"))
    return {name: int(value) if value.isdigit() else value for name, colon, value in pairs if colon}
