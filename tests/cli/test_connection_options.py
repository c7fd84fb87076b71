"""A command that a hint proposes acts on the same connection, and holds no password."""

from __future__ import annotations

import re

import pytest
import redis
from rq import Queue
from rq.suspension import suspend

from qtui import connection_options
from qtui.broker.diagnosis.troubles import verdict
from qtui.broker.queues import overview
from qtui_workers.server import keys
from qtui_workers.server.address import Target
from qtui_workers.server.contexts import Connections, Context, choose
from tests.broker import seed
from tests.broker.tasks import add
from tests.cli.support import Qtui
from tests.support import Server

SHOP = ("--context", "shop")


@pytest.fixture
def shop(qtui: Qtui, server: Server, client: redis.Redis) -> Qtui:
    """The command with a context of the config file, in which a job waits and three have failed."""
    config = qtui.home / ".config/qtui/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[contexts.shop]\nurl = "{server.url}"\n')
    seed.failed(client, "mail", 3)
    Queue("main-queue", connection=client).enqueue(add, 1, 2)
    return Qtui(qtui.home, {})


def test_what_a_change_proposes(shop: Qtui, client: redis.Redis) -> None:
    assert "qtui resume --workers --context shop" in shop("suspend", *SHOP).out
    assert "qtui resume --workers --context shop." in shop("doctor", *SHOP, code=1).out
    assert "qtui hold FUNCTION [FIELD=VALUE] --reason TEXT --context shop" in shop("hold", *SHOP).out
    assert "qtui release shop.charge --context shop" in shop("hold", "shop.charge", *SHOP).out
    (job_id, *_) = client.zrange(keys.registry("failed", "mail"), 0, -1)
    assert "--context shop puts it back" in shop("remove", job_id.decode(), "--yes", *SHOP).err


def test_what_errors_and_empty_lists_propose(shop: Qtui, client: redis.Redis) -> None:
    (job_id, *_) = client.zrange(keys.registry("failed", "mail"), 0, -1)
    shop("remove", job_id.decode(), "--yes", *SHOP)
    assert "qtui undo --list --context shop shows what there is" in shop.fails(4, "undo", "nosuch", *SHOP)
    assert "qtui hold --context shop lists what is" in shop.fails(4, "release", "shop.charge", *SHOP)
    client.set(keys.scheduler_lock("mail"), "scheduler")
    spread = shop("retry", "--all", "--over", "1h", "--yes", *SHOP)
    assert re.search("qtui cancel --batch [0-9a-f]{12} --context shop takes back", spread.out)
    client.flushall()
    for command in ("queues", "stats"):
        assert "qtui enqueue test_job message=hello --context shop" in shop(command, *SHOP).out


def test_what_the_doctor_proposes(shop: Qtui, client: redis.Redis) -> None:
    said = shop("doctor", *SHOP, code=1).out
    assert "Start a worker: " in said
    assert "rq worker main-queue." in said  # its job is pickled, and rq does not know our options
    shop("enqueue", "test_job", "message=hello", "--queue", "ours", *SHOP)
    assert "Start a worker: qtui-worker ours --context shop." in shop("doctor", *SHOP, code=1).out
    client.delete(keys.queue("ours"))
    shop("pause", "main-queue", *SHOP)
    assert "qtui resume main-queue --context shop." in shop("doctor", *SHOP, code=1).out  # the jobs of mail have just failed


def test_what_the_lines_on_queues_propose(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(add, 1, 2)
    suspend(client)
    seen = overview.load(client)
    chosen = choose("redis://ada:secret@x:1", None, Connections())
    text = verdict(seen.queues[0], seen, None, connection_options.suffix(chosen)).text
    assert "qtui resume --workers --url 'redis://ada:***@x:1'" in text
    assert "(`qtui resume --workers` ends that)" in verdict(seen.queues[0], seen).text


def test_the_usual_connection_needs_no_options() -> None:
    assert connection_options.suffix(choose(None, None, Connections())) == ""
    assert connection_options.suffix(choose("redis://x:1/?password=secret", None, Connections())).find("secret") == -1


def test_passwords_are_hidden_however_they_are_written_and_nothing_else_is_changed() -> None:
    for url, shown in (
        ("redis://:hunter2@h:1/0", "redis://:***@h:1/0"),
        ("redis://h:1/0?PASSWORD=hunter2&db=1", "redis://h:1/0?PASSWORD=***&db=1"),
        ("rediss://h:1/0?ssl_password=hunter2", "rediss://h:1/0?ssl_password=***"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
    ):
        assert connection_options.words(Context("h", Target(url, "h"), options=("--url", url))) == ["--url", shown]
