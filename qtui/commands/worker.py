"""`qtui worker`: commands to one worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from qtui.broker.queues import overview
from qtui.broker.workers import registered_workers
from qtui.broker.workers.worker_commands import COMMANDS, send
from qtui.commands.connection import changing, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url, Yes, known, one_of
from qtui.presentation import questions
from qtui.printing import output
from qtui_workers.command_line.declare import argument
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.naming import suggestion
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

    from qtui.broker.models import WorkerRow
    from qtui.broker.workers.worker_commands import WorkerCommand
    from qtui_workers.server.contexts import Context

ORDER: Final = 220

CHOICES: Final = "|".join(COMMANDS)
MEANING: Final = "; ".join(f"{command.name}: {command.hint}" for command in COMMANDS.values())


def worker(
    name: Annotated[str, argument(metavar="NAME", help="The worker's name.", autocompletion=known("workers"))],
    command: Annotated[str, argument(metavar=CHOICES, help=f"{MEANING}.", autocompletion=one_of(*COMMANDS))],
    yes: Yes = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Tell a worker to shut down, or to end the job that it runs."""
    wanted = COMMANDS.get(command)
    if wanted is None:
        raise InvalidInput(f"'{printable(command, 40)}' is no command to a worker: use one of {', '.join(COMMANDS)}")
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, f"worker {wanted.name}")
        found = _find(client, name)
        question = "" if yes else _question(client, found, wanted, chosen)
        with changing(client, chosen, f"worker {wanted.name}", name, question=question) as change:
            reason = send(client, found, wanted)
            change.outcome = reason or "was sent"
    job = found.current_job if wanted.needs_job else None
    about = f" of job {job}" if job else ""
    sentence = printable(f"{name}: {reason}" if reason else f"{name}: {wanted.name}{about} was sent", 1_000)
    document = {"worker": name, "command": wanted.name, "sent": reason is None, "job": job, "reason": reason}
    output.report(document, sentence, json=json)
    if reason:
        raise SystemExit(1)


def _question(client: redis.Redis, found: WorkerRow, wanted: WorkerCommand, chosen: Context) -> str:
    asked = questions.worker_question(found, wanted, chosen.name)
    return asked if wanted.needs_job else f"{asked} {questions.worker_facts(found, overview.load(client))}"


def _find(client: redis.Redis, name: str) -> WorkerRow:
    """The worker with that name; raises NotFound, with the most similar worker or a list, if there is none."""
    known = registered_workers.load(client)
    for row in known:
        if row.name == name:
            return row
    hint = suggestion(name, [row.name for row in known], "workers")
    raise NotFound(f"there is no worker '{printable(name, 80)}': {hint}")
