"""Somebody is woken at night: from a shell to the cause, and to one job that runs again, by how many keys."""

from __future__ import annotations

import redis
from rq import Queue

from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.test_careful import worker_that
from tests.cli.support import Qtui
from tests.cli.terminals import Terminal, on_terminal
from tests.support import wait_until

MOST_KEYS = 4
MOST_KEYS_OF_THE_STORY = 15


class Presses:
    """Presses keys, each time waiting for what they bring, and counts them."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.count = 0

    def __call__(self, keys: str, brings: str) -> None:
        self.count += len(keys)
        self._terminal.type(keys)
        self._terminal.wait_to_show(brings)
        self._terminal.wait_to_rest()


def test_from_the_shell_to_the_cause_and_one_job_that_is_tried_again(qtui: Qtui, client: redis.Redis) -> None:
    for name in ("archive", "mail"):
        Queue(name, connection=client).enqueue(tasks.add, 1)
    seed.work(client, "archive", "mail")
    newest = seed.failed(client, "payments", 5)[-1]
    with on_terminal(qtui) as (_, terminal):
        press = Presses(terminal)
        terminal.wait_to_show("payments")
        press("\r", "ValueError: message")
        press("\r", "Traceback (most recent call last)")
        press("R", "nobody listens; the jobs will wait")
        press("y", "1 retried")
        wait_until(lambda: terminal.read() and client.llen(keys.queue("payments")) == 1, description="one job is queued again")
        assert client.lrange(keys.queue("payments"), 0, -1) == [newest.encode()]
        assert client.zcard(keys.registry("failed", "payments")) == 4
    assert press.count == MOST_KEYS


def fail_otherwise(client: redis.Redis, number: int) -> None:
    """So many jobs of the queue fail by another cause."""
    for _ in range(number):
        Queue("payments", connection=client).enqueue(tasks.add, "one")
    seed.work(client, "payments")


def test_the_burning_queue_one_cause_retried_with_care_and_another_removed_and_put_back(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, "payments", 12)
    failed = keys.registry("failed", "payments")
    with on_terminal(qtui) as (_, terminal):
        press = Presses(terminal)
        terminal.wait_to_show("12 failed")
        fail_otherwise(client, 4)
        terminal.wait_to_show("every attempt fails")
        with worker_that(client, "finished", "payments"):
            press("\r", "tests.broker.tasks.fail 12 · in payments 12")
            press("R", "Retry 12 failed jobs")
            press("p", "●canary 5")
            press("y", "12 retried")
            press("j", "tests.broker.tasks.add 4 · in payments 4")
            press("D", "Remove 4 failed jobs")
            press("\t\r", "4 removed")
            assert client.zcard(failed) == 0
            press("z", "Put 4 jobs back")
            press("y", "4 put back")
        assert client.zcard(failed) == 4
        assert client.zcard(keys.registry("finished", "payments")) == 12
    assert press.count <= MOST_KEYS_OF_THE_STORY
