"""Reads all queues, the workers and the server at one moment, in two round trips, whatever their number."""

from __future__ import annotations

from typing import Any, Final

import redis

from qtui.broker.models import Overview
from qtui.broker.queues.overview_steps import Round, steps
from qtui_workers.server.scripts import Script

_OVERVIEW: Final = Script.load("overview", "qtui.broker")


def load(client: redis.Redis) -> Overview:
    """The overview of this moment; the rates of the queues are None (`throughput.Throughput` adds them).

    A key of the wrong type counts 0, and its queue is still listed. If the user may not run INFO, the facts of the server are
    None; without TIME, the time is that of our own clock. Raises redis.RedisError if the server cannot answer, or refuses
    another command, and if newer programs write there.
    """
    going = steps()
    asked = next(going)
    while True:
        replies = _replies(client, asked)
        try:
            asked = going.send(replies)
        except StopIteration as end:
            found: Overview = end.value
            return found


def _replies(client: redis.Redis, asked: Round) -> list[Any]:
    """The replies, in one round trip once the server knows the script."""

    def beside(pipe: redis.client.Pipeline) -> None:
        for command in asked.commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's

    if asked.blocks:
        return _OVERVIEW.read_many(client, [asked.arguments] * len(asked.blocks), asked.blocks, beside=beside)
    with client.pipeline(transaction=False) as pipe:
        beside(pipe)
        return pipe.execute(raise_on_error=False)
