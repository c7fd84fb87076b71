"""`qtui stack`: where the code of a running job is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from qtui.broker.one_job import job_ids
from qtui.broker.one_job import stack as stacks
from qtui.commands.connection import changing, connected
from qtui.commands.options import ContextName, JobId, Json, Url
from qtui.printing import documents, listings, output
from qtui_workers.command_line.declare import option

if TYPE_CHECKING:
    from qtui_workers.reporting.stack import StackAnswer

ORDER: Final = 31
FAILED: Final = 1


def stack(
    job_id: JobId,
    once: Annotated[bool, option("--once", help="Only now, not again after two seconds.")] = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Where the code of a running job is: its Python stack, and again two seconds later.

    A qtui-worker tells it, and writes it into the job's log too; what the job does is not disturbed. Exit code 1 where it
    cannot be had.
    """
    found: list[StackAnswer] = []
    with connected(url, context) as (client, chosen):
        whole = job_ids.find(client, job_id)
        with changing(client, chosen, "stack", ids=(whole,)) as change:
            for answer in stacks.ask_twice(client, whole):
                if not json:
                    output.say(listings.of_stack(whole, answer, found[-1] if found else None))
                found.append(answer)
                if once:
                    break
            change.outcome = "reported" if found[-1].stack else "not reported"
    if json:
        output.emit(documents.of_stacks(whole, found))
    if found[-1].stack is None:
        raise SystemExit(FAILED)
