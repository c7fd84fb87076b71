"""`qtui resume`: workers take the jobs of a paused queue again."""

from __future__ import annotations

from typing import Final

from qtui.commands import pausing
from qtui.commands.connection import changing, check_queue, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url

ORDER: Final = 210


def resume(
    queues: pausing.Queues = None,
    everything: pausing.All = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Have workers take the jobs of a paused queue again."""
    from qtui_workers.enqueue import pause as pauses

    names = pausing.named(queues, everything, "resume")
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, "qtui resume")
        paused = pauses.paused(client)
        if everything:
            names = sorted(paused)
        for name in names:
            if name not in paused:  # a paused queue may no longer exist
                check_queue(client, name)
        with changing(client, chosen, "resume", ", ".join(names)) as change:
            done = pauses.resume(client, names)
            change.outcome = pausing.outcome(done, names, "resumed")
    already = [name for name in names if name not in done]
    pausing.report("resume", done, already, json, past="resumed", before="was not paused")
