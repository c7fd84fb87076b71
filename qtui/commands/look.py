"""`qtui queues`, `qtui jobs`, `qtui job`: commands that look and never write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qtui import output
from qtui.broker import job as jobs_whole
from qtui.broker import jobs as job_lists
from qtui.broker import overview
from qtui.broker.status import Status
from qtui.commands.options import ContextName, Json, Url, connected
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis


def queues(url: Url = None, context: ContextName = None, json: Json = False) -> None:
    """Every queue with its counts."""
    with connected(url, context) as (client, _):
        seen = overview.load(client)
    if json:
        output.emit([output.queue_json(row) for row in seen.queues])
    else:
        output.say(output.queues_text(seen))


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
        now = _server_time(client)
    if json:
        output.emit(output.window_json(window))
    else:
        output.say(output.jobs_text(window, now))


def job(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id.")],
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """One job whole: payload, result, traceback, timeline, log."""
    with connected(url, context) as (client, _):
        detail = jobs_whole.load(client, job_id)
        now = _server_time(client)
    if json:
        output.emit(output.detail_json(detail))
    else:
        output.say(output.detail_text(detail, now))


def _server_time(client: redis.Redis) -> float:
    """The server's clock: ages are not wrong where this machine's is."""
    seconds, micros = client.time()
    return seconds + micros / 1e6


def parse_status(text: str) -> Status:
    """The status of that name; InvalidInput that lists them all where there is none."""
    try:
        return Status(text)
    except ValueError:
        known = ", ".join(status.value for status in Status)
        raise InvalidInput(f"'{printable(text, 40)}' is not a status: use one of {known}") from None


def check_queue(client: redis.Redis, queue: str | None) -> None:
    """Raises NotFound, with the queues there are, for a queue that Redis does not have."""
    if queue is not None and queue not in (known := job_lists.queue_names(client)):
        names = ", ".join(printable(name, 60) for name in known[:20]) or "none"
        raise NotFound(f"there is no queue '{printable(queue, 80)}': the queues are {names}")
