"""Somebody is woken at night: from a shell to the cause, and to one job that runs again, by how many keys."""

from __future__ import annotations

import redis
from rq import Queue

from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.cli.support import Qtui
from tests.cli.terminals import on_terminal
from tests.support import wait_until

MOST_KEYS = 4


def test_from_the_shell_to_the_cause_and_one_job_that_is_tried_again(qtui: Qtui, client: redis.Redis) -> None:
    for name in ("archive", "mail"):
        Queue(name, connection=client).enqueue(tasks.add, 1)
    seed.work(client, "archive", "mail")
    seed.failed(client, "payments", 5)
    newest = client.zrevrange(keys.registry("failed", "payments"), 0, 0)[0].decode()
    pressed = []
    with on_terminal(qtui) as (_, terminal):

        def press(key: str, brings: str) -> None:
            pressed.append(key)
            terminal.seen = ""
            terminal.type(key)
            terminal.wait_for(brings)

        terminal.wait_for("payments")
        press("\r", "ValueError: message")
        press("\r", "Traceback (most recent call last)")
        press("R", "nobody listens; the jobs will wait")
        press("y", "1 retried")
        wait_until(lambda: terminal.read() and client.llen(keys.queue("payments")) == 1, description="one job is queued again")
        assert client.lrange(keys.queue("payments"), 0, -1) == [newest.encode()]
        assert client.zcard(keys.registry("failed", "payments")) == 4
    assert len(pressed) == MOST_KEYS
