"""Who would run what is put into a queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis
from rq import Queue
from rq.suspension import suspend

from qtui.broker.workers import listeners
from qtui.presentation import questions
from qtui_workers.enqueue.pause import pause
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time
from tests.broker import seed


def register(client: redis.Redis, name: str, queue: str, *, ours: bool = False, busy: bool = False, silent: bool = False) -> None:
    """A worker as it registers itself."""
    worker = seed.Worker([Queue(queue, connection=client)], connection=client, name=name)
    worker.register_birth()
    if ours:
        client.hset(keys.worker(name), keys.FIELD_HOLDER, "1")
    if busy:
        client.sadd(keys.worker_executions(name), "job:1")
    if silent:
        client.hset(keys.worker(name), "last_heartbeat", format_time((datetime.now(UTC) - timedelta(seconds=450)).timestamp()))
        client.expire(keys.worker(name), 30)


def said(client: redis.Redis, queue: str = "mail") -> str:
    (found,) = listeners.load(client, [queue])
    return questions.listening(found)


def test_living_workers_are_counted_by_their_kind(client: redis.Redis) -> None:
    assert said(client) == "mail: nobody listens; the jobs will wait"
    register(client, "w1", "mail", ours=True)
    assert said(client) == "mail: 1 qtui-worker listens"
    register(client, "w2", "mail", ours=True, busy=True)
    register(client, "w3", "mail")
    register(client, "w4", "media")
    assert said(client) == "mail: 2 qtui-workers and 1 rq worker listen, 1 busy"


def test_silent_workers_do_not_listen_and_are_said(client: redis.Redis) -> None:
    register(client, "w1", "mail", silent=True)
    assert said(client) == "mail: nobody listens, 1 worker silent; the jobs will wait"
    register(client, "w2", "mail")
    assert said(client) == "mail: 1 rq worker listens, 1 more silent"


@pytest.mark.parametrize("how", ["paused", "suspended"])
def test_a_queue_from_which_nothing_is_taken(client: redis.Redis, how: str) -> None:
    register(client, "w1", "mail", ours=True)
    if how == "paused":
        pause(client, ["mail"])
        assert said(client) == "mail is paused: qtui-workers take nothing from it until it is resumed"
    else:
        suspend(client)
        assert said(client) == "mail: all workers are suspended (qtui resume --workers ends that)"
    (found,) = listeners.load(client, ["mail"])
    assert not found.at_work
