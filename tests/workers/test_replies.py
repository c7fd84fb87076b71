"""What counts as nothing, and what is an error: for commands and inside scripts, in the words of the server that runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import ClusterDownError, MasterDownError, NoPermissionError, OutOfMemoryError, ReadOnlyError

from qtui_workers.server import keys
from qtui_workers.server.connection import open_client, resolve
from qtui_workers.server.redis_errors import explain, is_away
from qtui_workers.server.replies import reply_of
from qtui_workers.server.rights import WORKING
from qtui_workers.server.scripts import Script
from tests.rights import user
from tests.support import Server
from tests.workers.sockets import cluster_node, free_port

HASH, LIST = keys.job("hash"), keys.queue("list")


def direct(client: redis.Redis, *command: str) -> Any:
    """As the broker reads several replies at once."""
    with client.pipeline(transaction=False) as pipe:
        pipe.execute_command(*command)
        return reply_of(pipe.execute(raise_on_error=False)[0])


def in_script(client: redis.Redis, *command: str) -> Any:
    name, *arguments = command
    script = Script(f"-- requires: reply_of\nlocal r = reply_of('{name}', unpack(ARGV))\nreturn r == nil and 'nothing' or r")
    reply = script.run(client, *arguments)
    return None if reply == b"nothing" else reply


READERS = pytest.mark.parametrize("read", [direct, in_script])


@READERS
def test_a_key_of_another_type_is_nothing(client: redis.Redis, read: Callable[..., Any]) -> None:
    client.hset(HASH, "text", "a")
    client.rpush(LIST, "a")
    for command in (("LLEN", HASH), ("ZCARD", HASH), ("SMEMBERS", HASH), ("HGET", LIST, "text"), ("XREVRANGE", LIST, "+", "-")):
        assert read(client, *command) is None
    assert read(client, "LLEN", LIST) == 1


def test_a_number_that_is_none_is_nothing_in_a_script(client: redis.Redis) -> None:
    client.hset(HASH, "text", "a")
    assert in_script(client, "HINCRBY", HASH, "text", "1") is None
    assert in_script(client, "HINCRBYFLOAT", HASH, "text", "1") is None


@dataclass(frozen=True)
class Refusal:
    """A way in which a server refuses."""

    bring_about: Callable[[redis.Redis], object]
    command: tuple[str, ...]
    kind: type[Exception]
    sentence: str
    away: bool = False


def _without_primary(client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", str(free_port()))


def _unsynced(client: redis.Redis) -> None:
    client.config_set("replica-serve-stale-data", "no")
    _without_primary(client)


REFUSALS = {
    "READONLY": Refusal(_without_primary, ("SET", HASH, "a"), ReadOnlyError, "read-only replica"),
    "MASTERDOWN": Refusal(_unsynced, ("LLEN", LIST), MasterDownError, "has lost its primary", away=True),
    "OOM": Refusal(lambda client: client.config_set("maxmemory", "1"), ("SET", HASH, "a"), OutOfMemoryError, "no memory left"),
}


@READERS
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
def test_what_a_server_refuses_is_an_error_of_its_class(own_server: Server, read: Callable[..., Any], refusal: Refusal) -> None:
    with own_server.client() as client:
        refusal.bring_about(client)
        with pytest.raises(refusal.kind) as raised:
            read(client, *refusal.command)
    assert refusal.sentence in str(explain(raised.value, "here"))
    assert "user_script" not in str(explain(raised.value, "here"))
    assert is_away(raised.value) == refusal.away


@READERS
@pytest.mark.parametrize(
    ("without", "more", "command"),
    [
        ("+llen", [], ("LLEN", LIST)),
        (f"~{keys.ALL}", ["~app:*"], ("LLEN", LIST)),
        (f"&{keys.commands('*')}", [], ("PUBLISH", keys.commands("w"), "x")),
    ],
)
def test_a_missing_right_is_an_error_that_names_it(
    server: Server, client: redis.Redis, read: Callable[..., Any], without: str, more: list[str], command: tuple[str, ...]
) -> None:
    with (
        user(server, client, WORKING, "+publish", *more, without=without) as url,
        open_client(resolve(url)) as refused,
        pytest.raises(NoPermissionError) as raised,
    ):
        read(refused, *command)
    assert f"ACL SETUSER USER {without})" in str(explain(raised.value, "here"))
    assert not is_away(raised.value)


@READERS
def test_a_node_of_a_cluster_is_an_error(short_path: Path, read: Callable[..., Any]) -> None:
    with cluster_node(short_path) as node, node.client() as client, pytest.raises(redis.ResponseError) as raised:
        read(client, "LLEN", LIST)
    assert "is a cluster, which RQ cannot use" in str(explain(raised.value, "here"))
    assert read is in_script or isinstance(raised.value, ClusterDownError)
