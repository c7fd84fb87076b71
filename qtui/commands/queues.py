"""`qtui queues`: every queue with its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtui import connection_options
from qtui.broker.queues import quick_overview
from qtui.commands.connection import chosen_context, connected_to, note_clock
from qtui.commands.options import ContextName, Json, Url
from qtui.printing import output
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.models import Overview
    from qtui_workers.server.contexts import Context

ORDER: Final = 10


def queues(url: Url = None, context: ContextName = None, json: Json = False) -> None:
    """Every queue with its counts."""
    chosen, _ = chosen_context(url, context)
    seen = quick_overview.look(chosen.target) or _whole_look(chosen)
    note_clock(own=seen.own_clock)
    if json:
        from qtui.printing import documents

        output.emit([documents.of_queue(row, suspended=seen.suspended) for row in seen.queues])
    else:
        from qtui.printing import listings

        output.note(printable(f"connection: {chosen.name}"))
        output.say(listings.of_queues(seen, connection_options.suffix(chosen)))


def _whole_look(chosen: Context) -> Overview:
    from qtui.broker.queues import overview

    with connected_to(chosen) as client:
        return overview.load(client)
