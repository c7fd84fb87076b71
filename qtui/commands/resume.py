"""`qtui resume`: workers take the jobs of a paused queue again."""

from __future__ import annotations

from typing import Annotated, Final

from qtui import connection_options
from qtui.commands import pausing
from qtui.commands.connection import changing, check_queue, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url, Yes
from qtui_workers.command_line.declare import option
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from qtui_workers.server.replies import unless_wrong_type
from qtui_workers.text import encode

ORDER: Final = 210


def resume(
    queues: pausing.Queues = None,
    everything: pausing.All = False,
    workers: Annotated[bool, option("--workers", help="All workers, after qtui suspend or rq suspend.")] = False,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Have workers take the jobs of a paused queue again; or end the suspension of all workers."""
    if workers:
        _resume_workers(queues, everything, url, context, yes=yes, json=json)
        return
    from qtui_workers.enqueue import pause as pauses

    names = pausing.named(queues, everything, "resume", url, context)
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, "resume")
        paused = pauses.paused(client)
        if everything:
            names = sorted(paused)
        for name in names:
            if name not in paused:  # a paused queue may no longer exist
                check_queue(client, name)
        question = pausing.question(client, chosen, names, yes=yes, resume=True)
        with changing(client, chosen, "resume", ", ".join(names), question=question) as change:
            done = pauses.resume(client, names)
            change.outcome = pausing.outcome(done, names, "resumed")
        if not json:
            from qtui.commands.listening import say_who_listens

            waiting = [name for name in done if unless_wrong_type(client.llen, encode(keys.queue(name)))]
            say_who_listens(client, waiting, connection_options.suffix(chosen))
    already = [name for name in names if name not in done]
    pausing.report("resume", done, already, json, past="resumed", before="was not paused")


def _resume_workers(
    queues: list[str] | None, everything: bool, url: str | None, context: str | None, *, yes: bool, json: bool
) -> None:
    from qtui.broker.queues import overview
    from qtui.commands import suspension
    from qtui.presentation import questions
    from qtui_workers.enqueue import suspension as all_workers

    if queues or everything:
        raise InvalidInput("--workers is about all workers, not about queues: resume them with a second command")
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, "resume")
        question = "" if yes else questions.suspend_question(overview.load(client), chosen.name, resume=True)
        with changing(client, chosen, "resume", "all workers", question=question) as change:
            ended = all_workers.end(client)
            change.outcome = "all workers take jobs again" if ended else "they were not suspended"
        suspension.report(client, chosen, "resume", suspended=False, already=not ended, json=json)
