"""`qtui workers`: every worker and what it does."""

from __future__ import annotations

from typing import Final

from qtui import connection_options
from qtui.broker.workers import workers_at_work
from qtui.commands.connection import connected, server_time
from qtui.commands.options import ContextName, Json, Url
from qtui.printing import documents, listings, output
from qtui_workers.enqueue import suspension
from qtui_workers.text import printable

ORDER: Final = 15


def workers(url: Url = None, context: ContextName = None, json: Json = False) -> None:
    """Every worker: what it listens to, what it runs and for how long, its memory, and its last sign of life."""
    with connected(url, context) as (client, chosen):
        found = workers_at_work.load(client)
        now = None if json else server_time(client)
        suspended = now is not None and suspension.is_in_force(client)
    if json:
        output.emit([documents.of_worker(row) for row in found])
    elif now is not None:
        output.note(printable(f"connection: {chosen.name}"))
        output.say(listings.of_workers(found, now, connection_options.suffix(chosen)))
        if suspended:
            output.say(listings.suspended(connection_options.suffix(chosen)))
