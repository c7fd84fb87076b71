"""`qtui hold` and `qtui release`: what they hold, what they say, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import redis
from rq import Queue, Worker

from qtui_workers.server import keys
from tests.broker import tasks
from tests.cli.support import ISO, Qtui, keyspace
from tests.support import Server


def test_a_function_is_held_listed_and_released(qtui: Qtui, client: redis.Redis) -> None:
    assert qtui("hold").out.startswith("Nothing is held.")
    mail = Queue("mail", connection=client)
    ids = [mail.enqueue(tasks.add, 1, b=n % 2).id for n in range(6)]
    before = keyspace(client)
    assert "would hold tasks.add b=1: 3 queued jobs" in qtui("hold", "tasks.add", "b=1", "--dry-run").out
    assert keyspace(client) == before

    said = qtui("hold", "tasks.add", "b=1", "--reason", "gateway \x1b[31mdown").out
    assert "tasks.add b=1 is held from now on; 3 queued jobs put into hold" in said
    assert "was held already; 0 queued jobs" in qtui("hold", "tasks.add", "b=1").out
    (row,) = qtui("hold", "--json").json
    assert row == row | {
        "hold": "tasks.add b=1", "function": "tasks.add", "field": "b", "value": "1", "placed": True, "held": 3,
        "queues": {"mail": 3},
    }  # fmt: skip
    assert ISO.fullmatch(row["at"])
    assert "@" in row["by"]
    head, line = qtui("hold").out.splitlines()
    assert head.split() == ["HELD", "JOBS", "SINCE", "BY", "QUEUES", "REASON"]
    assert "gateway ␛[31mdown" in line

    jobs = qtui("jobs", "mail", "--status", "deferred", "--json").json["jobs"]
    assert [job["held"]["hold"] for job in jobs] == ["tasks.add b=1"] * 3
    assert "held by" in qtui("jobs", "mail", "--status", "deferred").out
    assert qtui("jobs", "--status", "deferred", "--filter", 'held:"tasks.add b=1"', "--json").json["total"] == 3
    assert "held by" in qtui("job", ids[1]).out

    assert "would be: tasks.add b=1: 3 put back" in qtui("release", "tasks.add", "b=1", "--dry-run").out
    assert "is not held" in qtui.fails(4, "release", "tasks.add")
    (report,) = qtui("release", "--all", "--json").json
    assert (report["hold"], report["done"]) == ("tasks.add b=1", 3)
    assert mail.get_job_ids() == [*ids[1::2], *ids[::2]]
    assert "nothing is held" in qtui("release", "--all").out


def test_what_cannot_be_held_or_released_is_said(qtui: Qtui, client: redis.Redis) -> None:
    assert "no value of a payload" in qtui.fails(2, "hold", "tasks.add", "b")
    assert "say what to release" in qtui.fails(2, "release")
    assert "not both" in qtui.fails(2, "release", "tasks.add", "--all")


def test_plain_workers_that_know_no_hold_are_named(qtui: Qtui, client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    mail.enqueue(tasks.add, 1)
    plain = Worker([mail], connection=client, name="plain")
    plain.register_birth()
    answer = qtui("hold", "tasks.add")
    assert "plain listens here and knows no hold" in answer.err
    assert "qtui move --all --status queued --queue mail --filter func:tasks.add --to held" in answer.err
    assert qtui("hold", "tasks.add", "--json").json["unaware_workers"] == ["plain"]


def test_a_read_only_connection_may_look_only(bare: Qtui, client: redis.Redis, server: Server, tmp_path: Path) -> None:
    (config := tmp_path / "config.toml").write_text(f'[contexts.prod]\nurl = "{server.url}"\nread_only = true\n')
    prod = ("--context", "prod")
    assert "read-only" in bare.fails(5, "hold", "tasks.add", *prod, QTUI_CONFIG=str(config))
    assert "read-only" in bare.fails(5, "release", "tasks.add", *prod, QTUI_CONFIG=str(config))
    assert "Nothing is held" in bare("hold", *prod, QTUI_CONFIG=str(config)).out
    assert client.exists(keys.HOLDS) == 0
