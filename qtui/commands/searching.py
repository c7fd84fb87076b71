"""What the commands that search share: their options, the scope these mean, and the progress on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from qtui.broker.status import Status
from qtui.commands.options import complete_statuses, parse_status
from qtui.presentation import formatting
from qtui.printing import output
from qtui_workers.command_line.declare import option
from qtui_workers.errors import InvalidInput

if TYPE_CHECKING:
    from qtui.broker.search.scan import Scope, SearchBounds

Filter = Annotated[
    str | None,
    option(
        "--filter",
        metavar="EXPR",
        help="Only jobs that fit, such as 'func:send_email error:Timeout age<1h payload.user:42 \"two words\" -word'.",
        show_default=False,
    ),
]
ScanLimit = Annotated[
    int | None,
    option("--scan", min=1, metavar="N", help="Read N jobs at most; without it all of them.", show_default=False),
]
StatusName = Annotated[
    str | None,
    option(
        "--status",
        metavar="S",
        help="One of RQ's statuses; without it those that the filter names.",
        autocompletion=complete_statuses,
    ),
]


def given(text: str | None) -> str:
    """What `--filter` says, '' where it is left out; raises InvalidInput where it is empty, as an unset variable is."""
    if text is not None and not text.strip():
        raise InvalidInput("--filter is empty: leave it out where all jobs are meant")
    return text or ""


def scope_of(queue: str | None, status: str | None, text: str | None, default: tuple[Status, ...]) -> Scope:
    """The jobs that the options mean; raises InvalidInput for a bad status or expression.

    Without `--status` they are those of the statuses that the filter names, and without these of the default ones.
    """
    from qtui.broker.search.expression import parse
    from qtui.broker.search.scan import Scope

    expression = parse(given(text))
    if status is not None:
        return Scope(queue, (parse_status(status),), expression)
    return Scope(queue, expression.statuses() if expression.about("status") else default, expression)


def limits(most: int | None) -> SearchBounds:
    """How far to look; on a terminal the search shows how far it is."""
    from qtui.broker.search.scan import SearchBounds

    shown = output.is_terminal(sys.stderr)
    return SearchBounds(most, on_progress=_progress if shown else lambda _matched, _scanned, _total: None)


def _progress(matched: int, scanned: int, total: int) -> None:
    bar = formatting.bar(scanned / total if total else None, 24)
    end = "\r\x1b[K" if scanned >= total else ""
    output.write_note(
        f"\r{bar} {formatting.count(matched)} found, {formatting.count(scanned)} of {formatting.count(total)} read{end}"
    )


def how_far(scanned: int, total: int, complete: bool) -> str:
    """How far a search looked, for people: '' where it read all."""
    return "" if complete else f"only {formatting.count(scanned)} of {formatting.count(total)} jobs were read: see --scan"
