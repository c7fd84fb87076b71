"""`qtui jobs`: a window of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from qtui.broker.status import Status
from qtui.commands.connection import check_queue, connected, server_time
from qtui.commands.options import ContextName, Given, Json, QueueName, Url, one_of, parse_status
from qtui.commands.searching import Filter, ScanLimit, StatusName, how_far, limits, scope_of
from qtui.printing import documents, listings, output
from qtui_workers.command_line.declare import option

if TYPE_CHECKING:
    from qtui.broker.search.sorting import Sort

ORDER: Final = 20


def _complete_sorts(incomplete: str, given: Given) -> list[str]:
    from qtui.broker.search.sorting import SORTS

    return one_of(*SORTS)(incomplete, given)


def jobs(
    queue: QueueName = None,
    status: StatusName = None,
    expression: Filter = None,
    sort: Annotated[
        str | None,
        option(
            "--sort",
            metavar="FIELD",
            help="newest, oldest, took, attempts, function, queue, worker, id or ended.",
            show_default=False,
            autocompletion=_complete_sorts,
        ),
    ] = None,
    reverse: Annotated[bool, option("--reverse", help="The other way round.")] = False,
    limit: Annotated[int, option("--limit", min=1, max=10_000, metavar="N", help="How many at most.")] = 50,
    offset: Annotated[int, option("--offset", min=0, metavar="N", help="How many to pass over.")] = 0,
    scan: ScanLimit = None,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """A window of jobs, newest first; with a filter or an order, of those that a search through all of them finds."""
    if expression is not None or sort is not None or scan or reverse:
        from qtui.broker.search import find

        order = _order(sort, reverse=reverse)
        scope = scope_of(queue, status, expression, (Status.QUEUED,))
        with connected(url, context) as (client, _):
            check_queue(client, queue)
            now = server_time(client)
            found = find.find(client, scope, now, sort=order, limits=limits(scan))
            rows = find.page(client, found, offset, limit)
        document, text = documents.of_found(found, offset, rows, now), listings.of_found(found, offset, rows, now)
        incomplete = how_far(found.scanned, found.total, found.complete)
    else:
        from qtui.broker.lists import jobs as job_lists

        wanted = Status.QUEUED if status is None else parse_status(status)
        with connected(url, context) as (client, _):
            check_queue(client, queue)
            window = job_lists.window(client, queue, wanted, offset, limit)
            now = server_time(client)
        document, text, incomplete = documents.of_window(window, now), listings.of_jobs(window, now), ""
    if json:
        output.emit(document)
        return
    output.say(text)
    if incomplete:
        output.note(incomplete)


def _order(name: str | None, *, reverse: bool) -> Sort:
    from qtui.broker.search.sorting import NEWEST, sort_named

    found = NEWEST if name is None else sort_named(name)
    return found.reversed if reverse else found
