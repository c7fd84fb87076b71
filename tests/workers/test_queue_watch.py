"""Waiting for work: no change of a queue goes unnoticed, and where the server reports none the worker polls."""

from __future__ import annotations

import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.connection import Connection, UnixDomainSocketConnection
from rq import Queue

from qtui_workers.engine.commands import Commands
from qtui_workers.engine.idle_check import IdleCheck
from qtui_workers.engine.queue_watch import QueueWatch
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.support import working
from tests.workers.test_engine import ALLOW, ends, passed_since

Kind = type[Connection] | type[UnixDomainSocketConnection]


def meanwhile(client: redis.Redis, act: Callable[[], Any]) -> redis.Redis:
    """A client like that one: after each command that reads a key, before the answer is received, `act` is carried out."""
    kind: Kind = client.connection_pool.connection_class

    class Interleaved(kind):  # type: ignore[misc,valid-type]  # one of two classes
        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            super().send_packed_command(command, check_health)
            if any(b"EXISTS" in bytes(part) for part in command):
                act()

    pool = redis.ConnectionPool(connection_class=Interleaved, **client.connection_pool.connection_kwargs)
    return redis.Redis(connection_pool=pool)


@pytest.fixture
def watch(client: redis.Redis) -> QueueWatch:
    return QueueWatch(client, IdleCheck(60, 5))


def reports(watch: QueueWatch, timeout: float = 5) -> bool:
    return bool(select.select([watch.fileno()], [], [], timeout)[0])


def test_a_change_is_reported_once_and_then_only_when_armed_anew(client: redis.Redis, watch: QueueWatch) -> None:
    assert not watch.arm(["a", "b"], ["limit"])
    assert watch.covers(["a", "limit"])
    client.rpush("b", 1)
    assert reports(watch)
    watch.receive()
    assert (watch.fileno(), watch.covers(["a"])) == (None, False)
    assert watch.arm(["a", "b"])
    assert not reports(watch, 0)
    client.rpush("b", 2)
    assert reports(watch)
    watch.close()


@pytest.mark.parametrize("key", ["queue", "limit"])
def test_a_change_whose_report_comes_with_the_answer_is_noticed(client: redis.Redis, key: str) -> None:
    watch = QueueWatch(meanwhile(client, lambda: client.rpush(key, 1)), IdleCheck(60, 5))
    assert watch.arm(["queue"], ["limit"])
    assert not watch.armed
    watch.close()


def test_an_answer_to_a_ping_is_no_report_and_no_report_is_lost_beside_it(client: redis.Redis) -> None:
    watch = QueueWatch(client, IdleCheck(0, 60))
    assert not watch.arm(["queue"])
    watch.check()
    assert reports(watch)
    watch.receive()
    assert watch.armed
    watch.check()
    client.rpush("queue", 1)
    wait_until(lambda: watch.receive() or not watch.armed, description="the change is reported")
    watch.close()


def test_a_ping_that_is_not_answered_yet_is_not_taken_for_an_answer_about_keys(client: redis.Redis) -> None:
    watch = QueueWatch(client, IdleCheck(0, 60))
    client.rpush("queue", 1)
    assert watch.arm(["queue"])
    client.delete("queue")
    watch.check()
    assert not watch.arm(["queue"])
    client.rpush("queue", 1)
    assert reports(watch)
    watch.close()


def test_a_connection_that_does_not_answer_a_ping_is_closed(own_server: Server) -> None:
    with own_server.client() as client:
        watch = QueueWatch(client, IdleCheck(0, 0))
        watch.arm(["queue"])
    assert own_server.process
    own_server.process.send_signal(signal.SIGSTOP)
    watch.check()
    watch.check()
    assert (watch.armed, watch.fileno()) == (False, None)


def test_commands_are_heard_beside_pings(client: redis.Redis) -> None:
    commands, heard = Commands(client, "channel", IdleCheck(0, 60)), []
    commands.subscribe(heard.append)
    wait_until(lambda: client.publish("channel", 1), description="it is subscribed")
    for number in range(2, 5):
        commands.check()
        client.publish("channel", number)
        wait_until(lambda number=number: commands.receive() or len(heard) == number, description="it is heard")
    assert [message["data"] for message in heard] == [b"1", b"2", b"3", b"4"]
    commands.unsubscribe()


def test_a_worker_polls_where_the_server_reports_no_changes(server: Server, client: redis.Redis, home: Path) -> None:
    separator = "&" if "?" in server.url else "?"
    with working(server, home, "--url", f"{server.url}{separator}protocol=2", *ALLOW):
        ends(client, Queue(connection=client).enqueue(engine.give), "finished")
        client.config_resetstat()
        wait_until(lambda: passed_since(client, 3), description="three seconds pass")
        polls = client.info("commandstats").get("cmdstat_lpop", {"calls": 0})["calls"]  # one in each claim
        assert 3 <= polls <= 30
        ends(client, Queue(connection=client).enqueue(engine.give), "finished", timeout=2)
