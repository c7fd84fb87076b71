"""Where Redis is, and each way in which it cannot be had, told in one sentence; against real sockets and servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from tests.support import Server, wait_until
from workers.connection import INTERACTIVE, WORKER, Patience, Target, connect, explain, open_client, resolve
from workers.errors import InvalidInput, RedisUnavailable

QUICK = Patience(1.0, 0.3, tries=1, longest_pause=0.05, health_check=0, repeat_commands=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def listening(reply: bytes | None) -> Iterator[str]:
    """The address of something that is no Redis: it answers whatever it is sent with `reply`, or never (None)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opened: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                opened.append(connection)
                if reply is not None:
                    connection.recv(1000)
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in opened:
            connection.close()


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
    server = Server(short_path, {"port": str(port), "bind": "127.0.0.1", "save": "3600 1"})
    server.start()
    yield server, f"127.0.0.1:{port}"
    server.kill()


class TestWhereRedisIs:
    def test_the_flag_wins_over_the_environment(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("REDIS_URL", "redis://from-url")
        monkeypatch.setenv("REDIS_HOST", "from-host")
        assert resolve("redis://flag:1/2").label == "flag:1/2"
        assert resolve().label == "from-url:6379/0"
        monkeypatch.setenv("REDIS_URL", "")
        assert resolve().label == "from-host:6379/0"

    @pytest.mark.parametrize(
        ("name", "value", "label"),
        [
            ("REDIS_HOST", "::1", "[::1]:6379/0"),
            ("REDIS_PORT", "7000", "localhost:7000/0"),
            ("REDIS_DB", "0", "localhost:6379/0"),
            ("REDIS_USERNAME", "me", "localhost:6379/0"),
            ("REDIS_PASSWORD", "hunter2", "localhost:6379/0"),
        ],
    )
    def test_any_part_that_is_set_means_no_embedded_server(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, label: str
    ):
        monkeypatch.setenv(name, value)
        assert resolve().label == label
        assert resolve().embedded is None

    def test_nothing_set_is_the_embedded_server_of_the_user(self, home: Path):
        assert resolve() == Target("", "embedded", home / ".local/state/qtui/server")
        assert resolve("embedded:") == resolve()

    def test_the_state_folder_can_be_moved(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        assert resolve().embedded == tmp_path / "state/qtui/server"
        monkeypatch.setenv("QTUI_EMBEDDED_DIR", "~/elsewhere")
        assert resolve().embedded == tmp_path / "elsewhere"

    def test_a_relative_state_folder_is_ignored_as_its_specification_says(self, monkeypatch: pytest.MonkeyPatch, home: Path):
        monkeypatch.setenv("XDG_STATE_HOME", "state")
        assert resolve().embedded == home / ".local/state/qtui/server"

    def test_an_embedded_server_can_be_named_by_its_folder(self):
        assert resolve("embedded:/a/folder").embedded == Path("/a/folder")

    @pytest.mark.parametrize(
        ("url", "label"),
        [
            ("redis://", "localhost:6379/0"),
            ("REDIS://Host:1/3", "host:1/3"),
            ("rediss://u:p@host/1", "host:6379/1"),
            ("redis://[::1]:7/", "[::1]:7/0"),
            ("redis://host?db=4", "host:6379/4"),
            ("unix:///run/r.sock", "/run/r.sock"),
            ("unix:///run/%1B.sock?db=2", "/run/␛.sock db 2"),
        ],
    )
    def test_what_is_shown_of_an_address(self, url: str, label: str):
        assert resolve(url).label == label

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("ftp://host", "must begin with redis://"),
            ("localhost:6379", "must begin with redis://"),
            ("redis:/host", "must begin with redis://"),
            ("redis+sentinel://a,b/main", "Sentinel is not supported yet"),
            ("redis://host:abc", "host or port"),
            ("redis://:hunt/er2@host", "percent-encoded"),
            ("redis://:hunt#er2@host", "percent-encoded"),
            ("redis://host/name", "the database is a number"),
            ("redis://host/-1", "the database is a number"),
            ("redis://host?decode_responses=1", "'decode_responses' is not known"),
            ("redis://host?ssl_cert_reqs=none", "'ssl_cert_reqs' is not known"),
            ("redis://host?socket_timeout=soon", "socket_timeout"),
            ("redis://host?protocol=3", "protocol"),
            ("redis://ho st", "space or a control character"),
            ("redis://ho\x1b[2Jst", "space or a control character"),
            ("unix://relative", "whole path"),
            ("unix:///", "whole path"),
            ("embedded:relative", "whole path"),
        ],
    )
    def test_a_bad_address_is_told_with_the_reason_and_without_its_secrets(
        self, monkeypatch: pytest.MonkeyPatch, url: str, reason: str
    ):
        monkeypatch.setenv("REDIS_URL", url)
        with pytest.raises(InvalidInput, match=r"^REDIS_URL") as told:
            resolve()
        assert reason in str(told.value)
        assert "er2" not in str(told.value)
        assert str(told.value).isprintable()

    def test_a_password_is_in_no_repr(self):
        assert "hunter2" not in repr(resolve("redis://:hunter2@host"))


class TestTheClient:
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

    def test_its_name_is_seen_on_the_server_with_what_is_not_allowed_replaced(self, server: Server):
        with connect(server.url, role="qtui worker\n1") as client:
            assert client.client_getname() == b"qtui-worker-1"

    def test_what_is_no_utf8_goes_back_unchanged(self, server: Server):
        with connect(server.url) as client:
            client.set("k", b"\xff\xfe".decode("utf-8", "surrogateescape"))
            assert client.get("k") == b"\xff\xfe"

    def test_it_speaks_resp3_and_resp2_when_told_to(self, server: Server):
        with connect(server.url) as three, connect(server.url + "?protocol=2") as two:
            assert [client.client_info()["resp"] for client in (three, two)] == [3, 2]

    def test_opening_one_sends_nothing(self):
        with listening(None) as address:
            open_client(resolve(f"redis://{address}")).close()

    @pytest.mark.parametrize(("patience", "pushed"), [(INTERACTIVE, 1), (WORKER, 2)])
    def test_only_the_workers_client_repeats_a_command_whose_reply_was_lost(
        self, server: Server, client: redis.Redis, patience: Patience, pushed: int
    ):
        with losing_one_reply(server, after=b"RPUSH") as address:
            with connect(f"redis://{address}", patience=patience) as through:
                if patience is INTERACTIVE:
                    with pytest.raises(redis.ConnectionError):
                        through.rpush("list", "once")
                else:
                    through.rpush("list", "once")
            assert client.llen("list") == pushed

    def test_it_comes_back_by_itself_when_the_server_does(self, own_server: Server):
        with connect(own_server.url) as client:
            own_server.kill()
            with pytest.raises(redis.ConnectionError):
                client.ping()
            own_server.start()
            assert client.ping() is True

    def test_a_pooled_connection_closed_by_the_server_goes_unnoticed(self, server: Server, client: redis.Redis):
        with connect(server.url) as ours:
            client.client_kill_filter(_id=str(ours.client_id()))
            assert ours.ping() is True

    def test_rqs_worker_runs_on_it(self, server: Server):
        with connect(server.url, role="qtui-worker", patience=WORKER) as client:
            queue = Queue("q", connection=client, serializer=JSONSerializer)
            job = queue.enqueue("os.path.basename", "/a/b")
            worker = SimpleWorker([queue], connection=client, serializer=JSONSerializer)
            longest_block = worker.dequeue_timeout
            assert client.get_connection_kwargs()["socket_timeout"] > longest_block
            worker.work(burst=True)
            assert job.return_value(refresh=True) == "b"

    def test_rqs_worker_hears_commands_on_it_while_it_waits(self, server: Server, client: redis.Redis):
        with connect(server.url, role="qtui-worker", patience=WORKER) as ours:
            worker = SimpleWorker(["q"], connection=ours, serializer=JSONSerializer)
            worker.subscribe()
            client.publish(worker.pubsub_channel_name, '{"command": "shutdown"}')
            wait_until(lambda: worker._shutdown_requested_date or worker._stop_requested, description="it was heard")
            worker.unsubscribe()


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
    def test_a_dead_server_is_told_within_three_seconds_and_a_bit(self, name: str | None):
        began = time.monotonic()
        if name:
            refusal(f"redis://127.0.0.1:{free_port()}", INTERACTIVE)
        else:
            with listening(None) as address:
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
    def test_what_answers_is_told_for_what_it_is(self, reply: bytes, told: str):
        with listening(reply) as address:
            assert told in refusal(f"redis://{address}")

    def test_a_server_without_lmove_is_too_old(self):
        hello = b"%2\r\n$7\r\nversion\r\n$6\r\n6.0.16\r\n$5\r\nproto\r\n:3\r\n"
        with listening(hello + b"+OK\r\n" * 3 + b"+PONG\r\n") as address:
            assert "is too old (6.0.16): use 6.2 or newer" in refusal(f"redis://{address}")

    def test_tls_is_asked_of_a_server_that_has_none(self):
        with listening(b"-ERR unknown command\r\n") as address:
            assert "use redis:// if it has none" in refusal(f"rediss://{address}")
        with listening(None) as address:
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
        with server.client() as client:
            client.auth("right")
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
        with own_server.client() as client, client.pipeline(transaction=False) as pipe:
            for number in range(20_000):
                pipe.set(str(number), "x")
            pipe.execute()
        own_server.kill()
        own_server.options = {**own_server.options, "key-load-delay": "200"}  # microseconds a key
        starting = threading.Thread(target=own_server.start)
        starting.start()
        wait_until(lambda: _told_as_loading(own_server), description="the client is told that the server loads")
        starting.join()
        with connect(own_server.url) as client:
            assert client.dbsize() == 20_000

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
            client.bgsave()
            wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", description="saving fails")
        with connect(f"redis://{address}") as client:
            assert client.llen("nothing") == 0
            with pytest.raises(redis.RedisError) as refused:
                client.set("k", "v")
        assert "cannot write to its disk" in str(explain(refused.value, "here"))

    def test_anything_else_is_told_in_one_safe_line(self):
        sentence = str(explain(redis.ResponseError("ERR {odd}\n\x1b[2J, with args beginning with: 'hunter2'"), "h\n:1/0"))
        assert sentence.isprintable()
        assert "{odd}" in sentence
        assert "hunter2" not in sentence

    def test_the_embedded_server_is_named_as_such(self):
        assert str(explain(redis.ConnectionError("Connection closed"), "embedded")).startswith("The embedded server")


def _told_as_loading(server: Server) -> bool:
    try:
        connect(server.url).close()
    except RedisUnavailable as error:
        return "still loading" in str(error)
    raise AssertionError("it was loaded before anybody was told")


@contextmanager
def losing_one_reply(server: Server, after: bytes) -> Iterator[str]:
    """The address of a way to the server that breaks once: when the reply to the command `after` comes by."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        lost = threading.Event()

        def carry(near: socket.socket) -> None:
            with near, socket.socket(socket.AF_UNIX) as far:
                far.connect(server.socket)
                while request := near.recv(65536):
                    far.sendall(request)
                    reply = far.recv(65536)
                    if after in request and not lost.is_set():
                        lost.set()
                        return
                    near.sendall(reply)

        def serve() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                carry(near)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
