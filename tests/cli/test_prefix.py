"""Two contexts on one server whose keys have other prefixes: each command, worker and dashboard sees its own only."""

from __future__ import annotations

import subprocess
import sys

import pytest
import redis

from qtui_workers.server import keys
from tests.cli.support import COMMAND, Qtui, keyspace
from tests.cli.terminals import LEFT, on_terminal
from tests.support import Server

JOBS = '{"message": "one"}\n{"message": "two"}\n'


@pytest.fixture
def two(qtui: Qtui, server: Server) -> Qtui:
    """The command, with a config file that names the same server twice."""
    written = qtui.home / ".config/qtui/config.toml"
    written.parent.mkdir(parents=True)
    written.write_text(f'[contexts.shop]\nurl = "{server.url}"\nprefix = "shop:eu"\n\n[contexts.plain]\nurl = "{server.url}"\n')
    return Qtui(qtui.home, {})


def prefixes(client: redis.Redis) -> set[str]:
    return {key.decode().partition(":queue")[0].partition(":job")[0] for key in keyspace(client) if b":qtui:" not in key}


@pytest.mark.long
def test_each_command_uses_the_keys_of_its_context(two: Qtui, client: redis.Redis) -> None:
    two("enqueue", "test_job", "-", "--context", "shop", "--queue", "books", stdin=JOBS, fresh=True)
    assert prefixes(client) == {"shop:eu"}
    two("--context", "plain", "enqueue", "test_job", "--queue", "mail", fresh=True)
    assert prefixes(client) == {"shop:eu", "rq"}
    for words in ("--context shop queues", "queues --context=shop", "queues --context plain --context shop"):
        (row,) = two(*words.split(), "--json", fresh=True).json
        assert (row["name"], row["queued"]) == ("books", 2)
    assert "mail" in two("--snapshot", "--context", "plain", fresh=True).out
    assert "books" in two("--snapshot", "--context", "shop", fresh=True).out
    two("remove", "--all", "--status", "queued", "--queue", "books", "--yes", "--context", "shop", fresh=True)
    assert not [key for key in client.keys("rq:*") if b":trash" in key]
    assert client.llen(keys.queue("mail")) == 1
    two("undo", "--context", "shop", fresh=True)
    assert client.llen("shop:eu:queue:books") == 2


def test_the_context_is_stronger_than_the_environment(two: Qtui, server: Server, client: redis.Redis) -> None:
    two("enqueue", "test_job", "--context", "shop", fresh=True, RQ_KEY_PREFIX="other")
    assert prefixes(client) == {"shop:eu"}
    two("enqueue", "test_job", "--context", "plain", fresh=True, RQ_KEY_PREFIX="other")
    two("enqueue", "test_job", "--url", server.url, "--context", "shop", fresh=True)
    assert prefixes(client) == {"shop:eu", "other", "rq"}
    config = two.home / ".config/qtui/config.toml"
    config.write_text(config.read_text().replace("shop:eu", "shop eu"))
    assert "contexts.shop.prefix: must match pattern" in two.fails(2, "queues", "--context", "plain")


def test_a_shell_completes_the_queues_of_the_context(two: Qtui, client: redis.Redis) -> None:
    two("enqueue", "test_job", "--context", "shop", "--queue", "books", fresh=True)
    line = "qtui jobs --context shop bo"
    asked = {"_QTUI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "4"}
    assert two(fresh=True, **asked).out.split() == ["books"]


def test_a_worker_works_on_the_jobs_of_its_context(two: Qtui, client: redis.Redis) -> None:
    (shop,) = two("enqueue", "test_job", "--context", "shop", "--queue", "books", fresh=True).out.split()
    (plain,) = two("enqueue", "test_job", "--context", "plain", "--queue", "books", fresh=True).out.split()
    done = subprocess.run(
        [sys.executable, "-m", "qtui_workers.cli", "books", "--burst", "--context", "shop"],
        env=two.environment(), cwd=two.home, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert two("job", shop, "--context", "shop", "--json", fresh=True).json["status"] == "finished"
    assert two("job", plain, "--context", "plain", "--json", fresh=True).json["status"] == "queued"
    assert prefixes(client) >= {"shop:eu", "rq"}
    assert not [key for key in client.keys("rq:*") if b"finished" in key or b"worker" in key]


def test_the_palette_goes_there_and_back(two: Qtui, client: redis.Redis) -> None:
    two("enqueue", "test_job", "--context", "shop", "--queue", "books", fresh=True)
    two("enqueue", "test_job", "--context", "plain", "--queue", "mail", fresh=True)
    with on_terminal(two, "--context", "plain", command=COMMAND) as (process, terminal):
        terminal.wait_to_show("mail")
        for context, queue, other in (("shop", "books", "mail"), ("plain", "mail", "books"), ("shop", "books", "mail")):
            terminal.wait_to_rest()
            terminal.type(b"\x10")
            terminal.wait_to_show("Search for commands")
            terminal.type(f"@{context}")
            terminal.wait_to_show(f"Context {context}")
            terminal.wait_to_rest()
            terminal.forget()
            terminal.type("\r")
            terminal.wait_to_show(f"● {context}")
            terminal.wait_to_show(queue)
            assert other not in terminal.text
        terminal.wait_to_rest()
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert process.wait(20) == 0


def test_names_that_are_made_already_are_not_those_of_another_context(two: Qtui) -> None:
    said = two.fails(2, "queues", "--context", "shop")  # in a process that has them
    assert said == "qtui: the keys of shop begin with 'shop:eu:': set RQ_KEY_PREFIX=shop:eu for this command"
