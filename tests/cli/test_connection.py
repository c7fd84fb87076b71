"""How the commands find Redis, and what they say where it is away or refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from tests.broker import seed
from tests.cli.support import Qtui, keyspace
from tests.support import Server
from tests.workers.sockets import free_port, listening

SECRET = "hunter2-of-the-test"


COMMANDS = ("", "queues", "jobs --json", "job x", "enqueue test_job", "retry x --yes")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_redis_that_does_not_run_is_exit_3_in_one_sentence(bare: Qtui, command: str) -> None:
    port = free_port()
    said = bare.fails(3, *command.split(), REDIS_URL=f"redis://:{SECRET}@127.0.0.1:{port}/0")
    assert f"Redis at 127.0.0.1:{port}/0 does not run" in said
    assert SECRET not in said


def test_a_wrong_password_is_exit_3_and_never_shown(bare: Qtui, own_server: Server) -> None:
    with own_server.client() as client:
        client.config_set("requirepass", "the right one")
    wrong = bare.fails(3, "queues", "--url", f"unix://:{SECRET}@{own_server.socket}")
    assert "refused the user name or password" in wrong
    assert "needs a password" in bare.fails(3, "queues", "--url", own_server.url)
    answer = bare("queues", REDIS_URL=f"unix://:the%20right%20one@{own_server.socket}")
    assert SECRET not in wrong
    assert "right" not in answer.out + answer.err


def test_what_is_not_redis_is_exit_3(bare: Qtui) -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        said = bare.fails(3, "queues", "--url", f"redis://{address}")
    assert "Redis" in said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://x", "must begin with redis://"),
        ("rubbish", "must begin with redis://"),
        (f"redis://:{SECRET}@host:port/0", "the host or port is not one"),
        ("redis://host/zero", "the database is a number"),
        ("embedded:relative", "takes a folder's whole path"),
    ],
)
def test_an_address_that_is_none_is_exit_2(bare: Qtui, url: str, reason: str) -> None:
    for said in (bare.fails(2, "queues", "--url", url), bare.fails(2, "queues", REDIS_URL=url)):
        assert reason in said
        assert SECRET not in said


def test_flags_work_before_and_after_the_name_of_the_command(bare: Qtui, server: Server, client: redis.Redis) -> None:
    seed.finished(client, "media")
    after = bare("queues", "--url", server.url)
    assert "media" in after.out
    assert bare("--url", server.url, "queues").out == after.out
    assert bare("--url", server.url).out == after.out


def test_contexts_of_the_config_file_name_connections(bare: Qtui, server: Server, client: redis.Redis) -> None:
    seed.finished(client, "media")
    config = bare.home / ".config" / "qtui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'context = "here"\n[contexts.here]\nurl = "{server.url}"\n[contexts.away]\nurl = "unix:///nowhere"\n')
    assert "media" in bare("queues").out
    assert "media" in bare("queues", "--context", "here").out
    assert "media" in bare("--context", "here", "queues").out
    assert "/nowhere" in bare.fails(3, "queues", "--context", "away")
    said = bare.fails(4, "queues", "--context", "nosuch")
    assert "No context named 'nosuch'" in said
    assert "away, here" in said


def test_flags_win_over_the_environment_and_that_over_the_config_file(bare: Qtui, server: Server, client: redis.Redis) -> None:
    seed.finished(client, "media")
    (config := bare.home / "c.toml").write_text(
        f'context = "away"\n[contexts.away]\nurl = "unix:///nowhere"\n[contexts.here]\nurl = "{server.url}"\n'
    )
    settings = {"QTUI_CONFIG": str(config)}
    bare.fails(3, "queues", **settings)
    assert "media" in bare("queues", **settings, REDIS_URL=server.url).out
    bare.fails(3, "queues", "--context", "away", **settings, REDIS_URL=server.url)
    assert "media" in bare("queues", "--context", "here", **settings, REDIS_URL="unix:///nowhere").out
    assert "media" in bare("queues", "--url", server.url, "--context", "away", **settings).out


def test_a_config_file_that_is_named_and_missing_is_exit_2(bare: Qtui) -> None:
    missing = bare.home / "nosuch.toml"
    for command in (["queues"], ["enqueue", "test_job"], []):
        said = bare.fails(2, *command, QTUI_CONFIG=str(missing))
        assert said == f"qtui: QTUI_CONFIG names {missing}, and there is no such file. Create it or unset QTUI_CONFIG."


def test_a_home_that_is_no_folder_has_no_config_file(qtui: Qtui) -> None:
    assert qtui("queues", HOME="/dev/null").out.startswith("No queues yet.")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"context = ", "is not valid TOML"),
        (b"\xff", "is not valid TOML"),
        (b"#" * 1_000_001, "that is no config file"),
        (b"colour = 'red'", "colour: there is no such field"),
        (b"refresh = 0", "refresh: must be at least 0.1"),
    ],
)
def test_a_config_file_that_is_wrong_is_exit_2_and_says_where(bare: Qtui, content: bytes, reason: str) -> None:
    (config := bare.home / "c.toml").write_bytes(content)
    said = bare.fails(2, "queues", QTUI_CONFIG=str(config))
    assert reason in said
    assert str(config) in said


def test_the_key_prefix_is_honoured_everywhere(qtui: Qtui, client: redis.Redis) -> None:
    job_id = qtui("enqueue", "test_job", fresh=True, RQ_KEY_PREFIX="shop").out.strip()
    assert all(key.startswith(b"shop:") for key in keyspace(client))
    assert qtui("job", job_id, "--json", fresh=True, RQ_KEY_PREFIX="shop").json["id"] == job_id
    qtui.fails(4, "job", job_id)


def test_the_parts_of_an_address_are_read_from_the_environment(bare: Qtui) -> None:
    port = free_port()
    said = bare.fails(3, "queues", REDIS_HOST="127.0.0.1", REDIS_PORT=str(port), REDIS_DB="4", REDIS_PASSWORD=SECRET)
    assert f"127.0.0.1:{port}/4" in said
    assert SECRET not in said
    assert "REDIS_PORT" in bare.fails(2, "queues", REDIS_PORT="many")


def test_a_server_that_dies_is_exit_3(bare: Qtui, own_server: Server, tmp_path: Path) -> None:
    bare("enqueue", "test_job", "--url", own_server.url)
    own_server.kill()
    assert "Redis at" in bare.fails(3, "jobs", "--url", own_server.url)
    own_server.start()
    assert len(bare("jobs", "--url", own_server.url, "--json").json["jobs"]) == 1


@pytest.mark.parametrize("command", ["queues", "jobs --json", "enqueue test_job"])
def test_a_bad_setting_of_a_worker_or_a_processor_does_not_stop_the_operator(qtui: Qtui, command: str) -> None:
    bad = {"SMTP_PORT": "abc", "FETCH_RATE": "fast", "JOB_CONCURRENCY": "0", "QTUI_PROCESSORS": "../evil"}
    qtui(*command.split(), **bad)
    assert "REDIS_PORT: must be a valid integer" in qtui.fails(2, *command.split(), REDIS_URL="", REDIS_PORT="abc")
