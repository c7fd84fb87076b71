"""The connection that the options of a command lead to, and what is checked over it before anything is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtui.commands.options import Global
from qtui.settings import Preferences
from qtui_workers.errors import NotFound, Refused
from qtui_workers.server.contexts import Context, choose, read_config
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis


def chosen_context(url: str | None, context: str | None) -> tuple[Context, Preferences]:
    """The connection that these options, or those before the command's name, lead to; and the person's preferences."""
    preferences = read_config(Preferences)
    return choose(url or Global.url, context or Global.context, preferences), preferences


@contextmanager
def connected(url: str | None, context: str | None) -> Iterator[tuple[redis.Redis, Context]]:
    """A client that has answered, and the connection's name; every error of Redis becomes RedisUnavailable."""
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


def check_queue(client: redis.Redis, queue: str | None) -> None:
    """Raises NotFound, with the queues there are, for a queue that Redis does not have; None is all queues."""
    from qtui.broker import jobs

    if queue is not None and queue not in (known := jobs.queue_names(client)):
        names = ", ".join(printable(name, 60) for name in known[:20]) or "none"
        raise NotFound(f"there is no queue '{printable(queue, 80)}': the queues are {names}")


def server_time(client: redis.Redis) -> float:
    """The server's clock, seconds since the epoch: ages are right also where this machine's clock is not."""
    seconds, micros = client.time()
    return seconds + micros / 1e6
