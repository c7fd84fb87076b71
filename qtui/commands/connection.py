"""The connection that a command's options select, and the checks that are made before anything is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtui.commands.options import Global
from qtui.preferences.settings import Preferences
from qtui.presentation import formatting
from qtui.printing import output
from qtui_workers.errors import NotFound, Refused
from qtui_workers.naming import suggestion
from qtui_workers.server import prefix
from qtui_workers.server.contexts import Context, choose, read_config
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

    from qtui.broker.audit import Audit, Change


def chosen_context(url: str | None, context: str | None) -> tuple[Context, Preferences]:
    """The connection selected by these options, or by those before the command's name; and the user's preferences."""
    found = preferences()
    formatting.Times.local = found.times == "local"
    chosen = choose(Global.url if url is None else url, Global.context if context is None else context, found)
    prefix.check(chosen)
    return chosen, found


@contextmanager
def connected(url: str | None, context: str | None) -> Iterator[tuple[redis.Redis, Context]]:
    """A connected client and its connection; every error of Redis inside the block is raised as RedisUnavailable."""
    chosen, _ = chosen_context(url, context)
    with connected_to(chosen) as client:
        yield client, chosen


@contextmanager
def connected_to(chosen: Context) -> Iterator[redis.Redis]:
    """The same for a connection that was chosen before."""
    import redis

    from qtui_workers.server.connection import dial, explain

    client = dial(chosen.target)
    try:
        yield client
    except (redis.RedisError, OSError) as error:
        raise explain(error, chosen.name) from error
    finally:
        client.close()


def preferences() -> Preferences:
    """What the config file says."""
    return read_config(Preferences)


def refuse_read_only(chosen: Context, what: str) -> None:
    """Raises Refused if the connection is read-only; `what`: the refused command, without `qtui`."""
    if chosen.read_only:
        raise Refused(f"{chosen.name} is read-only: qtui {what} was not done")


@contextmanager
def changing(
    client: redis.Redis, chosen: Context, what: str, about: str = "", ids: tuple[str, ...] = (), *, question: str = ""
) -> Iterator[Change]:
    """Every change that a command makes is made inside such a block: it is recorded in the audit, however it ends.

    Raises Refused if the connection is read-only, or wants its name and it is not typed. `what`: the command without `qtui`;
    `about`: to what it is done; `question`: says how many it is about; '' where none is needed, or it was answered before.
    """
    refuse_read_only(chosen, what)
    if question:
        ask_or_say(chosen, question)
    with audit_of(chosen).change(client, what, about, ids) as change:
        yield change


def ask_or_say(chosen: Context, question: str) -> None:
    """Says what is about to be done; where the connection wants its name before any change, asks for it.

    Raises Refused where the person does not type it.
    """
    if chosen.confirm != "name":
        if not question.endswith("?"):
            output.note(printable(question.replace("? ", ". ", 1), 1_000))
        return
    from qtui.commands.agreeing import agree, check_terminal
    from qtui.presentation import questions

    check_terminal(printable(question, 1_000), "say --yes")
    agree(printable(question, 1_000), questions.to_type(None, chosen))


def audit_of(chosen: Context) -> Audit:
    """Where the changes over a connection are recorded."""
    from qtui.broker.audit import Audit

    return Audit(chosen.name, output.note)


def check_queue(client: redis.Redis, queue: str | None) -> None:
    """Raises NotFound, with the most similar queue or a list, if there is no such queue; None means all queues."""
    from qtui.broker.lists import jobs

    if queue is not None and queue not in (known := jobs.queue_names(client)):
        raise NotFound(f"there is no queue '{printable(queue, 80)}': {suggestion(queue, known, 'queues')}")


def server_time(client: redis.Redis) -> float:
    """The server's clock, in seconds since the epoch: with it, ages are right even if this machine's clock is wrong.

    Where the server refuses to give it, that of this machine, and a note says so.
    """
    from qtui.broker import clock

    now = clock.now(client)
    note_clock(own=now.is_own)
    return now.seconds


def note_clock(*, own: bool) -> None:
    """Says on standard error where ages are by this machine's clock."""
    if own:
        output.note("Redis does not tell us its time: ages are by the clock of this machine. Grant +time (ACL SETUSER).")
