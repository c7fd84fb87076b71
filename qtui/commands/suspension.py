"""What `qtui suspend` and `qtui resume --workers` share: for how long, and what is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtui import connection_options
from qtui.broker.queues import overview
from qtui.presentation import questions
from qtui.printing import output
from qtui_workers.define.durations import parse_duration
from qtui_workers.errors import InvalidInput
from qtui_workers.server.contexts import Context

if TYPE_CHECKING:
    import redis


def seconds(text: str | None) -> int | None:
    """The whole seconds that a text says; None where there is none. Raises InvalidInput for less than one."""
    if text is None:
        return None
    found = int(parse_duration(text).total_seconds())
    if found < 1:
        raise InvalidInput("suspend for at least a second")
    return found


def report(
    client: redis.Redis,
    chosen: Context,
    command: str,
    *,
    suspended: bool,
    already: bool,
    seconds: int | None = None,
    json: bool = False,
) -> None:
    """Print what is so from now on, and how many workers and waiting jobs it is about."""
    seen = overview.load(client)
    figures = {"workers": seen.workers, "queued": questions.queued(seen), "seconds": seconds}
    sentence = questions.suspension_sentence(
        seen, suspended=suspended, already=already, seconds=seconds, here=connection_options.suffix(chosen)
    )
    output.report({"operation": command, "suspended": suspended, "already": already, **figures}, sentence, json=json)
