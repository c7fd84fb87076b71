"""What `qtui pause` and `qtui resume` share: which queues are named, and what is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from qtui.commands.connection import chosen_context
from qtui.commands.options import complete_queues
from qtui.connection_options import suffix
from qtui.printing import output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

    from qtui_workers.server.contexts import Context

Queues = Annotated[
    list[str] | None,
    argument(metavar="QUEUE", help="The queues' names.", show_default=False, autocompletion=complete_queues),
]
All = Annotated[bool, option("--all", help="Every queue, instead of names.")]


def named(queues: list[str] | None, everything: bool, command: str, url: str | None, context: str | None) -> list[str]:
    """The named queues, without duplicates; none with `--all`. Raises InvalidInput if neither or both are given."""
    if bool(queues) == everything:
        here = suffix(chosen_context(url, context)[0])
        workers = "" if queues else f"; all workers: qtui {'suspend' if command == 'pause' else 'resume --workers'}{here}"
        raise InvalidInput(f"name the queues to {command}, or use --all" + (", not both" if queues else workers))
    return list(dict.fromkeys(queues or []))


def question(client: redis.Redis, chosen: Context, names: list[str], *, yes: bool, resume: bool) -> str:
    """The question before queues are paused, or resumed; '' where none is needed."""
    if yes or not names:
        return ""
    from qtui.broker.queues import overview
    from qtui.broker.status import Status
    from qtui.presentation import questions

    rows = [row for row in overview.load(client).queues if row.name in names]
    return questions.pause_question(names, sum(row.count(Status.QUEUED) for row in rows), chosen.name, resume=resume)


def outcome(done: list[str], names: list[str], past: str) -> str:
    """How many of the named queues were changed, for the audit."""
    return f"{len(done):,} of {len(names):,} {past}"


def report(command: str, done: list[str], already: list[str], json: bool, *, past: str, before: str) -> None:
    """Print which queues were changed, and which were already in the wanted state."""
    lines = [f"{queue}: {past}" for queue in done] + [f"{queue}: {before}" for queue in already]
    sentence = printable("\n".join(lines), 20_000, keep_newlines=True) or f"no queue to {command}"
    output.report({"operation": command, "done": done, "already": already}, sentence, json=json)
