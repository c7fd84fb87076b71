"""`qtui job`: everything about one job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from qtui import connection_options
from qtui.broker.one_job import job as whole_job
from qtui.broker.one_job import job_history, job_ids
from qtui.commands.connection import connected, preferences, server_time
from qtui.commands.options import ContextName, JobId, Json, Url
from qtui.preferences import templates
from qtui.printing import documents, listings, output
from qtui_workers.command_line.declare import option

if TYPE_CHECKING:
    import redis

ORDER: Final = 30


def job(
    job_id: JobId,
    takers: Annotated[bool, option("--takers", help="Which workers can take it, one by one, and why the others cannot.")] = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """One job whole: payload, result, traceback, timeline, log."""
    with connected(url, context) as (client, chosen):
        if takers:
            _say_takers(client, job_ids.find(client, job_id), connection_options.suffix(chosen), json=json)
            return
        detail = whole_job.load(client, job_ids.find(client, job_id))
        history = job_history.load(client, detail)
        now = server_time(client)
    links = templates.addresses(preferences().links, detail.row)
    if json:
        output.emit(documents.of_job(detail, history, now, links))
    else:
        output.say(listings.of_job(detail, history, now, links))


def _say_takers(client: redis.Redis, job_id: str, options: str, *, json: bool) -> None:
    from qtui.broker.one_job import takers

    found = takers.load(client, job=job_id)
    if json:
        output.emit(documents.of_takers(found))
    else:
        output.say(listings.of_takers(found, options))
