"""TLS, Sentinel and passwords that programs print; over real servers, by the connections of the config file too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from qtui_workers.errors import InvalidInput, RedisUnavailable
from qtui_workers.server.address import resolve, with_password_of
from qtui_workers.server.connection import connect, dial, open_client, own_connection
from qtui_workers.server.contexts import Connections, Context, choose, read_config
from tests import launcher
from tests.support import Server, wait_until
from tests.workers import engine
from tests.workers.sockets import free_port
from tests.workers.support import environment, run
from tests.workers.ways import tls_server, watched


def context(home: Path, *lines: str) -> Context:
    """The context that a config file of these lines describes."""
    written = home / ".config/qtui/config.toml"
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text("\n".join(["[contexts.there]", *lines]))
    return choose(None, "there", read_config(Connections))


def printing(folder: Path, text: str, *, code: int = 0) -> tuple[list[str], Path]:
    """A command that prints a text, also as an error, and the file that has a line for each of its runs."""
    program, runs = folder / "password.py", folder / "runs"
    (folder / "password").write_text(text)
    program.write_text(
        "import pathlib, sys\n"
        f"here = pathlib.Path({str(folder)!r})\n"
        "with (here / 'runs').open('a') as runs: runs.write('run\\n')\n"
        "text = (here / 'password').read_text()\n"
        "print(text)\nprint(text, file=sys.stderr)\n"
        f"sys.exit({code})\n"
    )
    return [sys.executable, "-I", "-S", str(program)], runs


class TestTLS:
    def test_a_certificate_of_an_authority_of_ones_own_and_one_of_the_client(self, short_path: Path, home: Path):
        with tls_server(short_path) as (port, made):
            url = f"rediss://localhost:{port}/0"
            certificate, key = made.of("client")
            with connect(f"{url}?ssl_ca_certs={made.authority}&ssl_certfile={certificate}&ssl_keyfile={key}") as client:
                client.set("a", "1")
            found = context(
                home,
                f'url = "{url}"',
                f'ca_certificate = "{made.authority}"',
                f'certificate = "{certificate}"',
                f'private_key = "{key}"',
            )
            with dial(found.target) as client:
                assert client.get("a") == b"1"
            with pytest.raises(RedisUnavailable, match="certificate that is not trusted"):
                connect(url)
            with pytest.raises(RedisUnavailable, match=f"^Redis at localhost:{port}/0 "):
                connect(f"{url}?ssl_ca_certs={made.authority}")  # without a certificate of ours

    def test_certificates_are_only_for_addresses_with_tls(self, home: Path):
        with pytest.raises(InvalidInput, match="context there: certificates need an address that begins with rediss://"):
            context(home, 'url = "redis://host"', 'ca_certificate = "a.pem"')


class TestSentinel:
    def test_the_primary_is_found_and_a_failover_followed(self, short_path: Path):
        with watched(short_path) as two, connect(two.url) as client:
            client.set("a", "1")
            assert client.connection_pool.get_connection().port == two.ports[0]
            own = own_connection(client)
            own.connect()
            two.fail_over()

            def is_written() -> bool:
                try:
                    return bool(client.set("b", "2"))
                except redis.ConnectionError:  # of what was connected to the primary before
                    return False

            wait_until(is_written, description="the new primary takes a change")
            with redis.Redis(port=two.ports[1]) as primary:
                assert primary.get("b") == b"2"
            own.disconnect()
            own.send_command("GET", "b")
            assert own.read_response() == b"2"
            own.disconnect()

    def test_a_worker_works_on_the_primary(self, short_path: Path, home: Path):
        with watched(short_path) as two, connect(two.url) as client:
            job = Queue("mail", connection=client, serializer=JSONSerializer).enqueue(engine.give, 1)
            done = run(home, "mail", "--url", two.url, "--burst", "--allow", engine.MODULE)
            assert (done.returncode, client.hget(f"rq:job:{job.id}", "status")) == (0, b"finished"), done.stderr

    def test_without_a_sentinel_or_with_a_name_that_it_does_not_know_there_is_one_sentence(self, server: Server):
        port = free_port()
        with pytest.raises(RedisUnavailable, match=rf"^Redis at main/2 of Sentinel 127.0.0.1:{port} .*nothing listens there"):
            connect(f"redis+sentinel://127.0.0.1:{port}/main/2")

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("redis+sentinel://a,b", "names no primary"),
            ("redis+sentinel://a,/main", "a Sentinel has no host"),
            ("redis+sentinel://a:b/main", "port of a Sentinel"),
            ("redis+sentinel://a/main/x", "the database is a number"),
            ("redis+sentinel://a/main?ssl_ca_certs=x", "'ssl_ca_certs' is not known"),
        ],
    )
    def test_what_is_wrong_with_an_address(self, url: str, reason: str):
        with pytest.raises(InvalidInput, match=reason):
            resolve(url)

    def test_its_label_names_the_primary_and_the_sentinels_and_no_password(self):
        found = resolve("rediss+sentinel://me:secret@a,b:7/main/3?sentinel_password=other&ssl_ca_certs=/a")
        assert found.label == "main/3 of Sentinel a,b:7"
        assert "secret" not in repr(found)
        assert "other" not in repr(found)
        assert found.is_tls


class TestPasswordCommands:
    @pytest.fixture
    def guarded_server(self, own_server: Server) -> Server:
        with own_server.client() as client:
            client.acl_setuser("ada", enabled=True, passwords=["+first"], commands=["+@all"], keys=["*"], channels=["*"])
            client.acl_setuser("default", enabled=True, passwords=["+of nobody"], commands=["+@all"], keys=["*"])
        return own_server

    def test_it_is_run_once_for_all_connections_of_a_context(self, guarded_server: Server, home: Path):
        command, runs = printing(home, "first")
        found = context(home, f'url = "unix://ada@{guarded_server.socket}"', f"password_command = {command}")
        with dial(found.target) as client, open_client(found.target) as second:
            assert client.execute_command("ACL", "WHOAMI") == b"ada"
            assert second.ping()
            assert own_connection(client).connect() is None
        assert runs.read_text() == "run\n"
        assert "first" not in repr(found)

    def test_a_password_that_is_no_longer_valid_is_asked_for_anew(self, guarded_server: Server, home: Path):
        command, runs = printing(home, "first")
        found = context(home, f'url = "unix://ada@{guarded_server.socket}"', f"password_command = {command}")
        with dial(found.target) as client:
            client.acl_setuser("ada", enabled=True, passwords=["-first", "+second"])
            (home / "password").write_text("second")
            with dial(found.target) as again:
                assert again.ping()
        assert runs.read_text() == "run\nrun\n"

    def test_a_wrong_password_is_one_sentence_and_one_more_run_at_most(self, guarded_server: Server, home: Path):
        command, runs = printing(home, "hunter2")
        found = context(home, f'url = "unix://ada@{guarded_server.socket}"', f"password_command = {command}")
        with pytest.raises(RedisUnavailable, match="refused the user name or password") as told:
            dial(found.target)
        assert "hunter2" not in str(told.value)
        assert runs.read_text() == "run\n"

    @pytest.mark.parametrize(("text", "code", "reason"), [("hunter2", 3, "ended with 3"), ("", 0, "printed no password")])
    def test_a_program_that_fails_is_named_and_what_it_prints_is_not_shown(
        self, server: Server, home: Path, capfd: pytest.CaptureFixture[str], text: str, code: int, reason: str
    ):
        command, _ = printing(home, text, code=code)
        with pytest.raises(RedisUnavailable, match=reason) as told:
            dial(with_password_of(resolve(server.url), tuple(command)))
        assert "hunter2" not in f"{told.value}{capfd.readouterr()}"

    def test_a_program_that_is_not_there_is_named(self, server: Server):
        with pytest.raises(RedisUnavailable, match=r"\(/nowhere/pass\) cannot be run: No such file"):
            dial(with_password_of(resolve(server.url), ("/nowhere/pass", "show")))

    def test_the_worker_and_the_commands_use_it_too(self, guarded_server: Server, home: Path):
        command, _ = printing(home, "first")
        found = context(home, f'url = "unix://ada@{guarded_server.socket}"', f"password_command = {command}")
        with dial(found.target) as client:
            job = Queue("mail", connection=client, serializer=JSONSerializer).enqueue(engine.give, 1)
            done = run(home, "mail", "--context", "there", "--burst", "--allow", engine.MODULE)
            assert (done.returncode, client.hget(f"rq:job:{job.id}", "status")) == (0, b"finished")
        looked = launcher.run("qtui.cli", ["queues", "--context", "there", "--json"], environment(home), home)
        assert '"mail"' in looked.stdout
        assert "first" not in done.stdout + done.stderr + looked.stdout + looked.stderr

    @pytest.mark.parametrize("url", ["redis://:p@host", "redis://u:@host", "redis://host?password=p", "embedded:"])
    def test_it_is_one_of_two_ways(self, home: Path, url: str):
        with pytest.raises(InvalidInput, match="password_command"):
            context(home, f'url = "{url}"', 'password_command = ["pass"]')
