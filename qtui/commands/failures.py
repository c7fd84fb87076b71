"""`qtui failures`: failed jobs by cause, and which causes are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from qtui import connection_options
from qtui.broker.diagnosis import acknowledged
from qtui.broker.search import groups
from qtui.broker.status import Status
from qtui.commands.connection import changing, check_queue, connected, refuse_read_only, server_time
from qtui.commands.options import ContextName, Given, Json, Url, Yes, complete_queues, known, one_of
from qtui.commands.searching import Filter, ScanLimit, how_far, limits, scope_of
from qtui.printing import documents, listings, output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

ORDER: Final = 32
ALIKE: Final = 4
"""A fingerprint that begins with the same characters, so many, may be meant."""


def _complete(incomplete: str, given: Given) -> list[str]:
    """A queue or a verb; after `unack` a cause that somebody has acknowledged."""
    match given.get("words") or ():
        case ():
            return [*one_of("ack", "unack")(incomplete, given), *complete_queues(incomplete, given)]
        case ("unack",):
            return known("causes")(incomplete, given)
    return []


Words = Annotated[
    list[str] | None,
    argument(
        metavar="QUEUE | ack FINGERPRINT | unack FINGERPRINT",
        help="The queue, all of them where none is named; or a cause to acknowledge, or to forget.",
        show_default=False,
        autocompletion=_complete,
    ),
]
Note = Annotated[str, option("--note", metavar="TEXT", help="With ack: what is known about the cause.", show_default=False)]


def failures(
    words: Words = None,
    expression: Filter = None,
    scan: ScanLimit = None,
    note: Note = "",
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Failed jobs by cause, the most frequent first; new causes are marked until someone acknowledges them."""
    first, rest = (words[0], words[1:]) if words else (None, [])
    if first is not None and rest:
        _acknowledge(first, rest, note, url, context, yes=yes, json=json)
        return
    scope = scope_of(first, None, expression, (Status.FAILED,))
    with connected(url, context) as (client, _):
        check_queue(client, scope.queue)
        now = server_time(client)
        found = groups.causes(client, scope, now, limits=limits(scan))
        known = acknowledged.load(client)
    if json:
        output.emit(documents.of_causes(found, known))
        return
    output.say(listings.of_causes(found, known, scope.queue, now))
    if incomplete := how_far(found.scanned, found.total, found.complete):
        output.note(incomplete)


def _acknowledge(verb: str, rest: list[str], note: str, url: str | None, context: str | None, *, yes: bool, json: bool) -> None:
    if verb not in ("ack", "unack") or len(rest) != 1:
        raise InvalidInput("write the name of one queue, or ack FINGERPRINT, or unack FINGERPRINT")
    (fingerprint,) = rest
    if len(fingerprint) > 40 or not fingerprint.isalnum():
        raise InvalidInput(
            f"'{printable(fingerprint, 40)}' is not a fingerprint: failures by cause have them, such as 473fb45a6b73"
        )
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, f"failures {verb}")
        now = server_time(client)
        _check_cause(client, fingerprint, now, connection_options.suffix(chosen))
        question = "" if yes else f"{'Acknowledge' if verb == 'ack' else 'Forget'} the cause {fingerprint} on {chosen.name}?"
        with changing(client, chosen, f"failures {verb}", fingerprint, question=question) as change:
            if verb == "ack":
                acknowledged.acknowledge(client, fingerprint, note, now)
            elif not acknowledged.forget(client, fingerprint):
                raise NotFound(f"{fingerprint} was not acknowledged")
            change.outcome = f"known: {note}" if verb == "ack" and note else "known" if verb == "ack" else "new"
    state = "known" if verb == "ack" else "new"
    document = {"fingerprint": fingerprint, "state": state, "note": note if note and verb == "ack" else None}
    output.report(document, f"{fingerprint} is {state} from now on", json=json)


def _check_cause(client: redis.Redis, fingerprint: str, now: float, here: str) -> None:
    """Raises NotFound, with the fingerprint that begins alike, if no failed job has the cause and nobody has acknowledged it."""
    known = frozenset(acknowledged.load(client))
    if fingerprint in known:
        return
    known |= groups.fingerprints(client, now, fingerprint, limits(None))
    if fingerprint not in known:
        begin = fingerprint[:ALIKE].lower()
        near = [each for each in sorted(known) if len(begin) == ALIKE and each.startswith(begin)]
        meant = f"did you mean {' or '.join(near[:3])}? " if near else ""
        raise NotFound(f"no failed job has the cause {fingerprint}: {meant}qtui failures{here} lists all causes")
