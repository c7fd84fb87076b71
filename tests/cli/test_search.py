"""`qtui jobs --filter`, `qtui failures` and `qtui count`, seen only from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.cli.support import Qtui, keyspace


def test_a_filter_finds_jobs_and_says_how_many_do_not_fit(qtui: Qtui, client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    before = keyspace(client)
    answer = qtui("jobs", "--filter", 'status:failed "message 1"')
    assert f"{ids[1]}  ✗ failed" in answer.out
    assert answer.out.endswith("1–1 of 1; 2 do not fit\n")
    document = qtui("jobs", "mail", "--status", "failed", "--filter", "func:fail -error:1", "--sort", "oldest", "--json").json
    assert [job["id"] for job in document["jobs"]] == [ids[0], ids[2]]
    assert {name: document[name] for name in ("total", "offset", "hidden", "scanned", "complete")} == {
        "total": 2,
        "offset": 0,
        "hidden": 1,
        "scanned": 3,
        "complete": True,
    }
    backwards = qtui("jobs", "mail", "--status", "failed", "--sort", "oldest", "--reverse", "--json").json
    assert [job["id"] for job in backwards["jobs"]] == ids[::-1]
    assert qtui("jobs", "--filter", "func:nobody").out == "No jobs found.\n"
    assert qtui("jobs", "--status", "failed", "--filter", "-queue:mail").out == "No jobs found: 3 do not fit.\n"
    assert (
        qtui("jobs", "--status", "stopped", "--filter", "-queue:mail").out == "No jobs found: how many do not fit is not known.\n"
    )
    assert qtui("jobs", "--status", "stopped", "--filter", "-queue:mail", "--json").json["hidden"] is None
    assert qtui("jobs", "--json").json["hidden"] == 0
    assert qtui("count", "--status", "failed", "--filter", "error:1").out.endswith("1 job; 2 do not fit\n")
    assert qtui("count", "--status", "failed", "--filter", "error:1", "--json").json["hidden"] == 2
    assert qtui("failures", "--filter", "error:1", "--json").json["hidden"] == 2
    assert "1 failed job, 1 cause; 2 do not fit;" in qtui("failures", "--filter", "error:1").out
    assert keyspace(client) == before


def test_a_bad_filter_says_where_it_is_wrong(qtui: Qtui) -> None:
    for words in (["jobs"], ["failures"], ["count"], ["retry", "--all"]):
        answer = qtui(*words, "--filter", "queue:mail fnc:x", code=2)
        assert "there is no 'fnc': did you mean func?" in answer.err
        assert answer.err.endswith("(at character 12)\n")


def test_failures_by_cause_are_new_until_someone_knows_them(qtui: Qtui, client: redis.Redis, home: Path) -> None:
    ids = seed.failed(client, count=3)
    Queue("media", connection=client).enqueue(tasks.add, "x", 1)
    seed.work(client, "media")
    document = qtui("failures", "--json").json
    assert {name: document[name] for name in ("scanned", "total", "complete", "hidden")} == {
        "scanned": 4,
        "total": 4,
        "complete": True,
        "hidden": 0,
    }
    many, one = document["groups"]
    assert set(many) == {
        *("fingerprint", "exception", "message", "where", "count", "functions", "queues"),
        *("first_seen", "last_seen", "state", "note", "sample"),
    }
    assert (many["exception"], many["message"], many["count"], many["state"]) == ("ValueError", "message <n>", 3, "new")
    assert (many["sample"], many["queues"], many["note"]) == (ids[2], {"mail": 3}, None)
    assert one["exception"] == "TypeError"
    told = qtui("failures", "ack", many["fingerprint"], "--note", "the gateway is down", "--json").json
    assert told == {"fingerprint": many["fingerprint"], "state": "known", "note": "the gateway is down"}
    again = qtui("failures", "mail", "--json").json["groups"]
    assert [(group["state"], group["note"]) for group in again] == [("known", "the gateway is down")]
    text = qtui("failures").out
    assert "ValueError: message <n>" in text
    assert text.endswith("4 failed jobs, 2 causes; ✱ new, · known, ↻ back\n")
    qtui("failures", "unack", many["fingerprint"])
    assert qtui("failures", "mail", "--json").json["groups"][0]["state"] == "new"
    assert "was not acknowledged" in qtui("failures", "unack", many["fingerprint"], code=4).err
    assert "write the name of one queue" in qtui("failures", "mail", "media", code=2).err
    assert qtui("failures", "mail", "--filter", "id:nobody").out == "No failed jobs found in mail: 3 do not fit.\n"


@pytest.mark.parametrize("verb", ["ack", "unack"])
def test_a_cause_that_no_failed_job_has_is_neither_known_nor_forgotten(qtui: Qtui, client: redis.Redis, verb: str) -> None:
    (job_id,) = seed.failed(client)
    (group,) = qtui("failures", "--json").json["groups"]
    real = group["fingerprint"]
    wrong = real[:-1] + ("0" if real[-1] != "0" else "1")
    before = keyspace(client)
    assert qtui("failures", verb, wrong, code=4).err == (
        f"qtui: no failed job has the cause {wrong}: did you mean {real}? qtui failures lists all causes\n"
    )
    assert f"did you mean {real}? " in qtui("failures", verb, real[:5].upper(), code=4).err
    assert (
        qtui("failures", verb, "zzzz", code=4).err == "qtui: no failed job has the cause zzzz: qtui failures lists all causes\n"
    )
    assert keyspace(client) == before
    qtui("failures", "ack", real)
    qtui("remove", job_id, "--yes", "--purge")
    assert qtui("failures", verb, real).out == f"{real} is {'known' if verb == 'ack' else 'new'} from now on\n"


def test_exactly_the_jobs_of_one_cause_are_retried(qtui: Qtui, client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    other = Queue("mail", connection=client).enqueue(tasks.add, "x", 1).id
    seed.work(client, "mail")
    fingerprint = qtui("failures", "--json").json["groups"][0]["fingerprint"]
    words = ["retry", "--all", "--filter", f"status:failed cause:{fingerprint}"]
    assert f"Retry 3 failed jobs in all queues that fit status:failed cause:{fingerprint} on" in qtui(*words, code=5).err
    assert qtui(*words, "--dry-run").out == "would be: 3 retried\n"
    assert qtui(*words, "--yes").out == "3 retried\n"
    assert sorted(client.lrange(keys.queue("mail"), 0, -1)) == sorted(job_id.encode() for job_id in ids)
    assert client.zrange(keys.registry("failed", "mail"), 0, -1) == [other.encode()]


def test_entries_without_a_job_that_can_be_read_are_counted_apart(qtui: Qtui, client: redis.Redis) -> None:
    seed.failed(client)
    client.zadd(keys.registry("failed", "media"), {"gone": 4e9})
    client.sadd(keys.QUEUES, keys.queue("media"))
    assert "1 failed job, 1 cause; 1 entry has no job that can be read; " in qtui("failures").out
    assert qtui("failures", "media").out == "No failed jobs found in media: 1 entry has no job that can be read.\n"
    assert qtui("count", "--status", "failed").out.endswith("1 job; 1 entry has no job that can be read\n")
    client.set(keys.job("string"), "no hash")
    client.zadd(keys.registry("failed", "mail"), {"string": 4e9})
    assert "2 entries have no job that can be read" in qtui("count", "--status", "failed").out
    for document in (qtui("failures", "--json").json, qtui("count", "--status", "failed", "--json").json):
        assert (document["scanned"], document["hidden"], document["unreadable"]) == (3, 0, 2)


def test_jobs_are_counted_by_what_is_in_them(qtui: Qtui, client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    for customer in (7, 7, 8):
        queue.enqueue(tasks.add, 1, b=customer)
    document = qtui("count", "mail", "--by", "payload.b", "--json").json
    assert document["by"] == "payload.b"
    assert [(row["value"], row["count"]) for row in document["rows"]] == [("7", 2), ("8", 1)]
    assert all(0 <= row["newest_seconds"] <= row["oldest_seconds"] for row in document["rows"])
    assert {name: document[name] for name in ("scanned", "total", "complete", "hidden")} == {
        "scanned": 3,
        "total": 3,
        "complete": True,
        "hidden": 0,
    }
    text = qtui("count").out
    assert "    3  100 %" in text
    assert text.endswith("3 jobs\n")
    assert "only 3" not in qtui("count", "--scan", "100").err
    assert "'colour' is nothing to count by" in qtui("count", "--by", "colour", code=2).err
    assert qtui("count", "--status", "failed").out == "No jobs found.\n"


def test_an_offset_past_the_end_is_no_empty_list(qtui: Qtui, client: redis.Redis) -> None:
    assert qtui("jobs", "--offset", "5").out == "No queued jobs in all queues.\n"
    for number in range(2):
        Queue("mail", connection=client).enqueue(tasks.add, number, 1)
    assert qtui("jobs", "--offset", "2").out == "--offset 2 is past the end: there are 2 queued jobs.\n"
    assert qtui("jobs", "--sort", "id", "--offset", "99999").out == "--offset 99,999 is past the end: there are 2 jobs.\n"
    assert qtui("jobs", "--filter", "func:nobody", "--offset", "1").out == "No jobs found: 2 do not fit.\n"
    assert qtui("jobs", "--sort", "id").out.endswith("1–2 of 2\n")
