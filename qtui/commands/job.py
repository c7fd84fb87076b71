"""`qtui job`: everything about one job."""

from __future__ import annotations

from typing import Annotated, Final

from qtui import documents, listings, output, templates
from qtui.broker import job as whole_job
from qtui.broker import job_ids
from qtui.commands.connection import connected, preferences, server_time
from qtui.commands.options import ContextName, Json, Url
from qtui_workers.command_line.declare import argument

ORDER: Final = 30


def job(
    job_id: Annotated[str, argument(metavar="ID", help="The job's id, or its beginning as lists show it.")],
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """One job whole: payload, result, traceback, timeline, log."""
    with connected(url, context) as (client, _):
        detail = whole_job.load(client, job_ids.find(client, job_id))
        now = server_time(client)
    links = templates.addresses(preferences().links, detail.row)
    if json:
        output.emit(documents.of_job(detail, now, links))
    else:
        output.say(listings.of_job(detail, now, links))
