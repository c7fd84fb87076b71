"""`qtui pause`: workers take no more jobs of a queue."""

from __future__ import annotations

from typing import Final

from qtui.commands import pausing
from qtui.commands.connection import changing, check_queue, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url, Yes

ORDER: Final = 200


def pause(
    queues: pausing.Queues = None,
    everything: pausing.All = False,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Have no qtui-worker take jobs of a queue, at once; running ones end as usual. A plain rq worker knows no pause."""
    from qtui.broker.lists import jobs
    from qtui_workers.enqueue import pause as pauses

    names = pausing.named(queues, everything, "pause", url, context)
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, "pause")
        if everything:
            names = sorted(jobs.queue_names(client))
        for name in names:
            check_queue(client, name)
        question = pausing.question(client, chosen, names, yes=yes, resume=False)
        with changing(client, chosen, "pause", ", ".join(names), question=question) as change:
            done = pauses.pause(client, names)
            change.outcome = pausing.outcome(done, names, "paused")
    already = [name for name in names if name not in done]
    pausing.report("pause", done, already, json, past="paused", before="paused already")
