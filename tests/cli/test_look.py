"""`qtui`, `qtui queues`, `qtui jobs`, `qtui job`: what they show, as text and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis
from rq.job import Job
from rq.suspension import resume, suspend

from qtui.broker.status import Status
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.test_listeners import register
from tests.cli.support import ISO, Qtui, keyspace
from tests.support import Server
from tests.workers.support import run_burst

COUNTS = {"queued", "started", "scheduled", "deferred", "finished", "failed", "canceled", "ready_to_enqueue"}
RATES = {"enqueued_per_second", "finished_per_second", "failed_per_second"}
QUEUE = COUNTS | RATES | {"name", "workers", "paused", "suspended", "held", "oldest_seconds"}
TIMES = {"created_at", "enqueued_at", "started_at", "ended_at", "scheduled_for"}
TEXTS = {"id", "queue", "status", "function", "description", "error", "problem"}
JOB = TIMES | TEXTS | {"attempts", "retries_left", "progress", "silent_seconds", "held"}
WHOLE = JOB | {
    "payload", "result", "meta", "failed_reason", "traceback", "timeline", "attempts_ended", "logs", "depends_on",
    "dependents", "edited_from", "edited_as", "worker", "timeout", "problems", "links",
}  # fmt: skip


def check_job(job: dict[str, Any], fields: set[str] = JOB) -> None:
    assert set(job) == fields
    for name in TIMES:
        assert job[name] is None or ISO.fullmatch(job[name]), job[name]
    assert isinstance(job["id"], str)
    assert isinstance(job["queue"], str)
    assert job["status"] is None or job["status"] in set(Status)


def test_without_a_terminal_qtui_prints_what_qtui_queues_does(qtui: Qtui, client: redis.Redis) -> None:
    seed.finished(client, "media")
    bare = qtui()
    assert bare.out.splitlines()[0].split()[:3] == ["QUEUE", "QUEUED", "STARTED"]
    assert "media" in bare.out
    assert bare.out == qtui("queues").out


def test_where_there_is_no_queue_it_says_how_to_get_one(qtui: Qtui) -> None:
    assert qtui("queues").out.startswith("No queues yet. Enqueue a test job: qtui enqueue")
    assert qtui("queues", "--json").json == []


def test_queues_as_json_have_the_promised_fields(qtui: Qtui, client: redis.Redis) -> None:
    seeded = seed.everything(client)
    rows = {row["name"]: row for row in qtui("queues", "--json").json}
    assert set(rows) == {"mail", "media"}
    for row in rows.values():
        assert set(row) == QUEUE
        assert row["paused"] is False
        assert row["enqueued_per_second"] is None
        assert row["oldest_seconds"] >= 0
    assert (rows["mail"]["workers"], rows["media"]["workers"]) == (1, 0)
    counted = {status: sum(row[status] for row in rows.values()) for status in COUNTS}
    expected = {status: len(seeded.ids[Status(status)]) for status in COUNTS}
    expected["failed"] += len(seeded.ids[Status.STOPPED])  # RQ keeps them in the failed registry
    assert counted == expected


def test_where_all_workers_are_suspended_that_is_said(qtui: Qtui, client: redis.Redis) -> None:
    told = "All workers are suspended: none takes a job. To have them take jobs again: qtui resume --workers\n"
    suspend(client)
    for command in ("queues", "stats", "workers"):
        assert qtui(command).out.endswith(told), command
    seed.finished(client, "media")
    for command in ("queues", "stats", "workers"):
        assert qtui(command).out.endswith(told), command
    assert qtui().out.endswith(told)
    for rows in (qtui("queues", "--json").json, qtui("stats", "--json").json["queues"]):
        assert [row["suspended"] for row in rows] == [True]
    resume(client)
    assert [row["suspended"] for row in qtui("queues", "--json").json] == [False]
    for command in ("queues", "stats", "workers"):
        assert "suspended" not in qtui(command).out, command


def test_jobs_of_each_of_the_eleven_statuses_are_listed(qtui: Qtui, client: redis.Redis) -> None:
    seeded = seed.everything(client)
    for status in Status:
        document = qtui("jobs", "--status", status.value, "--json").json
        listed = {job["id"] for job in document["jobs"] if job["status"] == status}
        assert listed == set(seeded.ids[status]), status
        assert document["offset"] == 0
        for job in document["jobs"]:
            check_job(job)


def test_a_window_of_jobs_is_newest_first_and_says_how_many_there_are(qtui: Qtui, client: redis.Redis) -> None:
    ids = [QueueService(client).enqueue("test_job", queue="mail").id for _ in range(5)]
    document = qtui("jobs", "mail", "--limit", "2", "--offset", "1", "--json").json
    assert [job["id"] for job in document["jobs"]] == [ids[3], ids[2]]
    assert (document["total"], document["offset"]) == (5, 1)
    text = qtui("jobs", "mail", "--limit", "2", "--offset", "1").out
    assert text.splitlines()[-1] == "2–3 of 5 queued"


def test_a_failed_job_shows_its_error_in_the_list(qtui: Qtui, client: redis.Redis) -> None:
    (job_id,) = seed.failed(client, "mail")
    (job,) = qtui("jobs", "--status", "failed", "--json").json["jobs"]
    assert (job["id"], job["error"]) == (job_id, "ValueError: message 0")
    assert "ValueError: message 0" in qtui("jobs", "mail", "--status", "failed").out


def test_a_finished_job_of_ours_is_shown_whole(qtui: Qtui, client: redis.Redis, server: Server) -> None:
    job_id = QueueService(client).enqueue("report", {"title": "Figures", "steps": 2, "seconds_per_step": 0}).id
    run_burst(server, qtui.home)
    job = qtui("job", job_id, "--json").json
    check_job(job, WHOLE)
    assert job["status"] == "finished"
    assert job["payload"] == {"title": "Figures", "steps": 2, "seconds_per_step": 0.0}
    assert job["result"] == {"title": "Figures", "steps": 2}
    assert job["progress"] == {"done": 2, "total": 2, "fraction": 1.0, "message": "step 2 of 2"}
    assert (job["attempts"], job["timeout"]) == (1, 3600)
    assert [line["text"] for line in job["logs"]][-1] == "step 2 of 2 done"
    assert all(ISO.fullmatch(each["at"]) for each in job["timeline"] + job["logs"])
    text = qtui("job", job_id).out
    for told in (job_id, "✓ finished", '"title": "Figures"', "step 2 of 2 done"):
        assert told in text


def test_a_failed_job_of_a_plain_rq_program_is_shown_whole(qtui: Qtui, client: redis.Redis) -> None:
    (job_id,) = seed.failed(client, "mail", meta={"customer": 7})
    job = qtui("job", job_id, "--json").json
    check_job(job, WHOLE)
    assert job["payload"] == {"args": ["message 0"], "kwargs": {}}
    assert job["meta"] == {"customer": 7}
    assert job["traceback"].rstrip().endswith("ValueError: message 0")
    assert "ValueError: message 0" in qtui("job", job_id).out


def test_dependencies_are_shown_in_both_directions(qtui: Qtui, client: redis.Redis) -> None:
    seeded = seed.everything(client)
    child = seeded.first(Status.DEFERRED)
    parent = Job.fetch(child, connection=client).dependency.id
    assert qtui("job", child, "--json").json["depends_on"] == [parent]
    assert child in qtui("job", parent, "--json").json["dependents"]


def test_looking_changes_nothing(qtui: Qtui, client: redis.Redis) -> None:
    seeded = seed.everything(client)
    before = keyspace(client)
    qtui("queues")
    qtui("jobs", "--status", "failed")
    qtui("job", seeded.first(Status.FAILED))
    assert keyspace(client) == before


def test_which_workers_can_take_a_job_is_told_one_by_one(qtui: Qtui, client: redis.Redis) -> None:
    register(client, "free", "mail", ours=True)
    register(client, "elsewhere", "media")
    job_id = QueueService(client).enqueue("test_job", queue="mail").id
    found = qtui("job", job_id[:8], "--takers", "--json").json
    named = {name: found[name] for name in ("job", "queue", "status", "hold", "limit")}
    assert named == {"job": job_id, "queue": "mail", "status": "queued", "hold": None, "limit": None}
    told = [(each["worker"], each["can"], each["why"], each["reason"]) for each in found["takers"]]
    assert told == [("free", "yes", None, "waits for jobs"), ("elsewhere", "no", "elsewhere", "does not listen to mail")]
    text = qtui("job", job_id, "--takers").out
    assert text.splitlines()[0] == f"test_job {job_id[:8]} of mail: 1 worker can take it now, 0 after what they run, 1 cannot"
    assert "✗ elsewhere  no   does not listen to mail  media" in text
    assert "gone-for-good" in qtui.fails(4, "job", "gone-for-good", "--takers")


def test_what_is_not_there_is_exit_4_and_says_what_is(qtui: Qtui, client: redis.Redis) -> None:
    seed.finished(client, "media")
    assert "there is no queue 'nosuch': the queues are media" in qtui.fails(4, "jobs", "nosuch")
    client.flushdb()
    assert qtui.fails(4, "jobs", "nosuch") == "qtui: there is no queue 'nosuch': there are no queues"
    assert "nosuch" in qtui.fails(4, "job", "nosuch")
    assert "there is no queue 'nosuch'" in qtui.fails(4, "jobs", "nosuch", "--json")


def test_a_status_that_rq_does_not_know_is_exit_2_and_lists_them(qtui: Qtui) -> None:
    said = qtui.fails(2, "jobs", "--status", "rubbish")
    assert "'rubbish' is not a status" in said
    assert all(status.value in said for status in Status)


def test_hostile_records_are_shown_as_what_they_are(qtui: Qtui, client: redis.Redis) -> None:
    witness = qtui.home / "executed"
    seed.hostile(client, command=f"touch {witness}", size=100_000)
    client.hset(keys.job("good"), mapping={"description": "\x1b[31mred\u202e [bold]x[/bold]", "status": "queued"})
    text = qtui("jobs", "hostile").out
    assert "␛[31mred� [bold]x[/bold]" in text
    listed = qtui("jobs", "hostile", "--status", "failed", "--json").json["jobs"]
    assert {job["id"] for job in listed} == {*seed.HOSTILE, "good"}
    for job_id in (*seed.HOSTILE, "good"):
        assert job_id in qtui("job", job_id).out
        assert qtui("job", job_id, "--json").json["id"] == job_id
    assert not witness.exists()


def test_a_time_that_no_calendar_has_is_unknown(qtui: Qtui, client: redis.Redis) -> None:
    job_id = QueueService(client).enqueue("test_job", queue="mail", delay=60).id
    client.zadd(keys.registry("scheduled", "mail"), {job_id: 1e300})
    (job,) = qtui("jobs", "mail", "--status", "scheduled", "--json").json["jobs"]
    assert job["scheduled_for"] is None
    assert job_id in qtui("jobs", "mail", "--status", "scheduled").out


def test_a_job_has_the_links_of_the_config_file(qtui: Qtui, client: redis.Redis, tmp_path: Path) -> None:
    (job_id,) = seed.finished(client)
    config = tmp_path / "config.toml"
    config.write_text('[links]\nsentry = "https://sentry.example/?query={id}"\n')
    found = qtui("job", job_id, "--json", QTUI_CONFIG=str(config)).json
    assert found["links"] == {"sentry": f"https://sentry.example/?query={job_id}"}
    assert f"sentry      https://sentry.example/?query={job_id}" in qtui("job", job_id, QTUI_CONFIG=str(config)).out
    config.write_text('[links]\nsentry = "file:///etc/passwd"\n')
    assert "links.sentry: must be an address that begins with http" in qtui.fails(2, "job", job_id, QTUI_CONFIG=str(config))
