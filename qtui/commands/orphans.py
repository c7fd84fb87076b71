"""`qtui orphans`: jobs that wait and that no list holds, so that nobody will ever run them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

from qtui import connection_options
from qtui.broker import orphans as broker
from qtui.broker.one_job import job_ids
from qtui.broker.operations import Chosen, plan, run
from qtui.commands.agreeing import agree, check_terminal
from qtui.commands.connection import audit_of, connected, refuse_read_only, server_time
from qtui.commands.operation import check_found
from qtui.commands.options import ContextName, Json, Url, Yes
from qtui.commands.stopping import stopping
from qtui.presentation import equivalent_commands, formatting, labels, questions
from qtui.printing import documents, output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

ORDER: Final = 194

Ids = Annotated[list[str] | None, argument(metavar="ID", help="With --put-back: only these.", show_default=False)]
PutBack = Annotated[bool, option("--put-back", help="Put them at the head of their queues.")]


def orphans(
    ids: Ids = None,
    put_back: PutBack = False,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Jobs that wait but that no queue or schedule holds, as their worker died when it had just taken them."""
    with connected(url, context) as (client, chosen):
        if put_back:
            refuse_read_only(chosen, "orphans --put-back")
        elif ids:
            raise InvalidInput("ids are for --put-back: which of the jobs are put back")
        chosen_ids = job_ids.chosen(client, ids) if ids else ()
        if not ids:
            with stopping() as stop:
                found = broker.find(client, stop=stop)
            if not put_back:
                _show(found, server_time(client), json, connection_options.suffix(chosen))
                return
            chosen_ids = tuple(row.id for row in found.jobs)
        planned = plan(client, broker.PUT_BACK, Chosen(chosen_ids))
        if planned.doable and not yes:
            whose = "its queue" if planned.doable == 1 else "their queues"
            question = f"Put {formatting.count(planned.doable)} back at the head of {whose} on {chosen.name}?"
            check_terminal(question, "say --yes")
            agree(question, questions.to_type(questions.number_to_type(planned, chosen), chosen))
        check_found(planned.report(), planned.selection)
        again = equivalent_commands.of_operation(planned, chosen)
        with stopping() as stop:
            report = run(client, broker.PUT_BACK, planned, audit=audit_of(chosen), again=again, stop=stop)
    output.report(asdict(report), printable(broker.PUT_BACK.summary(report), 2_000), json=json)
    stop.finish(report, again)


def _show(found: broker.Orphans, now: float, json: bool, here: str) -> None:
    if json:
        jobs = [documents.of_job_row(row, now) for row in found.jobs]
        output.emit({"scanned": found.scanned, "complete": found.complete, "jobs": jobs})
        return
    number, read = formatting.count(len(found.jobs)), formatting.count(found.scanned)
    lines = [f"{row.id}  {row.queue or '–'}  {labels.job_line(row)}" for row in found.jobs]
    advice = f"; qtui orphans --put-back{here} puts them at the head of their queues" if found.jobs else ""
    lines.append(
        f"{number} in no list, of {read} jobs{'' if found.complete else ' that were read, and there may be more'}{advice}"
    )
    output.say("\n".join(printable(line, 300) for line in lines))
