"""`qtui release`: held jobs run again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

from qtui import connection_options
from qtui.broker import holds
from qtui.commands.connection import ask_or_say, changing, connected, refuse_read_only
from qtui.commands.listening import say_who_listens
from qtui.commands.operation import DryRun
from qtui.commands.options import ContextName, Given, Json, Url, Yes, known
from qtui.commands.stopping import Progress
from qtui.presentation import questions
from qtui.printing import output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.enqueue.holds import parse
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.text import printable

ORDER: Final = 216


def _complete(incomplete: str, given: Given) -> list[str]:
    """The next word of what is held."""
    begun = "".join(f"{word} " for word in given.get("what") or ())
    found = known("holds")(begun + incomplete, given)
    return list(dict.fromkeys(text.removeprefix(begun).split(" ")[0] for text in found))


What = Annotated[
    list[str] | None,
    argument(metavar="FUNCTION [FIELD=VALUE]", help="What qtui hold lists.", show_default=False, autocompletion=_complete),
]
All = Annotated[bool, option("--all", help="Everything that is held.")]


def release(
    what: What = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Have held jobs run again: they go back to the head of their queue, in their order."""
    if bool(what) == everything:
        raise InvalidInput(
            "say what to release: FUNCTION, or FUNCTION FIELD=VALUE, or use --all" + (", not both" if what else "")
        )
    reports = []
    with connected(url, context) as (client, chosen):
        if not dry_run:
            refuse_read_only(chosen, "release")
        known = {found.hold.text: found for found in holds.load(client)}
        wanted = sorted(known) if everything else [parse(what or ()).text]
        for text in wanted:
            if text not in known:
                raise NotFound(f"{printable(text)} is not held: qtui hold{connection_options.suffix(chosen)} lists what is")
        if wanted and not (dry_run or yes):
            ask_or_say(chosen, questions.release_question([known[text] for text in wanted], chosen.name))
        for text in wanted:
            if dry_run:
                reports.append((text, holds.plan_release(client, text).report()))
            else:
                with changing(client, chosen, "release", text) as change:
                    _, report = holds.release(client, text, on_progress=Progress())
                    change.jobs, change.done = report.matched, report.done
                    change.outcome = holds.PUT_BACK.summary(report)
                reports.append((text, report))
        queues = {queue for text in wanted for queue in known[text].waiting}
        say_who_listens(client, [] if json else sorted(queues), connection_options.suffix(chosen))
    lines = [f"{text}: {holds.PUT_BACK.summary(report)}" for text, report in reports] or ["nothing is held"]
    would = "would be: " if dry_run else ""
    sentence = printable("\n".join(would + line for line in lines), 20_000, keep_newlines=True)
    output.report([{**asdict(report), "hold": text} for text, report in reports], sentence, json=json)
    if any(report.failed for _, report in reports):
        raise SystemExit(1)
