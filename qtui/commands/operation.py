"""The command of an operation: `qtui retry`, `qtui remove`, …"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from qtui import connection_options
from qtui.broker.careful_retry import TAKE_BACK, Care, batch_of, run
from qtui.broker.one_job import job_ids
from qtui.broker.operations import GONE, Chosen, Matching, Operation, Plan, Report, Selection, plans
from qtui.broker.search.expression import parse
from qtui.commands.agreeing import agree, check_terminal
from qtui.commands.careful_options import Steps, care_of, parameters
from qtui.commands.connection import audit_of, check_queue, connected, preferences, refuse_read_only
from qtui.commands.listening import say_who_listens
from qtui.commands.options import ContextName, Json, Url, Yes, complete_queues, complete_statuses, parse_status
from qtui.commands.searching import Filter, given
from qtui.commands.stopping import Progress, stopping
from qtui.presentation import equivalent_commands, questions
from qtui.printing import output
from qtui_workers.command_line.declare import REQUIRED, argument, declare, option
from qtui_workers.errors import InvalidInput, NotFound, Refused
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

Ids = Annotated[
    list[str] | None,
    argument(metavar="ID", help="The jobs' ids, whole or the 8 characters that lists show.", show_default=False),
]
Queue = Annotated[
    str | None,
    option("--queue", metavar="Q", help="With --all: only the jobs of this queue.", autocompletion=complete_queues),
]
StatusName = Annotated[
    str | None,
    option("--status", metavar="S", help="With --all: the jobs in this status.", autocompletion=complete_statuses),
]
All = Annotated[bool, option("--all", help="All jobs of a status, instead of ids.")]
DryRun = Annotated[bool, option("--dry-run", help="Say what would be done, and do nothing.")]
Purge = Annotated[bool, option("--purge", help="Delete for good, without the trash; this frees their memory at once.")]

PATIENCE = 0.4
"""Seconds for which many jobs are checked before the question is shown."""


def command_function(operation: Operation) -> Callable[..., None]:
    """The function from which typer makes the command of an operation."""

    def operate(
        ids: Ids = None,
        queue: Queue = None,
        status: StatusName = None,
        expression: Filter = None,
        everything: All = False,
        dry_run: DryRun = False,
        yes: Yes = False,
        url: Url = None,
        context: ContextName = None,
        json: Json = False,
        *,
        value: str | None = None,
        purge: bool = False,
        **careful: Any,
    ) -> None:
        care, batch = care_of(careful), careful.get("batch")
        selection = _selection(operation, ids or [], queue, status, expression, everything, batch)
        doing, value = (operation, value) if batch is None else (TAKE_BACK, batch)
        with connected(url, context) as (client, chosen):
            if not dry_run:
                refuse_read_only(chosen, operation.name)
            selection = _in_full(client, selection)
            planned = _plan(client, doing, selection, value, purge=purge, patience=None if dry_run else 0 if yes else PATIENCE)
            check_found(planned.report(), selection, batch)
            if dry_run:
                here = connection_options.suffix(chosen)
                say_who_listens(client, planned.destinations, here)
                _report(planned.report(), planned, json, here)
                raise SystemExit(0 if planned.doable else 1)
            if planned.doable:
                _agree(client, planned, chosen, care, yes=yes, purge=purge)
            _carry_out(client, planned, chosen, care, json)

    operate.__doc__ = operation.hint
    _declare_options(operate, operation)
    return operate


def _declare_options(function: Callable[..., None], operation: Operation) -> None:
    """Make `value` the option for the operation's parameter and `purge` that of what deletes; leave out what it has not."""
    signature = inspect.signature(function, eval_str=True)
    options = [each for name, each in signature.parameters.items() if name not in ("value", "purge", "careful")]
    if parameter := operation.parameter:
        complete = complete_queues if parameter.is_queue else None
        typed = Annotated[
            str, option(f"--{parameter.name}", metavar=parameter.metavar, help=f"{parameter.hint}.", autocompletion=complete)
        ]
        options.append(inspect.Parameter("value", inspect.Parameter.KEYWORD_ONLY, annotation=typed))
    if operation.deletes:
        options.append(inspect.Parameter("purge", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Purge))
    options += parameters(operation)
    function.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]  # see PEP 362
    function.__annotations__ = {each.name: each.annotation for each in options}
    declare(
        function, {each.name: (each.annotation, REQUIRED if each.default is each.empty else each.default) for each in options}
    )


def _plan(
    client: redis.Redis, operation: Operation, selection: Selection, value: str | None, *, purge: bool, patience: float | None
) -> Plan:
    """The plan; of many jobs, as far as it is known after so many seconds, None for all of it."""
    end = time.monotonic() + (float("inf") if patience is None else patience)
    known = plans(client, operation, selection, value, purge=purge, rules=preferences().trash.rules)
    planned = next(known)
    while time.monotonic() < end and (more := next(known, None)):
        planned = more
    return planned


def _selection(
    operation: Operation,
    ids: list[str],
    queue: str | None,
    status: str | None,
    expression: str | None,
    everything: bool,
    batch: str | None,
) -> Selection:
    if batch is not None:
        if ids or queue or status or expression or everything:
            raise InvalidInput("--batch names the jobs: give nothing else")
        return batch_of(batch)
    if ids and (everything or queue is not None or status is not None or expression is not None):
        raise InvalidInput("name job ids, or use --all with --queue, --status and --filter, not both")
    if ids:
        return Chosen(tuple(ids))
    if not everything:
        raise InvalidInput(f"name the job ids to {operation.name}, or use --all with --queue, --status and --filter")
    fits = parse(given(expression))
    named = fits.statuses() if fits.about("status") else ()
    wanted = parse_status(status) if status is not None else named[0] if len(named) == 1 else operation.usual
    fitting = ", ".join(each.value for each in operation.statuses)
    if wanted is None:
        raise InvalidInput(f"say which jobs to {operation.name}: --status with one of {fitting}")
    if not operation.applies_to(wanted):
        raise InvalidInput(f"{operation.name} does not apply to {wanted.value} jobs, only to: {fitting}")
    return Matching(queue, wanted, fits)


def _in_full(client: redis.Redis, selection: Selection) -> Selection:
    """The selection with whole ids. Raises NotFound where its queue does not exist, and as `job_ids.chosen` does."""
    if not isinstance(selection, Matching):
        return Chosen(job_ids.chosen(client, selection.ids))
    check_queue(client, selection.queue)
    return selection


def check_found(report: Report, selection: Selection, batch: str | None = None) -> None:
    """Raises NotFound if none of the named jobs exists, or of the named batch none is scheduled."""
    if batch is not None and not report.matched:
        raise NotFound(f"no job of a retry '{printable(batch, 40)}' is scheduled: all of them are due, or were taken back")
    if report.matched and not report.done and report.reasons and set(report.reasons) <= GONE:
        match getattr(selection, "ids", ()):
            case (job_id,):
                raise job_ids.not_chosen(job_id)
        raise NotFound("there are no such jobs: they were removed, or their time to be kept is over")


def _agree(client: redis.Redis, planned: Plan, chosen: Context, care: Care, *, yes: bool, purge: bool) -> None:
    """Raises Refused unless the person at the terminal says yes, or types what has to be typed.

    With --yes there is no question; jobs that would be deleted for good without --purge are refused.
    """
    question = printable(questions.operation_question(planned, chosen.name, care))
    memory = questions.memory(planned, undo=f"qtui undo{connection_options.suffix(chosen)}")
    if yes and (purge or not planned.purge):
        return
    if yes:
        raise Refused(f"{memory}: nothing was removed; say --purge to delete for good")
    wanted = questions.to_type(questions.number_to_type(planned, chosen), chosen)
    check_terminal(question, "say --yes, or look first with --dry-run")
    say_who_listens(client, planned.destinations, connection_options.suffix(chosen))
    if memory:
        output.note(memory)
    agree(question, wanted)


def _carry_out(client: redis.Redis, planned: Plan, chosen: Context, care: Care, json: bool) -> None:
    """Does what is planned, and prints the report; raises SystemExit where not all was done."""
    here = connection_options.suffix(chosen)
    again = equivalent_commands.of_operation(planned, chosen, care)
    with stopping() as stop:
        report = run(
            client,
            planned,
            care,
            audit=audit_of(chosen),
            again=again,
            here=here,
            on_progress=Progress(),
            on_step=Steps(),
            stop=stop,
        )
    check_found(report, planned.selection)
    _report(report, planned, json, here)
    stop.finish(report, again)


def _report(report: Report, planned: Plan, json: bool, here: str) -> None:
    text = printable(planned.operation.summary(report), 2_000)
    try:
        output.report(asdict(report), f"would be: {text}" if report.dry_run else text, json=json)
    finally:  # whatever takes the report: what was removed can be put back
        if report.undo:
            output.note(f"qtui undo {report.batch}{here} puts {'it' if report.done == 1 else 'them'} back")
