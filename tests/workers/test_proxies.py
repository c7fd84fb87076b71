"""Proxies, users and servers that refuse what a connection begins with."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from qtui_workers.errors import RedisUnavailable
from qtui_workers.server.connection import connect, speaks_resp2
from tests.support import Server, wait_until
from tests.workers.sockets import cluster_node, counting, refusing

HELLO = [
    b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n",
    b"-ERR unknown command 'HELLO'\r\n",
    b"-ERR unsupported command 'hello'\r\n",
    b"-ERR invalid request\r\n",
    b"-NOPROTO unsupported protocol version\r\n",
    b"-NOPERM this user has no permissions to run the 'hello' command or its subcommand\r\n",
    b"-ERR command not allowed\r\n",
]
CLIENT = [
    b"-ERR unknown command 'CLIENT'\r\n",
    b"-ERR unsupported command 'client'\r\n",
    b"-NOPERM this user has no permissions to run the 'client|setname' command\r\n",
]


@pytest.mark.parametrize("reply", HELLO)
def test_where_hello_is_refused_the_older_protocol_is_spoken(server: Server, reply: bytes) -> None:
    with refusing(server, b"HELLO", reply) as address, connect(f"redis://{address}") as client:
        assert speaks_resp2(client)
        client.zadd("z", {"a": 1.5})
        assert client.zrange("z", 0, -1, withscores=True) == [(b"a", 1.5)]
        client.hset("h", mapping={"a": "b"})
        assert client.hgetall("h") == {b"a": b"b"}


@pytest.mark.parametrize("reply", CLIENT)
def test_where_client_is_refused_a_connection_has_no_name(server: Server, reply: bytes) -> None:
    with refusing(server, b"CLIENT", reply) as address, connect(f"redis://{address}", role="somebody") as client:
        assert client.ping()
        assert not speaks_resp2(client)


def test_a_connection_has_its_name_where_it_may(server: Server) -> None:
    with connect(server.url, role="some body") as client:
        assert client.client_info()["name"] == "some-body"


@pytest.mark.parametrize("query", ["?db=0", "?db=3", "?db=3&protocol=2"])
def test_a_connection_begins_with_one_round_trip(server: Server, query: str) -> None:
    with counting(server) as (address, packets), connect(f"unix://{address}{query}", role="one") as client:
        greeted = len(packets)
        assert client.client_info()["name"] == "one"
        assert client.client_info()["db"] == int(query[4])
    # In RESP2 the server says its version and mode in INFO only.
    assert greeted == (2 if "protocol" in query else 1)


@pytest.mark.parametrize("query", ["", "?protocol=2"])
def test_a_cluster_is_refused_in_a_sentence(short_path: Path, query: str) -> None:
    with cluster_node(short_path) as node, pytest.raises(RedisUnavailable, match="is a cluster, which RQ cannot use"):
        connect(node.url + query)


def test_a_server_that_is_away_at_first_is_used_when_it_is_there(own_server: Server) -> None:
    own_server.kill()
    with pytest.raises(RedisUnavailable):
        connect(own_server.url)
    own_server.start()
    with connect(own_server.url) as client:
        wait_until(client.ping, description="it answers")
        assert isinstance(client, redis.Redis)
