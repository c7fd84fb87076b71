"""`qtui workers`, `stats`, `check` and `doctor`: what they say of queues in good and in bad order."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families
from rq import Queue
from rq.suspension import suspend

from qtui_workers.server import keys
from qtui_workers.server.rights import LOOKING
from tests.broker import seed
from tests.broker.tasks import add
from tests.cli.support import ISO, Qtui, interrupt, keyspace
from tests.rights import user
from tests.support import Server


def aged(client: redis.Redis, job_id: str, **ago: float) -> None:
    """Set times of a job to so many seconds before now."""
    now = datetime.now(UTC)
    client.hset(
        keys.job(job_id), mapping={k: (now - timedelta(seconds=s)).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for k, s in ago.items()}
    )


@pytest.fixture
def busy(client: redis.Redis) -> redis.Redis:
    """Of 20 jobs that ended a moment ago 5 failed, each after 4 s in the queue and 2 s of work; 1 waits 20 min."""
    for job_id in [*seed.finished(client, "mail", count=15), *seed.failed(client, "mail", count=5)]:
        aged(client, job_id, enqueued_at=7, started_at=3, ended_at=1)
    aged(client, Queue("mail", connection=client).enqueue(add, 1, 2).id, enqueued_at=1_200)
    return client


def test_stats_says_how_fast_and_how_long(qtui: Qtui, busy: redis.Redis) -> None:
    before = keyspace(busy)
    document = qtui("stats", "--json").json
    (queue,) = document["queues"]
    assert ISO.fullmatch(document["at"])
    assert (document["workers"], document["utilisation"], document["suspended"]) == (0, None, False)
    assert queue["finished_per_second"] == pytest.approx(15 / 300)
    assert queue["failed_per_second"] == pytest.approx(5 / 300)
    assert queue["enqueued_per_second"] == pytest.approx(20 / 300)
    assert queue["failed_share"] == 0.25
    assert queue["wait_seconds"] == pytest.approx({"p50": 4.0, "p95": 4.0, "p99": 4.0})
    assert queue["run_seconds"] == pytest.approx({"p50": 2.0, "p95": 2.0, "p99": 2.0})
    assert queue["growth_per_second"] == pytest.approx(0)
    head, row, last = qtui("stats").out.splitlines()
    assert head.split()[:6] == ["QUEUE", "WAIT", "IN/s", "OK/s", "FAIL/s", "FAILED"]
    assert row.split()[:5] == ["mail", "1", "0.1", "0.1", "<0.1"]
    assert last == "0 workers"
    assert qtui("stats", "mail", "--json").json["queues"] == [queue | {"oldest_seconds": pytest.approx(1_200, abs=60)}]
    assert "there is no queue 'nosuch'" in qtui.fails(4, "stats", "nosuch")
    assert keyspace(busy) == before


def test_a_queue_whose_jobs_are_all_taken_at_once_keeps_up(qtui: Qtui, client: redis.Redis) -> None:
    for job_id in seed.finished(client, "mail", count=15):
        aged(client, job_id, enqueued_at=2, started_at=2, ended_at=1)
    assert qtui("stats").out.splitlines()[1].endswith("empty now")
    job_id = Queue("mail", connection=client).enqueue(add, 1, 2).id
    assert qtui("stats").out.splitlines()[1].endswith("keeps up")
    aged(client, job_id, enqueued_at=60)
    assert qtui("stats").out.splitlines()[1].endswith("not shrinking")
    assert qtui("stats", "--json").json["queues"][0]["drain_seconds"] is None


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample of the text format, as Prometheus' own reader has it."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_the_figures(qtui: Qtui, busy: redis.Redis) -> None:
    seed.failed(busy, 'odd "\\ \x1b\n', count=1)
    found = samples(qtui("stats", "--prometheus").out)
    assert found["rq_up",] == 1
    assert found["rq_jobs", "mail", "failed"] == 5
    assert found["rq_jobs", 'odd "\\ ␛␊', "failed"] == 1
    assert found["rq_queue_wait_seconds", "0.95", "mail"] == pytest.approx(4)
    assert found["rq_queue_oldest_seconds", "mail"] == pytest.approx(1_200, abs=60)
    assert ("rq_queue_oldest_seconds", 'odd "\\ ␛␊') not in found
    assert "--json goes with neither" in qtui.fails(2, "stats", "--prometheus", "--json")


def test_metrics_are_served_anew_each_time_and_say_when_redis_is_away(qtui: Qtui, own_server: Server) -> None:
    with own_server.client() as client:
        seed.failed(client, "mail")
    with Qtui(qtui.home, {"REDIS_URL": own_server.url}).running("stats", "--serve", "0") as process:
        assert process.stderr
        address = process.stderr.readline().split()[1]
        assert address.startswith("http://127.0.0.1:")

        def read() -> dict[tuple[str, ...], float]:
            with urllib.request.urlopen(address, timeout=20) as answer:
                return samples(answer.read().decode())

        assert read()["rq_jobs", "mail", "failed"] == 1
        with own_server.client() as client:
            seed.failed(client, "mail")
        assert read()["rq_jobs", "mail", "failed"] == 2
        own_server.kill()
        assert {name for name in read() if name[0].startswith("rq_")} == {("rq_up",)}
        assert read()["rq_up",] == 0
        assert interrupt(process) == 130


def test_failures_of_minutes_ago_are_no_trouble_of_now_and_those_of_the_last_minute_are(qtui: Qtui, client: redis.Redis) -> None:
    long_ago = seed.failed(client, "mail", count=12)
    for job_id in long_ago:
        aged(client, job_id, enqueued_at=106, started_at=102, ended_at=100)
    assert qtui("check").out == "OK: queues: 1, workers: 0\n"
    assert qtui("check", "--fail-rate", "5").out == "OK: queues: 1, workers: 0\n"
    seed.failed(client, "mail", count=1)
    found = qtui("check", code=2)
    assert found.out == "CRITICAL: mail: every attempt fails in the last minute\n"
    (said,) = (each for each in qtui("doctor", "--json", code=1).json["findings"] if each["about"] == "mail")
    assert (said["severity"], said["what"].startswith("every attempt fails, ")) == ("bad", True)
    seed.finished(client, "mail")
    assert qtui("check", code=2).out == "CRITICAL: mail: 50 % fail in the last minute\n"
    assert "✗ mail: 50 % of the attempts of the last minute failed" in qtui("doctor", code=1).out


def test_failed_jobs_that_were_put_back_are_no_failures_of_now(qtui: Qtui, client: redis.Redis) -> None:
    for job_id in seed.failed(client, "mail", count=12):
        aged(client, job_id, enqueued_at=106, started_at=102, ended_at=100)
    client.set(keys.scheduler_lock("mail"), "scheduler")
    batch = qtui("retry", "--all", "--over", "1h", "--yes", "--json").json["batch"]
    qtui("cancel", "--batch", batch, "--yes")
    qtui("remove", "--all", "--status", "failed", "--yes")
    qtui("undo", "--yes")
    assert client.zcard(keys.registry("failed", "mail")) == 12
    assert qtui("check", "--fail-rate", "5").out == "OK: queues: 1, workers: 0\n"
    assert qtui("stats", "--json").json["queues"][0]["failed_share"] is None


CHECKS = (
    (("check", "--fail-rate", "24.5"), 2, "CRITICAL: mail: 25 % of the jobs that ended in the last minute failed (limit 24.5 %)"),
    (("check", "--oldest", "30m"), 0, "OK: queues: 1, workers: 0"),
    (("check", "--oldest", "15m"), 2, "CRITICAL: mail: the oldest job has waited 20m (limit 15m)"),
    (("check", "--oldest", "15m,30m"), 1, "WARNING: mail: the oldest job has waited 20m (limit 15m)"),
    (("check", "--failed", "5"), 0, "OK: queues: 1, workers: 0"),
    (("check", "--failed", "3,4"), 2, "CRITICAL: mail: 5 failed (limit 4)"),
    (("check", "--fail-rate", "25%"), 0, "OK: queues: 1, workers: 0"),
    (
        ("check", "mail", "--fail-rate", "20"),
        2,
        "CRITICAL: mail: 25 % of the jobs that ended in the last minute failed (limit 20 %)",
    ),
    (("check", "--unattended"), 2, "CRITICAL: mail: nobody listens, 1 job waits"),
    (("check",), 2, "CRITICAL: mail: nobody listens"),
    (("check", "nosuch"), 3, "UNKNOWN: there is no queue 'nosuch': the queues are mail"),
)


@pytest.mark.parametrize(("words", "code", "line"), CHECKS, ids=[" ".join(words) for words, *_ in CHECKS])
def test_check_is_one_line_and_an_exit_code(qtui: Qtui, busy: redis.Redis, words: tuple[str, ...], code: int, line: str) -> None:
    said = qtui(*words, code=code).out
    # The job waits on meanwhile.
    assert said.replace("20m 1s", "20m").replace("20m 2s", "20m") == f"{line}\n"


def test_the_worst_comes_first_and_only_some_are_named(qtui: Qtui, client: redis.Redis) -> None:
    for number in range(9):
        seed.failed(client, f"q{number}", count=number + 1)
    said = qtui("check", "--failed", "2,8", code=2).out
    assert said.startswith("CRITICAL: q8: 9 failed (limit 8); q2: 3 failed (limit 2); ")
    assert said.endswith("; and 2 more\n")
    document = qtui("check", "--failed", "2,8", "--json", code=2).json
    assert (document["level"], len(document["alerts"])) == ("critical", 7)
    assert document["alerts"][0] == {"level": "critical", "queue": "q8", "what": "failed", "value": 9, "limit": 8}


def test_of_few_jobs_no_share_is_judged(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client, count=3)
    assert qtui("check", "--fail-rate", "5%").out.startswith("OK: ")


def test_a_suspended_redis_is_critical_and_one_that_is_away_unknown(qtui: Qtui, bare: Qtui, client: redis.Redis) -> None:
    suspend(client)
    assert qtui("check", "--failed", "9", code=2).out == "CRITICAL: all workers are suspended\n"
    assert bare("check", "--url", "redis://127.0.0.1:1", code=3).out.startswith("UNKNOWN: Redis at 127.0.0.1:1/0 does not run")


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--oldest", "soon", "'soon' is not a length of time"),
        ("--oldest", "10m,5m", "write one value, or the warning before the critical one"),
        ("--failed", "-1", "'-1' is not a number"),
        ("--fail-rate", "101%", "'101%' is not a share: write it as 5%"),
    ],
)
def test_a_bad_limit_is_refused(qtui: Qtui, client: redis.Redis, option: str, value: str, reason: str) -> None:
    said = qtui.fails(2, "check", f"{option}={value}")
    assert said.startswith(f"qtui: {option}: ")
    assert reason in said


def test_workers_says_who_works_and_who_is_silent(qtui: Qtui, client: redis.Redis) -> None:
    assert qtui("workers").out == "No worker is registered. Start one: qtui-worker\n"
    seed.everything(client)
    client.sadd(keys.WORKERS, keys.worker("gone"))
    before = keyspace(client)
    gone, living = sorted(qtui("workers", "--json").json, key=lambda row: row["name"] != "gone")
    assert gone == gone | {"name": "gone", "stale": True, "successful": None, "failed": None, "heartbeat_seconds": None}
    assert (living["stale"], living["queues"]) == (False, ["mail"])
    head, first, second = qtui("workers").out.splitlines()
    assert head.split()[:3] == ["WORKER", "STATUS", "QUEUES"]
    assert first.startswith("gone ")
    assert "⚠ silent" in first
    assert living["name"] in second
    assert keyspace(client) == before


@pytest.fixture
def kept(own_server: Server) -> Iterator[redis.Redis]:
    """A server of the test's own, whose settings may be changed."""
    with own_server.client() as client:
        yield client


def test_doctor_finds_nothing_in_a_server_that_is_in_order(qtui: Qtui, client: redis.Redis) -> None:
    assert qtui("doctor").out == "✓ nothing is wrong; queues: 0, workers: 0.\n"
    assert qtui("doctor", "--json").json["findings"] == []


def test_doctor_says_what_is_wrong_with_the_server_and_what_to_do(qtui: Qtui, own_server: Server, kept: redis.Redis) -> None:
    there = Qtui(qtui.home, {"REDIS_URL": own_server.url})
    used = kept.info("memory")["used_memory"]
    for name, value in (("appendonly", "no"), ("save", ""), ("maxmemory", used + 100_000), ("maxmemory-policy", "allkeys-lru")):
        kept.config_set(name, value)
    said = there("doctor", code=1).out
    assert "✗ redis: keeps nothing on disk: a restart loses every job.\n    CONFIG SET appendonly yes" in said
    assert "✗ redis: its policy is allkeys-lru: it throws away keys of jobs when its memory is full.\n" in said
    assert "✗ redis: its memory is almost full: " in said
    kept.config_set("maxmemory", 0)
    found = there("doctor", "--json", code=1).json["findings"]
    assert [(each["severity"], each["about"]) for each in found] == [("bad", "redis"), ("hint", "redis")]
    assert "it would, with a limit of memory, lose jobs" in found[1]["what"]


def test_doctor_says_what_is_wrong_with_queues_and_workers(qtui: Qtui, client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(add, 1, 2)
    client.sadd(keys.WORKERS, keys.worker("gone"))
    suspend(client)
    found = qtui("doctor", "--json", code=1).json["findings"]
    assert [(each["severity"], each["about"]) for each in found] == [("bad", "workers"), ("bad", "mail"), ("warn", "gone")]
    assert (found[1]["what"], found[1]["advice"]) == ("nobody listens and 1 job waits.", "Start a worker: rq worker mail.")


def test_doctor_says_which_rights_a_user_lacks(qtui: Qtui, server: Server, client: redis.Redis) -> None:
    with user(server, client, LOOKING, "-info") as url:
        found = {each["what"]: each for each in qtui("doctor", "--url", url, "--json").json["findings"]}
    assert {each["severity"] for each in found.values()} == {"hint"}
    assert "INFO is refused, so it is not known how much memory is used, and whether a full one loses jobs." in found
    assert "CONFIG GET is refused, so it is not known whether jobs survive a restart." in found
    assert "+unlink" in found["this user may look, but not change anything."]["advice"]
