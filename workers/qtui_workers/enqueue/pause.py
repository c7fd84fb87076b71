"""Pausing single queues, which has an effect at once: the script that takes jobs reads the set of paused queues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import redis

from qtui_workers.server import keys
from qtui_workers.text import decode, encode


def pause(connection: redis.Redis, queues: Iterable[str]) -> list[str]:
    """Pauses these queues: no worker of ours takes their jobs from now on. Returns those that were not paused before.

    Raises TypeError where one name is given in place of several.
    """
    return _each(connection.sadd, queues)


def resume(connection: redis.Redis, queues: Iterable[str]) -> list[str]:
    """Resumes these queues: their jobs are taken again. Returns those that were paused."""
    return _each(connection.srem, queues)


def paused(connection: redis.Redis) -> set[str]:
    """The queues that are paused."""
    return {decode(name) for name in connection.smembers(keys.PAUSED)}


def _each(change: Callable[..., Any], queues: Iterable[str]) -> list[str]:
    if isinstance(queues, str):  # each of its letters would be a queue
        raise TypeError(f"give a list of queues: [{queues!r}]")
    return [name for name in queues if change(keys.PAUSED, encode(name))]
