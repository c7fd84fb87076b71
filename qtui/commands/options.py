"""The options that many commands share, and the connection they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from qtui.settings import Preferences
from qtui_workers.errors import Refused
from qtui_workers.server.contexts import Context, choose, read_config

if TYPE_CHECKING:
    import redis

Url = Annotated[
    str | None,
    typer.Option("--url", help="Where Redis is: redis://, rediss://, unix:// or embedded:", metavar="URL", show_default=False),
]
ContextName = Annotated[
    str | None,
    typer.Option("--context", help="A named connection of the config file.", metavar="NAME", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")]


class Global:
    """`--url` and `--context` given before the command's name."""

    url: str | None = None
    context: str | None = None


def chosen_context(url: str | None, context: str | None) -> tuple[Context, Preferences]:
    """The connection these options lead to, and the person's preferences."""
    mine = read_config(Preferences)
    return choose(url or Global.url, context or Global.context, mine), mine


@contextmanager
def connected(url: str | None, context: str | None) -> Iterator[tuple[redis.Redis, Context]]:
    """A client that has answered, and the connection's name; whatever Redis says amiss becomes RedisUnavailable."""
    import redis

    from qtui_workers.server.connection import dial, explain

    chosen, _ = chosen_context(url, context)
    client = dial(chosen.target)
    try:
        yield client, chosen
    except (redis.RedisError, OSError) as error:
        raise explain(error, chosen.name) from error
    finally:
        client.close()


def refuse_read_only(chosen: Context, what: str) -> None:
    """Raises Refused where nothing may be changed."""
    if chosen.read_only:
        raise Refused(f"{chosen.name} is read-only: {what} was not done")
