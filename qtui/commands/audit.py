"""`qtui audit`: who changed what."""

from __future__ import annotations

from typing import Annotated, Any, Final

from qtui.broker import audit as audits
from qtui.commands.connection import connected
from qtui.commands.options import ContextName, Json, Url
from qtui.presentation import formatting
from qtui.printing import documents, output
from qtui.printing.tables import columns
from qtui_workers.command_line.declare import option

ORDER: Final = 39

Limit = Annotated[int, option("--limit", min=1, max=audits.KEPT, metavar="N", help="The newest N changes.")]
Local = Annotated[bool, option("--local", help="What was done from this machine, on any Redis: needs no connection.")]


def audit(limit: Limit = 50, local: Local = False, url: Url = None, context: ContextName = None, json: Json = False) -> None:
    """Who changed what and how it ended, the newest first: of all operators of this Redis, or of this machine."""
    if local:
        found = audits.load_file(limit)
    else:
        with connected(url, context) as (client, _):
            found = audits.load(client, limit)
    if json:
        output.emit([_document(each) for each in found])
    elif not found:
        output.say("No changes yet.")
    else:
        rows = [
            [
                formatting.date_time(each.at),
                each.by,
                each.connection,
                each.what,
                formatting.count(each.jobs) if each.jobs is not None else "",
                each.about or ", ".join(each.ids),
                each.outcome,
                each.batch,
            ]
            for each in found
        ]
        output.say(columns(["WHEN", "BY", "ON", "WHAT", "JOBS", "WHICH", "OUTCOME", "BATCH"], rows, (4,)))


def _document(entry: audits.Entry) -> dict[str, Any]:
    return {
        "at": documents.iso(entry.at),
        "by": entry.by,
        "connection": entry.connection,
        "what": entry.what,
        "about": entry.about,
        "ids": list(entry.ids),
        "jobs": entry.jobs,
        "done": entry.done,
        "outcome": entry.outcome,
        "batch": entry.batch or None,
        "left": entry.left or None,
    }
