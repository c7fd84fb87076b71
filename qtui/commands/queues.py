"""`qtui queues`: every queue with its counts."""

from __future__ import annotations

from typing import Final

from qtui import documents, listings, output
from qtui.broker import overview
from qtui.commands.connection import connected, note_clock
from qtui.commands.options import ContextName, Json, Url
from qtui_workers.text import printable

ORDER: Final = 10


def queues(url: Url = None, context: ContextName = None, json: Json = False) -> None:
    """Every queue with its counts."""
    with connected(url, context) as (client, chosen):
        seen = overview.load(client)
    note_clock(own=seen.own_clock)
    if json:
        output.emit([documents.of_queue(row) for row in seen.queues])
    else:
        output.note(printable(f"connection: {chosen.name}"))
        output.say(listings.of_queues(seen))
