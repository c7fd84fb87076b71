"""Limits over a restart of the server, and over the loss of their keys."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from qtui_workers.define.limit import Limit
from qtui_workers.rate.limiter import Limits, LimitTimeout, claim_limits
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import limited
from tests.workers.test_limiter import enter, limited_processor, take

LIMIT = Limit(2, 60, "q")


@pytest.fixture
def forgetful(short_path: Path) -> Iterator[Server]:
    """A server that writes nothing to disk unless it is told to."""
    server = Server(short_path, {})
    server.start()
    yield server
    server.kill()


def open_at_once(client: redis.Redis) -> None:
    """As on a server that has been up for long: the hold of its beginning is over."""
    assert not take(client, "q")
    client.hset(keys.limit("q"), "open_at", 0)


def restart(server: Server) -> None:
    server.kill()
    server.start()


def held(client: redis.Redis) -> bool:
    """Whether no start is allowed for about a whole window."""
    return not take(client, "q") and 60 < Limits(client).state("q").next_free_in < 67


def test_a_restart_with_an_append_only_file_holds_nothing_and_forgets_nothing(own_server: Server) -> None:
    with own_server.client() as client:
        enter(client, LIMIT)
        assert take(client, "q")
    restart(own_server)
    with own_server.client() as client:
        assert Limits(client).state("q").used == 1
        assert [take(client, "q") for _ in range(2)] == [True, False]


def test_a_restart_that_lost_the_newest_starts_closes_a_window(forgetful: Server) -> None:
    with forgetful.client() as client:
        enter(client, LIMIT)
        open_at_once(client)
        assert take(client, "q")
        client.save()
        assert take(client, "q")
    restart(forgetful)
    with forgetful.client() as client:
        assert client.zcard(keys.limit_log("q")) == 1
        assert held(client)


def test_a_restart_that_lost_everything_closes_a_window_for_who_registers_anew(forgetful: Server) -> None:
    with forgetful.client() as client:
        enter(client, LIMIT)
        open_at_once(client)
        assert [take(client, "q") for _ in range(3)] == [True, True, False]
    restart(forgetful)
    with forgetful.client() as client:
        enter(client, LIMIT)
        assert held(client)


def test_a_restart_that_lost_everything_closes_a_window_for_a_worker_that_goes_on(forgetful: Server) -> None:
    declared = claim_limits([limited_processor("q", LIMIT)])["q"]
    with forgetful.client() as client:
        enter(client, LIMIT)
        open_at_once(client)
        limited.fill(client, "q", 1)
        assert limited.claim(client, "q", declared)[1]
    restart(forgetful)
    with forgetful.client() as client:
        limited.fill(client, "q", 1)
        assert 60 < limited.claim(client, "q", declared)[0] < 67
        assert held(client)


def test_lost_keys_close_a_window_though_the_server_goes_on(own_server: Server) -> None:
    declared = claim_limits([limited_processor("q", LIMIT)])["q"]
    with own_server.client() as client:
        enter(client, LIMIT)
        assert take(client, "q")
        client.flushall()
        limited.fill(client, "q", 1)
        assert 60 < limited.claim(client, "q", declared)[0] <= 65
        client.flushall()
        with pytest.raises(LimitTimeout):
            Limits(client).admit(LIMIT, "token", timeout=0)


def test_a_replica_made_primary_closes_a_window(own_server: Server) -> None:
    """It may lack the newest starts, though it writes an append-only file."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with TemporaryDirectory(prefix="qt") as folder:
        primary = Server(Path(folder), {"appendonly": "yes", "port": str(port)})
        primary.start()
        with primary.client() as first, own_server.client() as second:
            second.replicaof("127.0.0.1", port)
            enter(first, LIMIT)
            wait_until(lambda: second.info()["uptime_in_seconds"] >= 3, description="the replica has been up for a while")
            limited.fill(first, "q", 1)
            assert limited.claim(first, "q")[1]
            wait_until(lambda: second.exists(keys.limit_log("q")), description="the replica has it")
            primary.kill()
            second.replicaof("NO", "ONE")
            assert held(second)


def test_a_server_set_back_by_hours_closes_the_limiter_for_no_more_than_a_window(own_server: Server) -> None:
    with own_server.client() as client:
        enter(client, LIMIT)
        assert take(client, "q")
        assert take(client, "q")
        for token, _ in client.zscan_iter(keys.limit_log("q")):
            client.zincrby(keys.limit_log("q"), 7_200e6, token)
        assert not take(client, "q")
        assert 60 < Limits(client).state("q").next_free_in < 66
