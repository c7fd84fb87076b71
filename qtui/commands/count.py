"""`qtui count`: what is in a queue or a status, by function, worker, error, queue or a value of the payload."""

from __future__ import annotations

from typing import Annotated, Final

from qtui.broker.search import groups
from qtui.broker.status import Status
from qtui.commands.connection import check_queue, connected, server_time
from qtui.commands.options import ContextName, Json, QueueName, Url, one_of
from qtui.commands.searching import Filter, ScanLimit, StatusName, how_far, limits, scope_of
from qtui.printing import documents, listings, output
from qtui_workers.command_line.declare import option

ORDER: Final = 34


def count(
    queue: QueueName = None,
    what: Annotated[
        str,
        option(
            "--by",
            metavar="WHAT",
            help="function, worker, error, queue, status or payload.FIELD.",
            autocompletion=one_of(*groups.BY, "payload."),
        ),
    ] = "function",
    status: StatusName = None,
    expression: Filter = None,
    scan: ScanLimit = None,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """How many jobs there are of each function, worker, error, queue or payload value; by default of the queued ones."""
    by = groups.by(what)
    scope = scope_of(queue, status, expression, (Status.QUEUED,))
    with connected(url, context) as (client, _):
        check_queue(client, queue)
        now = server_time(client)
        found = groups.count(client, scope, by, now, limits=limits(scan))
    if json:
        output.emit(documents.of_counts(found, by.name, now))
        return
    output.say(listings.of_counts(found, by.name, now))
    if incomplete := how_far(found.scanned, found.total, found.complete):
        output.note(incomplete)
