"""`qtui retry` and `qtui remove`: what they do, what they ask, what they refuse, what they report."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.seed import copies
from tests.broker.test_requeue import lost
from tests.cli.support import Qtui, keyspace
from tests.cli.terminals import on_terminal

REPORT = {"operation", "batch", "dry_run", "matched", "done", "skipped", "failed", "seconds", "reasons", "ids", "undo"}


def queued(client: redis.Redis, queue: str = "mail") -> list[str]:
    return [raw.decode() for raw in client.lrange(keys.queue(queue), 0, -1)]


def test_named_jobs_are_retried_and_the_others_are_not(qtui: Qtui, client: redis.Redis) -> None:
    first, second, third = seed.failed(client, count=3)
    answer = qtui("retry", first, third, "--yes")
    assert answer.out == "2 retried\n"
    assert sorted(queued(client)) == sorted([first, third])
    assert client.zrange(keys.registry("failed", "mail"), 0, -1) == [second.encode()]


def test_a_beginning_of_an_id_that_is_too_short_asks_for_more_of_it(qtui: Qtui, client: redis.Redis) -> None:
    (job_id,) = seed.failed(client, "mail")
    for words in (("retry", "--yes"), ("remove", "--dry-run"), ("edit", "--set", "a=1")):
        said = qtui.fails(4, *words, job_id[:7])
        assert f"there is no job '{job_id[:7]}', and to find one by a beginning it is too short" in said
        assert said.endswith("write more characters of the id, at least 8")
        assert "may have expired" in qtui.fails(4, *words, "order-1")
        assert "may have expired" in qtui.fails(4, *words, "00000000")


def test_jobs_are_named_as_short_as_lists_show_them(qtui: Qtui, client: redis.Redis) -> None:
    first, second, *_ = seed.failed(client, count=3)
    assert qtui("retry", first[:8], second, "--yes").out == "2 retried\n"
    assert sorted(queued(client)) == sorted([first, second])
    twin = first[:-1] + ("0" if first[-1] != "0" else "1")
    client.hset(keys.job(twin), "data", "x")
    said = qtui.fails(4, "remove", first[:8], "--yes")
    assert first in said
    assert twin in said
    assert "there is no job '00000000': it may have expired" in qtui.fails(4, "cancel", "00000000", "--yes")


def test_all_failed_jobs_of_one_queue_are_retried(qtui: Qtui, client: redis.Redis) -> None:
    ids, others = seed.failed(client, "mail", 3), seed.failed(client, "media", 2)
    qtui("retry", "--all", "--queue", "mail", "--yes")
    assert sorted(queued(client)) == sorted(ids)
    assert client.zcard(keys.registry("failed", "media")) == len(others)


def test_all_jobs_of_a_status_are_purged_and_nothing_of_them_stays(qtui: Qtui, client: redis.Redis) -> None:
    ids = seed.finished(client, "mail", 3)
    report = qtui("remove", "--all", "--status", "finished", "--purge", "--yes", "--json").json
    assert set(report) == REPORT
    assert (report["operation"], report["dry_run"]) == ("remove", False)
    assert (report["matched"], report["done"], report["skipped"], report["failed"], report["reasons"]) == (3, 3, 0, 0, {})
    assert report["seconds"] >= 0
    assert not [key for key in client.scan_iter() if key != keys.AUDIT.encode() and any(job_id.encode() in key for job_id in ids)]


@pytest.mark.parametrize("operation", ["retry", "remove"])
def test_a_dry_run_says_how_many_and_writes_nothing(qtui: Qtui, client: redis.Redis, operation: str) -> None:
    seed.failed(client, count=3)
    before = keyspace(client)
    words = [operation, "--all", "--status", "failed", "--dry-run"]
    report = qtui(*words, "--json").json
    assert set(report) == REPORT
    assert (report["dry_run"], report["matched"], report["done"]) == (True, 3, 3)
    assert qtui(*words).out.startswith("would be: 3 re")
    assert keyspace(client) == before


def test_a_dry_run_that_can_do_nothing_is_exit_1(qtui: Qtui, client: redis.Redis) -> None:
    (good,) = seed.finished(client)
    assert qtui("retry", good, "--dry-run", code=1).out == "would be: 1 × no longer failed\n"
    assert qtui("retry", "--all", "--dry-run", "--json", code=1).json["matched"] == 0


def test_without_a_terminal_it_needs_yes(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, count=2)
    before = keyspace(client)
    said = qtui.fails(5, "remove", "--all", "--status", "failed")
    assert "Remove 2 failed jobs in all queues on" in said
    assert "--yes" in said
    assert keyspace(client) == before


TYPED = {"enter": ("\r", 5, 1), "n": ("n\r", 5, 1), "ctrl-d": ("\x04", 5, 1), "ctrl-c": ("\x03", 130, 1), "y": ("y\r", 0, 0)}


@pytest.mark.parametrize(("typed", "code", "left"), TYPED.values(), ids=TYPED)
def test_on_a_terminal_it_asks_and_only_yes_is_yes(qtui: Qtui, client: redis.Redis, typed: str, code: int, left: int) -> None:
    (job_id,) = seed.failed(client)
    with on_terminal(qtui, "remove", job_id) as (process, terminal):
        terminal.wait_for("? [y/N] ")
        terminal.type(typed)
        assert process.wait(20) == code
    assert client.exists(keys.job(job_id)) == left


def test_on_a_terminal_more_than_100_jobs_need_their_number(qtui: Qtui, client: redis.Redis) -> None:
    (model,) = seed.failed(client)
    copies(client, model, 100)
    for typed, code, left in (("y\r", 5, 101), ("100\r", 5, 101), ("101\r", 0, 0)):
        with on_terminal(qtui, "retry", "--all") as (process, terminal):
            terminal.wait_for("Type 101 to go on: ")
            terminal.type(typed)
            assert process.wait(20) == code
        assert client.zcard(keys.registry("failed", "mail")) == left


def test_what_cannot_be_done_is_left_and_reported_and_exit_1(qtui: Qtui, client: redis.Redis) -> None:
    (bad,), (good,) = seed.failed(client), seed.finished(client)
    report = qtui("retry", bad, good, "nosuch", "--yes", "--json", code=1).json
    assert (report["matched"], report["done"], report["skipped"]) == (3, 1, 2)
    assert sum(report["reasons"].values()) == 2
    assert queued(client) == [bad]
    text = qtui("retry", good, "nosuch", "--yes", code=1).out
    assert "1 × no longer failed" in text


@pytest.mark.parametrize("operation", ["retry", "remove"])
def test_where_none_of_the_named_jobs_exists_it_is_exit_4(qtui: Qtui, operation: str) -> None:
    assert "there are no such jobs" in qtui.fails(4, operation, "nosuch", "gone", "--yes")
    assert "there is no queue 'nosuch'" in qtui.fails(4, operation, "--all", "--status", "failed", "--queue", "nosuch", "--yes")


def test_no_failed_jobs_at_all_is_done_with_nothing(qtui: Qtui, client: redis.Redis) -> None:
    seed.finished(client)
    report = qtui("retry", "--all", "--queue", "mail", "--json").json
    assert (report["matched"], report["done"], report["reasons"]) == (0, 0, {})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["retry"], "name the job ids to retry, or use --all"),
        (["retry", "--queue", "mail"], "use --all"),
        (["retry", "a", "--all"], "not both"),
        (["retry", "a", "--status", "failed"], "not both"),
        (["retry", "--all", "--status", "finished"], "does not apply to finished jobs, only to: failed, stopped"),
        (["remove", "--all", "--status", "started"], "does not apply to started jobs"),
        (["remove", "--all"], "say which jobs to remove: --status with one of queued, "),
        (["remove", "--all", "--status", "rubbish"], "'rubbish' is not a status"),
    ],
)
def test_a_selection_that_makes_no_sense_is_exit_2(qtui: Qtui, client: redis.Redis, words: list[str], reason: str) -> None:
    seed.failed(client)
    before = keyspace(client)
    assert reason in qtui.fails(2, *words, "--yes")
    assert keyspace(client) == before


def test_waiting_jobs_are_moved_to_the_queue_that_is_named(qtui: Qtui, client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    first, second, third = (mail.enqueue(tasks.add, n).id for n in range(3))
    dry = qtui("move", "--all", "--queue", "mail", "--status", "queued", "--to", "bulk", "--dry-run")
    assert dry.out == "would be: 3 moved\n"
    assert dry.err == "bulk: nobody listens; the jobs will wait\n"
    said = qtui.fails(5, "move", "--all", "--queue", "mail", "--status", "queued", "--to", "bulk")
    assert "Move 3 queued jobs in mail to bulk on" in said
    assert queued(client) == [first, second, third]
    report = qtui("move", second, "--to", "bulk", "--yes", "--json").json
    assert set(report) == REPORT
    assert (report["operation"], report["matched"], report["done"]) == ("move", 1, 1)
    assert (queued(client), queued(client, "bulk")) == ([first, third], [second])
    assert qtui("move", second, "--to", "bulk", "--yes", code=1).out == "1 × it is in that queue already\n"


def test_a_move_needs_a_queue_that_may_exist(qtui: Qtui, client: redis.Redis) -> None:
    job_id = Queue("mail", connection=client).enqueue(tasks.add, 1).id
    assert "Missing option '--to'" in qtui("move", job_id, "--yes", code=2).err
    assert "move needs a QUEUE: the queue that it goes to" in qtui.fails(2, "move", job_id, "--yes", "--to", "")
    assert "queue name 'two words' is not allowed" in qtui.fails(2, "move", job_id, "--yes", "--to", "two words")
    assert queued(client) == [job_id]


def test_a_read_only_context_looks_but_changes_nothing(bare: Qtui, client: redis.Redis, server, tmp_path: Path) -> None:
    (job_id,) = seed.failed(client)
    (config := tmp_path / "config.toml").write_text(f'[contexts.prod]\nurl = "{server.url}"\nread_only = true\n')
    before = keyspace(client)
    settings = {"QTUI_CONFIG": str(config)}
    assert "prod is read-only" in bare.fails(5, "remove", job_id, "--yes", "--context", "prod", **settings)
    assert "prod is read-only" in bare.fails(5, "enqueue", "test_job", "--context", "prod", **settings)
    assert bare("remove", job_id, "--dry-run", "--context", "prod", **settings).out == "would be: 1 removed\n"
    assert bare("queues", "--context", "prod", "--json", **settings).json[0]["failed"] == 1
    assert keyspace(client) == before


def test_a_read_only_context_stays_read_only_beside_a_url(bare: Qtui, client: redis.Redis, server, tmp_path: Path) -> None:
    (job_id,) = seed.failed(client)
    (config := tmp_path / "config.toml").write_text('[contexts.prod]\nurl = "unix:///nowhere"\nread_only = true\n')
    words, settings = ("--url", server.url, "--context", "prod"), {"QTUI_CONFIG": str(config)}
    for command in (["remove", job_id, "--yes"], ["enqueue", "test_job"], ["pause", "mail"], ["worker", "w1", "shutdown"]):
        assert "is read-only" in bare.fails(5, *command, *words, **settings)
        assert "is read-only" in bare.fails(5, *words, *command, **settings)
    assert bare("queues", *words, "--json", **settings).json[0]["failed"] == 1
    assert "No context named 'nosuch'" in bare.fails(4, "queues", "--url", server.url, "--context", "nosuch", **settings)
    assert client.exists(keys.job(job_id))


def test_lost_jobs_are_put_back_and_those_of_living_workers_are_left(qtui: Qtui, client: redis.Redis) -> None:
    job_id = lost(client)
    (row,) = qtui("jobs", "mail", "--status", "started", "--json").json["jobs"]
    assert row["silent_seconds"] > 0
    assert "no sign of life for" in qtui("jobs", "mail", "--status", "started").out
    client.hset(keys.worker("w1"), "state", "busy")
    words = ["requeue", "--all", "--queue", "mail"]
    assert qtui(*words, "--yes", code=1).out == "1 × its worker may still be alive: choose it by itself\n"
    client.delete(keys.worker("w1"))
    assert qtui(*words, "--dry-run").out == "would be: 1 put back\n"
    assert qtui("fail", job_id[:8], "--dry-run").out == "would be: 1 failed\n"
    assert qtui(*words, "--yes").out == "1 put back\n"
    assert queued(client)[0] == job_id
