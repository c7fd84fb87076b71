"""`qtui pause`, `qtui resume`: whether workers take jobs of a queue."""

from __future__ import annotations

from typing import Annotated

import typer

from qtui import output
from qtui.broker import jobs as job_lists
from qtui.commands.look import check_queue
from qtui.commands.options import ContextName, Json, Url, connected, refuse_read_only
from qtui_workers.enqueue import pause as pausing
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

Queues = Annotated[list[str] | None, typer.Argument(metavar="[QUEUE …]", help="The queues' names.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every queue, instead of names.")]


def pause(
    queues: Queues = None, everything: All = False, url: Url = None, context: ContextName = None, json: Json = False
) -> None:
    """Have no qtui-worker take jobs of a queue, at once; running ones end as usual. A plain rq worker knows no pause."""
    _switch("pause", "paused", queues or [], everything, url, context, json)


def resume(
    queues: Queues = None, everything: All = False, url: Url = None, context: ContextName = None, json: Json = False
) -> None:
    """Have workers take the jobs of a paused queue again."""
    _switch("resume", "resumed", queues or [], everything, url, context, json)


def _switch(name: str, past: str, queues: list[str], everything: bool, url: str | None, context: str | None, json: bool) -> None:
    if bool(queues) == everything:
        raise InvalidInput(f"name the queues to {name}, or use --all" + (", not both" if queues else ""))
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, f"qtui {name}")
        paused = pausing.paused(client)
        if everything:
            queues = sorted({*job_lists.queue_names(client)} if name == "pause" else paused)
        for queue in queues:
            if name == "pause" or queue not in paused:
                check_queue(client, queue)
        change = pausing.pause if name == "pause" else pausing.resume
        done = change(client, dict.fromkeys(queues))
    already = [queue for queue in dict.fromkeys(queues) if queue not in done]
    if json:
        output.emit({"operation": name, "done": done, "already": already})
        return
    told = [f"{queue}: {past}" for queue in done]
    told += [f"{queue}: {'paused already' if name == 'pause' else 'was not paused'}" for queue in already]
    output.say(printable("\n".join(told), 20_000, keep_newlines=True) or f"no queue to {name}")
