"""`qtui limits`: the rate limits, how much of each is used, and which are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from qtui.commands.connection import changing, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url, Yes, known
from qtui.presentation import formatting, questions
from qtui.printing import documents, output
from qtui.printing.tables import columns
from qtui_workers.command_line.declare import option
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui_workers.rate.limit_usage import LimitUsage

ORDER: Final = 35


def limits(
    reopen: Annotated[
        list[str] | None,
        option(
            "--reopen",
            metavar="NAME",
            help="Open a closed limit instead; may be repeated.",
            show_default=False,
            autocompletion=known("limits"),
        ),
    ] = None,
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """The rate limits: how many starts are used, when the next is free, and until when a limit is closed."""
    from qtui_workers.rate.limiter import Limits

    with connected(url, context) as (client, chosen):
        known = Limits(client)
        if not reopen:
            return _show(known.states(), json)
        refuse_read_only(chosen, "limits --reopen")
        named = list(dict.fromkeys(reopen))
        waiting = sum(known.state(name).waiting for name in named)  # NotFound before anything is changed
        question = "" if yes else questions.reopen_question(named, waiting, chosen.name)
        with changing(client, chosen, "limits --reopen", ", ".join(named), question=question) as change:
            done = [name for name in named if known.reopen(name)]
            change.outcome = f"{len(done):,} of {len(named):,} open again"
    document = {"operation": "reopen", "done": done, "already": [name for name in named if name not in done]}
    lines = [f"{printable(name)}: {'open again' if name in done else 'was not closed'}" for name in named]
    output.report(document, "\n".join(lines), json=json)
    return None


def _show(usages: list[LimitUsage], json: bool) -> None:
    if json:
        output.emit([_document(usage) for usage in usages])
    elif not usages:
        output.say("No limits yet: @processor(limit=Limit(max=5, per=60)) gives a queue one.")
    else:
        head = ["LIMIT", "MAX", "PER", "USED", "WAITING", "NEXT FREE", "CLOSED UNTIL", "BECAUSE"]
        rows = [_row(usage) for usage in usages]
        if not any(usage.closed_until for usage in usages):
            head, rows = head[:-2], [row[:-2] for row in rows]
        output.say(columns(head, rows, range(1, 6)))


def _row(usage: LimitUsage) -> list[str]:
    return [
        usage.name,
        formatting.count(usage.max),
        formatting.duration(usage.per),
        formatting.count(usage.used),
        formatting.count(usage.waiting),
        "now" if usage.next_free_in <= 0 else f"in {formatting.duration(usage.next_free_in)}",
        formatting.date_time(usage.closed_until.timestamp()) if usage.closed_until else "",
        usage.closed_because or "",
    ]


def _document(usage: LimitUsage) -> dict[str, Any]:
    return {
        "name": usage.name,
        "max": usage.max,
        "per_seconds": usage.per,
        "used": usage.used,
        "waiting": usage.waiting,
        "next_free_seconds": usage.next_free_in,
        "next_free_at": documents.iso(usage.next_free_at.timestamp()),
        "closed_until": documents.iso(usage.closed_until.timestamp()) if usage.closed_until else None,
        "closed_because": usage.closed_because,
    }
