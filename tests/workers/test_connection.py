"""Where Redis is, and the client of it; against real sockets and servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from qtui_workers.errors import InvalidInput
from qtui_workers.server.connection import INTERACTIVE, WORKER, Patience, Target, connect, open_client, own_connection, resolve
from tests.support import Server, wait_until
from tests.workers.sockets import listening, losing_one_reply


class Listening(SimpleWorker):
    """RQ's worker, taking down what is sent to it."""

    heard: ClassVar[list[bytes]] = []

    def handle_payload(self, message: dict[str, Any]) -> None:
        self.heard.append(message["data"])


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
            ("redis+sentinel://a,b", "names no primary"),
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
    def test_a_bad_address_is_reported_with_the_reason_and_without_its_secrets(
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
    def test_its_name_is_seen_on_the_server_with_what_is_not_allowed_replaced(self, server: Server):
        with connect(server.url, role="qtui worker\n1") as client:
            assert client.client_info()["name"] == "qtui-worker-1"

    def test_what_is_no_utf8_goes_back_unchanged(self, server: Server):
        with connect(server.url) as client:
            client.set("k", b"\xff\xfe".decode("utf-8", "surrogateescape"))
            assert client.get("k") == b"\xff\xfe"

    def test_redis_py_converts_arguments_and_takes_names_of_two_words_apart(self, server: Server):
        with connect(server.url) as client:
            client.set("k", bytearray(b"\xff"))
            assert client.execute_command("OBJECT ENCODING", "k") == b"embstr"
            assert client.get("k") == b"\xff"
            with pytest.raises(redis.DataError):
                client.set("k", None)  # type: ignore[arg-type]  # what is tried here

    def test_it_speaks_resp3_and_resp2_where_it_is_set(self, server: Server):
        with connect(server.url) as three, connect(server.url + "?protocol=2") as two:
            # the server says it with a map in RESP3, and with a list in RESP2
            assert three.execute_command("HELLO")[b"proto"] == 3
            told = two.execute_command("HELLO")
            assert told[told.index(b"proto") + 1] == 2

    def test_opening_one_sends_nothing(self):
        with listening() as address:
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

    def test_a_connection_that_breaks_while_it_is_made_is_made_again(self, server: Server):
        for command in (b"HELLO", b"SETNAME", b"PING"):
            with losing_one_reply(server, after=command) as address:
                client = open_client(resolve(f"redis://{address}"), patience=WORKER)
                assert client.client_getname() == "qtui"
                client.close()

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
            worker = Listening(["q"], connection=ours, serializer=JSONSerializer)
            worker.subscribe()
            client.publish(worker.pubsub_channel_name, "hello")
            wait_until(lambda: worker.heard == [b"hello"], description="the message is heard")
            worker.unsubscribe()


def test_a_connection_of_its_own_is_not_one_of_the_pool(server: Server) -> None:
    with redis.Redis(unix_socket_path=server.socket, max_connections=1) as client:
        for _ in range(3):
            connection = own_connection(client)
            connection.send_command("PING")
            assert connection.read_response() == b"PONG"
            connection.disconnect()
        assert client.ping()
