"""`qtui hold`: nobody's qtui-worker runs jobs of a function; without one, what is held."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

from qtui import connection_options
from qtui.broker import holds
from qtui.broker.operations import Report
from qtui.commands.connection import changing, connected, server_time
from qtui.commands.operation import DryRun
from qtui.commands.options import ContextName, Given, Json, Url, Yes
from qtui.commands.stopping import Progress
from qtui.presentation import formatting, labels, questions
from qtui.printing import documents, listings, output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.enqueue.holds import parse
from qtui_workers.text import printable

ORDER: Final = 213


def _complete(incomplete: str, given: Given) -> list[str]:
    """The functions of the processors that are known here."""
    from qtui_workers.define import discovery

    return [path for path in discovery.discover().by_path if path.startswith(incomplete) and not given.get("what")]


What = Annotated[
    list[str] | None,
    argument(
        metavar="FUNCTION [FIELD=VALUE]",
        help="The function, or the last parts of its name; and a value of its payload. What is held, where nothing is named.",
        show_default=False,
        autocompletion=_complete,
    ),
]
Reason = Annotated[str, option("--reason", metavar="TEXT", help="Why, for all who look.", show_default=False)]


def hold(
    what: What = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Have no qtui-worker run jobs of a function, at once: they wait, in their order, until qtui release."""
    with connected(url, context) as (client, chosen):
        if not what:
            found = holds.load(client)
            if json:
                output.emit([documents.of_held(each) for each in found])
            else:
                output.say(listings.of_holds(found, server_time(client), connection_options.suffix(chosen)))
            return
        wanted = parse(what)
        seen = holds.preview(client, wanted)
        already = False
        report = seen.plan.report()
        if not dry_run:
            question = "" if yes else questions.hold_question(wanted.text, seen.plan.doable, chosen.name)
            with changing(client, chosen, "hold", wanted.text, question=question) as change:
                already = not holds.place(client, wanted, reason)
                report = holds.sweep(client, wanted, on_progress=Progress())
                change.jobs, change.done = report.matched, report.done
                change.outcome = holds.HOLD.summary(report)
    here = connection_options.suffix(chosen)
    unaware = [row.name for row in seen.unaware]
    document = {**asdict(report), "hold": wanted.text, "already": already, "unaware_workers": unaware}
    output.report(document, printable(_said(wanted.text, report, already, here), 2_000), json=json)
    if unaware and not json:
        output.note(printable(labels.unaware(seen, here), 1_000))
    if report.failed:
        raise SystemExit(1)


def _said(text: str, report: Report, already: bool, here: str) -> str:
    jobs = f"{formatting.count(report.done)} queued {'job' if report.done == 1 else 'jobs'}"
    if report.dry_run:
        return f"would hold {text}: {jobs}, and each new one"
    state = "was held already" if already else "is held from now on"
    return f"{text} {state}; {jobs} put into hold. To have them run again: qtui release {text}{here}"
