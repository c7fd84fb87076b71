"""`qtui undo`: puts back what a `qtui remove` took."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from qtui import connection_options
from qtui.broker.bulk import trash
from qtui.commands.connection import ask_or_say, audit_of, connected, refuse_read_only, server_time
from qtui.commands.options import ContextName, Json, Url, Yes, known
from qtui.commands.stopping import Progress, stopping
from qtui.presentation import equivalent_commands, formatting, questions
from qtui.printing import documents, output
from qtui.printing.tables import columns
from qtui_workers.command_line.declare import argument, option
from qtui_workers.text import printable

ORDER: Final = 195

BatchName = Annotated[
    str | None,
    argument(
        metavar="BATCH",
        help="Which removal; the last one where none is named.",
        show_default=False,
        autocompletion=known("removals"),
    ),
]
Listing = Annotated[bool, option("--list", help="Show what can be put back, and change nothing.")]


def undo(
    batch: BatchName = None,
    listing: Listing = False,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Put removed jobs back as they were, into their places; of a queue, before those that came later."""
    with connected(url, context) as (client, chosen):
        if listing:
            _show(trash.batches(client), server_time(client), json)
            return
        refuse_read_only(chosen, "undo")
        found = trash.find(client, batch, connection_options.suffix(chosen))
        again = equivalent_commands.command("undo", [found.id], chosen)
        question = questions.undo_question(found, chosen.name, server_time(client))
        if not yes:
            ask_or_say(chosen, question)
        elif batch is None and not json:
            output.note(printable(question.partition("?")[0], 1_000))
        with stopping() as stop:
            report = trash.undo(client, found, audit=audit_of(chosen), again=again, on_progress=Progress(), stop=stop)
    output.report(asdict(report), printable(trash.summary(report), 2_000), json=json)
    stop.finish(report, again)


def _show(found: list[trash.Batch], now: float, json: bool) -> None:
    if json:
        output.emit([_document(each) for each in found])
    elif not found:
        output.say("The trash is empty.")
    else:
        rows = [
            [
                each.id,
                formatting.count(each.jobs) + (f" + {formatting.count(each.unplaced)} not in place" if each.unplaced else ""),
                formatting.ago(each.at, now),
                formatting.age(each.expires_seconds),
                formatting.size(each.bytes),
                each.by,
                each.about,
            ]
            for each in found
        ]
        output.say(columns(["BATCH", "JOBS", "REMOVED", "KEPT FOR", "ABOUT", "BY", "WHAT"], rows, (1, 4)))


def _document(batch: trash.Batch) -> dict[str, Any]:
    return {
        "batch": batch.id,
        "jobs": batch.jobs,
        "unplaced": batch.unplaced,
        "removed": batch.removed,
        "removed_at": documents.iso(batch.at),
        "expires_seconds": batch.expires_seconds,
        "bytes": batch.bytes,
        "by": batch.by,
        "connection": batch.connection,
        "about": batch.about,
    }
