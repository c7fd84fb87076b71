"""The command of an operation: `qtui retry`, `qtui remove`, …"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from qtui import formatting, output, questions
from qtui.broker import job_ids, listeners
from qtui.broker.operations import GONE, Chosen, Matching, Operation, Parameter, Plan, Report, Selection, plan, run
from qtui.broker.search.expression import parse
from qtui.commands.connection import check_queue, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url, complete_queues, complete_statuses, parse_status
from qtui.commands.searching import Filter
from qtui_workers.errors import InvalidInput, NotFound, Refused
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID …]", help="The jobs' ids, whole or the 8 characters that lists show.", show_default=False),
]
Queue = Annotated[
    str | None,
    typer.Option("--queue", metavar="Q", help="With --all: only the jobs of this queue.", autocompletion=complete_queues),
]
StatusName = Annotated[
    str | None,
    typer.Option("--status", metavar="S", help="With --all: the jobs in this status.", autocompletion=complete_statuses),
]
All = Annotated[bool, typer.Option("--all", help="All jobs of a status, instead of ids.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")]


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
    ) -> None:
        selection = _selection(operation, ids or [], queue, status, expression, everything)
        with connected(url, context) as (client, chosen):
            if not dry_run:
                refuse_read_only(chosen, f"qtui {operation.name}")
            if isinstance(selection, Matching):
                check_queue(client, selection.queue)
            else:
                selection = Chosen(job_ids.chosen(client, selection.ids))
            planned = plan(client, operation, selection, value)
            _check_found(planned)
            if dry_run:
                _say_who_listens(client, planned)
                _report(planned.report(), planned, json)
                raise typer.Exit(0 if planned.doable else 1)
            if planned.doable and not yes:
                _ask(client, planned, chosen)
            report = run(client, operation, planned, on_progress=show_progress)
        _report(report, planned, json)
        if report.failed or report.skipped:
            raise typer.Exit(1)

    operate.__doc__ = operation.hint
    _declare_option(operate, operation.parameter)
    return operate


def _declare_option(function: Callable[..., None], parameter: Parameter | None) -> None:
    """Make `value` the option for the operation's parameter, or hide it from typer if the operation has none."""
    signature = inspect.signature(function, eval_str=True)
    others = [each for name, each in signature.parameters.items() if name != "value"]
    options = []
    if parameter:
        option = typer.Option(f"--{parameter.name}", metavar=parameter.metavar, help=f"{parameter.hint}.")
        options = [inspect.Parameter("value", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, option])]
    function.__signature__ = signature.replace(parameters=[*others, *options])  # type: ignore[attr-defined]  # see PEP 362
    function.__annotations__ = {each.name: each.annotation for each in (*others, *options)}


def _selection(
    operation: Operation, ids: list[str], queue: str | None, status: str | None, expression: str | None, everything: bool
) -> Selection:
    if ids and (everything or queue or status or expression):
        raise InvalidInput("name job ids, or use --all with --queue, --status and --filter, not both")
    if ids:
        return Chosen(tuple(ids))
    if not everything:
        raise InvalidInput(f"name the job ids to {operation.name}, or use --all with --queue, --status and --filter")
    parsed = parse(expression or "")
    named = parsed.statuses() if parsed.about("status") else ()
    wanted = parse_status(status) if status else named[0] if len(named) == 1 else operation.usual
    fitting = ", ".join(each.value for each in operation.statuses)
    if wanted is None:
        raise InvalidInput(f"say which jobs to {operation.name}: --status with one of {fitting}")
    if not operation.applies_to(wanted):
        raise InvalidInput(f"qtui {operation.name} does not apply to {wanted.value} jobs, only to: {fitting}")
    return Matching(queue, wanted, parsed)


def _check_found(planned: Plan) -> None:
    """Raises NotFound if none of the named jobs exists."""
    if planned.matched and not planned.doable and set(planned.reasons) <= GONE:
        raise NotFound("there is no such job: it was removed, or its time to be kept is over")


def _say_who_listens(client: redis.Redis, planned: Plan) -> None:
    """A note where nobody would run the jobs soon."""
    for queue in listeners.load(client, planned.destinations[: questions.NAMED]) if planned.destinations else ():
        if not queue.at_work:
            output.note(printable(questions.listening(queue), 300))


def _ask(client: redis.Redis, planned: Plan, chosen: Context) -> None:
    """Raises Refused unless the person at the terminal says yes, or types the number of jobs where they are many."""
    question = printable(questions.operation_question(planned, chosen.name))
    number = questions.number_to_type(planned, guarded=chosen.guarded)
    if not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
        raise Refused(f"{question} There is no terminal to ask on: say --yes, or look first with --dry-run")
    _say_who_listens(client, planned)
    output.write_note(f"{question} Type {formatting.count(number)} to go on: " if number else f"{question} [y/N] ")
    answer = sys.stdin.readline().strip().lower()
    if not (formatting.is_count(answer, number) if number else answer in ("y", "yes")):
        raise Refused("nothing was done")


def show_progress(done: int, total: int) -> None:
    """How far an operation is, on standard error."""
    if output.is_terminal(sys.stderr):
        end = "\n" if done >= total else ""
        bar = formatting.bar(done / total if total else None, 24)
        output.write_note(f"\r{bar} {formatting.count(done)} of {formatting.count(total)}{end}")


def _report(report: Report, planned: Plan, json: bool) -> None:
    if json:
        output.emit(asdict(report))
    else:
        text = printable(planned.operation.summary(report), 2_000)
        output.say(f"would be: {text}" if report.dry_run else text)
