"""The overview over a bare socket is the one over the whole client, or none at all."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Thread

import pytest
import redis

from qtui.broker.models import Overview
from qtui.broker.queues import overview, quick_overview
from qtui_workers.records import replace
from qtui_workers.server import keys
from qtui_workers.server.address import Target, resolve
from qtui_workers.server.rights import LOOKING
from tests.broker import seed
from tests.rights import user
from tests.support import Server


def timeless(seen: Overview | None) -> Overview | None:
    """The same without what is another from one moment to the next."""
    if seen is None:
        return None
    server = replace(seen.server, memory_used=None, operations_per_second=None)
    rows = (replace(row, oldest_seconds=row.oldest_seconds and round(row.oldest_seconds, -2)) for row in seen.queues)
    return replace(seen, at=0.0, server=server, queues=tuple(rows))


def test_both_see_the_same(client: redis.Redis, server: Server) -> None:
    seed.everything(client)
    whole = overview.load(client)
    quick = quick_overview.look(resolve(server.url))
    assert whole.queues
    assert timeless(quick) == timeless(whole)
    assert quick is not None
    assert 0 <= quick.at - whole.at < 60


def test_a_user_with_a_password_and_another_database_are_reached(client: redis.Redis, server: Server) -> None:
    seed.everything(client)
    overview.load(client)  # the server knows the script from now on
    with user(server, client, LOOKING) as url:
        assert timeless(quick_overview.look(resolve(f"{url}?db=0"))) == timeless(overview.load(client))
    other = quick_overview.look(resolve(f"{server.url}?db=3"))
    assert other is not None
    assert other.queues == ()


def _flushed(client: redis.Redis) -> None:
    client.script_flush()


def _of_a_newer_version(client: redis.Redis) -> None:
    client.set(keys.FORMAT, int(keys.KNOWN_FORMAT) + 1)


def _of_the_wrong_type(client: redis.Redis) -> None:
    client.delete(keys.PAUSED)
    client.set(keys.PAUSED, "x")


@pytest.mark.parametrize("change", [_flushed, _of_a_newer_version, _of_the_wrong_type])
def test_what_is_unusual_is_left_to_the_whole_client(
    client: redis.Redis, server: Server, change: Callable[[redis.Redis], None]
) -> None:
    seed.everything(client)
    overview.load(client)
    assert quick_overview.look(resolve(server.url))
    change(client)
    assert quick_overview.look(resolve(server.url)) is None


def test_a_refusal_is_left_to_the_whole_client(client: redis.Redis, server: Server) -> None:
    seed.everything(client)
    overview.load(client)
    for right in ("+info", "+smembers", "+ttl"):
        with user(server, client, LOOKING, without=right) as url:
            assert quick_overview.look(resolve(url)) is None
    with user(server, client, LOOKING, without="+discard") as url:
        assert quick_overview.look(resolve(url))
        assert quick_overview.look(resolve(url.replace(":p@", ":wrong@"))) is None


@pytest.mark.parametrize(
    "url",
    [
        "unix:///no/such/socket",
        "redis://127.0.0.1:1/0",
        "rediss://localhost:6379/0",
        "redis://localhost:6379/0?socket_timeout=1",
        "embedded:/no/such/folder",
    ],
)
def test_an_address_that_is_not_plain_or_where_nobody_is_gives_nothing(url: str) -> None:
    assert quick_overview.look(resolve(url)) is None


def answering(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(answer)
        connection.recv(1 << 16)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+OK\r\n", b"*-1\r\n" * 7, b"-LOADING Redis is loading\r\n" * 7, b"$5\r\nhel", b""],
)
def test_what_does_not_answer_as_redis_does_gives_nothing(short_path: Path, answer: bytes) -> None:
    with listening(short_path / "s") as listener:
        thread = Thread(target=answering, args=(listener, answer))
        thread.start()
        assert quick_overview.look(Target(f"unix://{short_path}/s", "s")) is None
        thread.join(5)
    assert not thread.is_alive()


def listening(path: Path) -> AbstractContextManager[socket.socket]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener
