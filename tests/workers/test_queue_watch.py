"""Waiting for work: no change of a queue goes unnoticed, and where the server reports none the worker polls."""

from __future__ import annotations

import select
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.connection import Connection, UnixDomainSocketConnection
from rq import Queue

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
    return QueueWatch(client)


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
    watch = QueueWatch(meanwhile(client, lambda: client.rpush(key, 1)))
    assert watch.arm(["queue"], ["limit"])
    assert not watch.armed
    watch.close()


def test_a_worker_polls_where_the_server_reports_no_changes(server: Server, client: redis.Redis, home: Path) -> None:
    separator = "&" if "?" in server.url else "?"
    with working(server, home, "--url", f"{server.url}{separator}protocol=2", *ALLOW):
        ends(client, Queue(connection=client).enqueue(engine.give), "finished")
        client.config_resetstat()
        wait_until(lambda: passed_since(client, 3), description="three seconds pass")
        polls = client.info("commandstats").get("cmdstat_smembers", {"calls": 0})["calls"]  # one in each claim
        assert 3 <= polls <= 30
        ends(client, Queue(connection=client).enqueue(engine.give), "finished", timeout=2)
