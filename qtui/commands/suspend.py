"""`qtui suspend`: no worker takes a job."""

from __future__ import annotations

from typing import Annotated, Final

from qtui.broker.queues import overview
from qtui.commands import suspension
from qtui.commands.connection import changing, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url, Yes
from qtui.presentation import questions
from qtui_workers.command_line.declare import option

ORDER: Final = 211


def suspend(
    duration: Annotated[
        str | None,
        option("--for", metavar="DURATION", help="It ends by itself after that, such as 10m.", show_default=False),
    ] = None,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Have no worker take a job, at once, as rq suspend does: a plain rq worker too. Running jobs end as usual."""
    from qtui_workers.enqueue import suspension as all_workers

    seconds = suspension.seconds(duration)
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, "suspend")
        question = "" if yes else questions.suspend_question(overview.load(client), chosen.name, resume=False)
        with changing(client, chosen, "suspend", "all workers", question=question) as change:
            new = all_workers.suspend(client, seconds)
            change.outcome = "all workers are suspended"
        suspension.report(client, chosen, "suspend", suspended=True, already=not new, seconds=seconds, json=json)
