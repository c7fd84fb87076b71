"""`qtui jobs`: a window of jobs."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from qtui import documents, listings, output
from qtui.broker import jobs as job_lists
from qtui.broker.status import Status
from qtui.commands.connection import check_queue, connected, server_time
from qtui.commands.options import ContextName, Json, Url, parse_status

ORDER: Final = 20


def jobs(
    queue: Annotated[str | None, typer.Argument(help="The queue; all of them where none is named.", show_default=False)] = None,
    status: Annotated[str, typer.Option("--status", help="One of RQ's statuses.", metavar="S")] = Status.QUEUED.value,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="How many at most.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, metavar="N", help="How many to pass over.")] = 0,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """A window of jobs, newest first."""
    wanted = parse_status(status)
    with connected(url, context) as (client, _):
        check_queue(client, queue)
        window = job_lists.window(client, queue, wanted, offset, limit)
        now = server_time(client)
    if json:
        output.emit(documents.of_window(window))
    else:
        output.say(listings.of_jobs(window, now))
