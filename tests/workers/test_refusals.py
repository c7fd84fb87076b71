"""Each way in which Redis cannot be had, told in one sentence; against real sockets and servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from qtui_workers.errors import RedisUnavailable
from qtui_workers.reporting.redaction import redacted
from qtui_workers.server.connection import INTERACTIVE, WORKER, Patience, connect, explain
from qtui_workers.server.redis_errors import _CAUSES
from tests.support import Server, wait_until
from tests.workers.sockets import free_port, listening

QUICK = Patience(1.0, 0.3, tries=1, longest_pause=0.05, health_check=0, repeat_commands=False)


def refusal(url: str, patience: Patience = QUICK) -> str:
    with pytest.raises(RedisUnavailable) as told:
        connect(url, patience=patience)
    assert told.value.exit_code == 3
    sentence = str(told.value)
    assert sentence.isprintable()
    assert sentence.endswith(".")
    return sentence


@pytest.fixture
def tcp_server(short_path: Path) -> Iterator[tuple[Server, str]]:
    """A server of the test's own that listens on TCP as well, and where."""
    port = free_port()
    server = Server(short_path, {"port": str(port), "bind": "127.0.0.1"})
    server.start()
    yield server, f"127.0.0.1:{port}"
    server.kill()


class TestWhyItCannotBeHad:
    def test_nothing_listens(self):
        assert "does not run" in refusal(f"redis://127.0.0.1:{free_port()}", INTERACTIVE)

    def test_no_such_host(self):
        assert "cannot be found" in refusal("redis://no-such-host.invalid")

    def test_a_name_that_no_host_can_have(self):
        assert "cannot be found" in refusal(f"redis://{'a' * 70}.example")

    def test_no_such_socket(self, short_path: Path):
        assert "no such socket" in refusal(f"unix://{short_path}/none")

    @pytest.mark.parametrize("name", [None, "closed"])
    def test_a_dead_server_is_reported_within_three_seconds_and_a_bit(self, name: str | None):
        began = time.monotonic()
        if name:
            refusal(f"redis://127.0.0.1:{free_port()}", INTERACTIVE)
        else:
            with listening() as address:
                assert "did not answer in time" in refusal(f"redis://{address}", INTERACTIVE)
        assert time.monotonic() - began < 4

    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "not as Redis does"),
            (b"220 mail.example ESMTP\r\n", "not as Redis does"),
            (b"\x00\x1b[31m\xff\r\n", "not as Redis does"),
            (b"+OK\r\n", "not as Redis does"),
            (b":1\r\n", "not as Redis does"),
            (b"*0\r\n", "not as Redis does"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "wants TLS: use rediss://"),
            (b"", "closed the connection"),
            (b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n", "is too old"),
            (b"-ERR max number of clients reached\r\n", "as many clients as it takes"),
            (b"-DENIED Redis is running in protected mode because\r\n", "protected mode"),
            (b"-ERR odd \x1b[2J thing\r\n", "odd \u241b[2J thing"),
        ],
    )
    def test_what_answers_is_reported_for_what_it_is(self, reply: bytes, told: str):
        # to what refuses RESP3 we speak RESP2, and hear the same once more
        with listening(*[reply * 3] * 2 if reply.startswith(b"-ERR") else [reply]) as address:
            assert told in refusal(f"redis://{address}")

    def test_a_server_without_lmove_is_too_old(self):
        hello = b"%2\r\n$7\r\nversion\r\n$6\r\n6.0.16\r\n$5\r\nproto\r\n:3\r\n"
        with listening(hello + b"+OK\r\n+PONG\r\n$-1\r\n", b"+OK\r\n") as address:
            assert "is too old (6.0.16): use 6.2 or newer" in refusal(f"redis://{address}")

    def test_tls_is_requested_of_a_server_that_has_none(self):
        with listening(b"-ERR unknown command\r\n") as address:
            assert "use redis:// if it has none" in refusal(f"rediss://{address}")
        with listening() as address:
            assert "use redis:// if it has none" in refusal(f"rediss://{address}")

    def test_a_password_is_needed_and_a_wrong_one_is_refused_at_once(self, tcp_server: tuple[Server, str]):
        server, address = tcp_server
        with server.client() as client:
            client.config_set("requirepass", "right")
        assert "needs a password" in refusal(f"redis://{address}")
        assert "needs a password" in refusal(f"redis://{address}?protocol=2")
        for query in ("", "?protocol=2"):
            sentence = refusal(f"redis://:hunter2@{address}{query}", WORKER)
            assert "refused the user name or password" in sentence
            assert "hunter2" not in sentence
        with connect(f"redis://:right@{address}") as client:
            entries = client.acl_log()
        assert sum(int(entry["count"]) for entry in entries) == 2

    def test_a_user_without_permission(self, tcp_server: tuple[Server, str]):
        server, address = tcp_server
        with server.client() as client:
            client.acl_setuser("guest", enabled=True, passwords=["+hunter2"], commands=["+client"], reset=True)
        sentence = refusal(f"redis://guest:hunter2@{address}")
        assert "gives our user no permission" in sentence
        assert "'ping'" in sentence

    def test_there_is_no_such_database(self, server: Server):
        assert "no database of that number" in refusal(f"{server.url}?db=99")

    def test_it_is_still_loading(self, own_server: Server):
        with own_server.client() as client:
            client.eval("for number = 1, 50000 do redis.call('SET', number, 'x') end", 0)
        own_server.kill()
        # Microseconds a key. It listens once in 1,024 keys, and a client asks some times before it is told.
        own_server.options = {**own_server.options, "key-load-delay": "100"}
        starting = threading.Thread(target=own_server.start)
        starting.start()
        wait_until(lambda: _told_as_loading(own_server), description="the client is told that the server loads")
        with own_server.client() as client, suppress(redis.ResponseError):  # 6.2 takes it only after it has loaded
            client.config_set("key-load-delay", "0")
        starting.join()
        with connect(own_server.url) as client:
            assert client.dbsize() == 50_000

    def test_it_has_no_memory_left(self, tcp_server: tuple[Server, str]):
        server, _ = tcp_server
        with connect(server.url) as client:
            client.config_set("maxmemory", "1")
            for write in (lambda: client.set("k", "v"), lambda: client.eval("redis.call('set', 'k', 'v')", 0)):
                with pytest.raises(redis.RedisError) as refused:
                    write()
                assert "no memory left" in str(explain(refused.value, "here"))

    def test_it_is_a_read_only_replica(self, tcp_server: tuple[Server, str]):
        server, _ = tcp_server
        with connect(server.url) as client:
            client.replicaof("127.0.0.1", str(free_port()))
            with pytest.raises(redis.RedisError) as refused:
                client.set("k", "v")
        assert "read-only replica" in str(explain(refused.value, "here"))

    def test_one_that_cannot_write_to_its_disk_can_still_be_looked_at(self, tcp_server: tuple[Server, str]):
        server, address = tcp_server
        (server.folder / "dump.rdb").mkdir()
        with server.client() as client:
            client.config_set("save", "3600 1")
            client.bgsave()
            wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", description="saving fails")
        with connect(f"redis://{address}") as client:
            assert client.llen("nothing") == 0
            with pytest.raises(redis.RedisError) as refused:
                client.set("k", "v")
        assert "cannot write to its disk" in str(explain(refused.value, "here"))

    def test_anything_else_is_reported_in_one_safe_line(self):
        sentence = str(explain(redis.ResponseError("ERR {odd}\n\x1b[2J, with args beginning with: 'hunter2'"), "h\n:1/0"))
        assert sentence.isprintable()
        assert "{odd}" in sentence
        assert "hunter2" not in sentence

    @pytest.mark.parametrize("sentence", [cause.sentence for cause in _CAUSES])
    def test_no_sentence_passes_for_a_secret_in_the_log(self, sentence: str):
        whole = f"Worker w: Redis at db:6379/0 {sentence}. Waiting for it."
        assert redacted(whole) == whole

    def test_the_embedded_server_is_named_as_such(self):
        assert str(explain(redis.ConnectionError("Connection closed"), "embedded")).startswith("The embedded server")

    def test_every_character_of_a_password_arrives(self, monkeypatch: pytest.MonkeyPatch, tcp_server: tuple[Server, str]):
        server, address = tcp_server
        password = "p/a?s#s@w:o%r d\té"
        with server.client() as client:
            client.config_set("requirepass", password)
        monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
        monkeypatch.setenv("REDIS_PORT", address.rpartition(":")[2])
        monkeypatch.setenv("REDIS_PASSWORD", password)
        with connect() as client:
            assert client.ping() is True


def _told_as_loading(server: Server) -> bool:
    try:
        connect(server.url, patience=QUICK).close()
    except RedisUnavailable as error:
        return "still loading" in str(error)
    raise AssertionError("it was loaded before anybody was told")
