"""`qtui enqueue`: every way to name a payload and every option, seen in what lies in Redis afterwards."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from rq.command import send_stop_job_command
from rq.job import Job
from rq.serializers import JSONSerializer

from qtui_workers.enqueue.pause import pause
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.cli.support import Qtui
from tests.cli.terminals import on_terminal
from tests.support import Server
from tests.workers.support import run_burst, working


def job(client: redis.Redis, job_id: str) -> Job:
    return Job.fetch(job_id, connection=client, serializer=JSONSerializer)


def payload(client: redis.Redis, job_id: str) -> dict[str, Any]:
    return dict(job(client, job_id).kwargs)


def test_the_job_lies_in_the_queue_and_its_id_is_all_that_standard_output_holds(qtui: Qtui, client: redis.Redis) -> None:
    answer = qtui("enqueue", "test_job", "message=hello", "seconds=0.5", "fail=yes", "fail_first:=2")
    job_id = answer.out.strip()
    assert client.lrange(keys.queue("main-queue"), 0, -1) == [job_id.encode()]
    assert payload(client, job_id) == {"message": "hello", "seconds": 0.5, "fail": True, "fail_first": 2}
    assert "Enqueued 1 job in main-queue" in answer.err


def test_json_names_the_ids_the_count_and_the_queue(qtui: Qtui, client: redis.Redis) -> None:
    document = qtui("enqueue", "test_job", "--queue", "mail", "--json").json
    assert set(document) == {"ids", "count", "queue", "new"}
    assert (document["count"], document["queue"]) == (1, "mail")
    assert client.lrange(keys.queue("mail"), 0, -1) == [document["ids"][0].encode()]


@pytest.mark.parametrize("spoken", ["pairs", "json", "file"])
def test_pairs_json_and_a_file_mean_the_same_payload(qtui: Qtui, client: redis.Redis, spoken: str) -> None:
    (qtui.home / "payload.json").write_text('{"title": "Größen", "steps": 3}')
    words = {"pairs": ["title=Größen", "steps=3"], "json": ['{"title": "Größen", "steps": 3}'], "file": ["@payload.json"]}
    job_id = qtui("enqueue", "report", *words[spoken]).out.strip()
    assert payload(client, job_id) == {"title": "Größen", "steps": 3}


def test_standard_input_is_one_payload_a_line(qtui: Qtui, client: redis.Redis) -> None:
    lines = "".join(json.dumps({"message": f"m{n}"}) + "\n\n" for n in range(3))
    document = qtui("enqueue", "test_job", "-", "--json", stdin=lines).json
    assert [payload(client, job_id)["message"] for job_id in document["ids"]] == ["m0", "m1", "m2"]
    assert document["count"] == 3


def test_count_enqueues_that_many_in_order(qtui: Qtui, client: redis.Redis) -> None:
    ids = qtui("enqueue", "test_job", "--count", "1200").out.split()
    assert [i.encode() for i in ids] == client.lrange(keys.queue("main-queue"), 0, -1)
    assert len(set(ids)) == 1200


def test_options_are_what_the_job_says_afterwards(qtui: Qtui, client: redis.Redis) -> None:
    words = ["--attempts", "4", "--backoff", "fixed:7s", "--timeout", "5m", "--id", "mine", "--priority", "high"]
    document = qtui("enqueue", "test_job", *words, "--json").json
    assert document == {"ids": ["mine"], "count": 1, "queue": "main-queue-high", "new": True}
    found = job(client, "mine")
    assert (found.retries_left, found.retry_intervals, found.timeout) == (3, [7, 7, 7], 300)
    assert client.hget(keys.job("mine"), keys.FIELD_ATTEMPTS) == b"4"


def test_a_delay_and_a_time_schedule_it(qtui: Qtui, client: redis.Redis) -> None:
    began = datetime.now(UTC).timestamp()
    first = qtui("enqueue", "test_job", "--delay", "1h30m").out.strip()
    second = qtui("enqueue", "test_job", "--at", "2040-01-31T17:00:00Z").out.strip()
    due = dict(client.zrange(keys.registry("scheduled", "main-queue"), 0, -1, withscores=True))
    assert 5400 <= due[first.encode()] - began <= 5460
    assert due[second.encode()] == datetime(2040, 1, 31, 17, tzinfo=UTC).timestamp()
    assert client.llen(keys.queue("main-queue")) == 0


def test_unique_refuses_a_second_job_of_the_same_id(qtui: Qtui, client: redis.Redis) -> None:
    qtui("enqueue", "test_job", "--id", "once", "--unique")
    assert "there is a job 'once' already" in qtui.fails(5, "enqueue", "test_job", "--id", "once", "--unique")
    assert client.llen(keys.queue("main-queue")) == 1


def test_wait_ends_with_the_job_and_tells_how_it_ended(qtui: Qtui, server: Server) -> None:
    with working(server, qtui.home):
        good = qtui("enqueue", "test_job", "message=hi", "--wait", "--json").json
        assert set(good) == {"ids", "count", "queue", "new", "status", "result", "failed_reason"}
        assert (good["status"], good["result"], good["failed_reason"]) == ("finished", {"message": "hi", "attempt": 1}, None)
        bad = qtui("enqueue", "test_job", "fail=yes", "--wait", "30", "--json", code=1).json
        assert (bad["status"], bad["result"]) == ("failed", None)
        assert "told to fail" in bad["failed_reason"]
        retried = qtui("enqueue", "test_job", "fail_first=1", "--attempts", "2", "--backoff", "fixed:1s", "--wait").out
        assert '{"message": "hello", "attempt": 2}' in retried


def test_wait_says_so_when_its_time_is_over(qtui: Qtui) -> None:
    document = qtui("enqueue", "test_job", "--count", "2", "--wait", "0.1", "--json", code=1).json
    assert [each["status"] for each in document["jobs"]] == ["queued", "queued"]


def test_a_wait_says_the_id_at_once_and_that_nobody_listens(qtui: Qtui, client: redis.Redis) -> None:
    with qtui.running("enqueue", "test_job", "--wait") as process:
        assert process.stderr
        said = process.stderr.readline()
        (job_id,) = (entry.decode() for entry in client.lrange(keys.queue("main-queue"), 0, -1))
        assert said == f"Enqueued 1 job in main-queue: {job_id}\n"
        assert process.stderr.readline().endswith("nobody listens and 1 job waits. Start a worker: qtui-worker main-queue\n")
        QueueService(client).cancel(job_id)
        assert process.wait(20) == 1
        assert process.stdout
        assert process.stdout.read().startswith(f"{job_id}  canceled")


def test_a_wait_names_the_first_of_many_ids_and_that_the_queue_is_paused(qtui: Qtui, server: Server, client: redis.Redis) -> None:
    pause(client, ["main-queue"])
    with working(server, qtui.home):
        answer = qtui("enqueue", "test_job", "--count", "4", "--wait", "0.1", code=1)
    ids = [line.split()[0] for line in answer.out.splitlines()]
    enqueued, told = answer.err.splitlines()
    assert enqueued == f"Enqueued 4 jobs in main-queue: {' '.join(ids[:3])} and 1 more"
    assert told == "main-queue is paused until somebody resumes it: 4 jobs wait. Resume it: qtui resume main-queue"


def test_on_a_terminal_a_wait_shows_the_progress_in_one_line(qtui: Qtui, server: Server) -> None:
    words = ("report", "steps=40", "seconds_per_step=0.05", "--id", "r1", "--wait")
    with working(server, qtui.home), on_terminal(qtui, "enqueue", *words) as (process, terminal):
        terminal.wait_for("r1  started")
        terminal.wait_for("%  step ")
        terminal.wait_for("r1  finished")
        assert process.wait(20) == 0
    assert "listens" not in terminal.seen
    assert terminal.seen.count("\n") == 2


def test_elsewhere_a_long_wait_says_now_and_then_how_the_jobs_are(qtui: Qtui, server: Server, client: redis.Redis) -> None:
    words = ("report", "steps=1000", "--id", "r1", "--wait")
    with working(server, qtui.home, "--name", "w1"), qtui.running("enqueue", *words) as process:
        assert process.stderr
        assert process.stderr.readline() == "Enqueued 1 job in main-queue: r1\n"
        assert re.fullmatch(r"r1  started  \S+ +\d+ %  step \d+ of 1000\n", process.stderr.readline())
        send_stop_job_command(client, "r1")
        assert process.wait(20) == 1


def test_the_list_shows_every_field_of_every_processor(qtui: Qtui) -> None:
    text = qtui("enqueue", "--list").out
    for told in ("test_job  (main-queue)", "fail_first", "report  (main-queue)", "seconds_per_step", "default 0.1"):
        assert told in text
    listed = {each["name"]: each for each in qtui("enqueue", "--list", "--json").json}
    assert set(listed) >= {"report", "test_job"}
    assert set(listed["report"]["payload_schema"]["properties"]) == {"title", "steps", "seconds_per_step", "fail_at"}


def test_the_list_says_how_many_attempts_a_job_would_have(qtui: Qtui) -> None:
    listed = qtui("enqueue", "--list", "--json", JOB_MAX_RETRIES="4").json
    attempts = {each["name"]: each["attempts"] for each in listed}
    assert (attempts["report"], attempts["publish_build"]) == (5, 3)


def test_a_job_enqueued_here_is_worked_by_the_worker(qtui: Qtui, server: Server) -> None:
    job_id = qtui("enqueue", "test_job", "message=a=b", fresh=True).out.strip()
    run_burst(server, qtui.home)
    assert qtui("job", job_id, "--json").json["result"] == {"message": "a=b", "attempt": 1}


def test_a_processor_of_the_current_folder_is_found(qtui: Qtui) -> None:
    (qtui.home / "my_own.py").write_text(
        "from qtui_workers.processors.report import Report, ReportResult\n"
        "from qtui_workers.define.decorator import processor\n"
        "@processor(queue='mine')\n"
        "def mine(payload: Report) -> ReportResult: ...\n"
    )
    alone = {"PYTHONSAFEPATH": "1"}  # or python -m would put the current folder on the path by itself
    answer = qtui("enqueue", "mine", "--json", fresh=True, QTUI_PROCESSORS="my_own", **alone)
    assert answer.json["queue"] == "mine"


BAD = {
    "unknown processor": (4, ["tset_job"], "there is no processor 'tset_job': did you mean test_job?"),
    "no processor": (2, [], "name a processor"),
    "unknown field": (2, ["test_job", "mesage=x"], "payload field 'mesage': there is no such field; did you mean 'message'?"),
    "wrong type": (2, ["report", "steps=many"], "payload field 'steps': must be a valid integer"),
    "a truth for a number": (2, ["report", "steps=true"], "payload field 'steps': must be a valid integer"),
    "no number at all": (2, ["report", "seconds_per_step=NaN"], "payload field 'seconds_per_step': must be a finite number"),
    "out of bounds": (2, ["report", "steps=0"], "payload field 'steps': must be at least 1"),
    "a word that is no pair": (2, ["test_job", "hello"], "'hello' is neither key=value nor JSON"),
    "no JSON": (2, ["test_job", '{"message": '], "the payload is not valid JSON"),
    "deep JSON": (2, ["test_job", "[" * 100_000], "the payload is not valid JSON"),
    "a list": (2, ["test_job", "[1]"], "the payload must be a JSON object"),
    "JSON of a field": (2, ["report", "fail_at:=x"], "payload field 'fail_at' is not valid JSON"),
    "half a character": (2, ["test_job", '{"message": "\\ud800"}'], "payload field 'message'"),
    "a file without an end": (
        2,
        ["test_job", "@/dev/zero"],
        "qtui: /dev/zero holds more than 64.0 MiB: store the data elsewhere",
    ),
    "no such file": (2, ["test_job", "@nosuch.json"], "cannot read nosuch.json"),
    "a folder": (2, ["test_job", "@/"], "cannot read /"),
    "no payloads": (2, ["test_job", "--count", "0"], "--count must be from 1 to 1,000,000, not 0"),
    "a negative count": (2, ["test_job", "--count", "-5"], "--count must be from 1 to 1,000,000, not -5"),
    "a queue with a space": (2, ["test_job", "--queue", "two words"], "queue name 'two words' is not allowed"),
    "a queue that steers": (2, ["test_job", "--queue", "a\x1b[31m"], "queue name 'a␛[31m' is not allowed"),
    "a bad id": (2, ["test_job", "--id", "a/b"], "job id 'a/b' is not allowed"),
    "an id for many": (2, ["test_job", "--id", "a", "--count", "2"], "--id names one job"),
    "unique without id": (2, ["test_job", "--unique"], "--unique needs --id"),
    "priority": (2, ["test_job", "--priority", "urgent"], "priority must be high, normal or low, not 'urgent'"),
    "delay": (2, ["test_job", "--delay", "soon"], "'soon' is not a length of time"),
    "long delay": (2, ["test_job", "--delay", "99999d"], "ten years"),
    "negative delay": (2, ["test_job", "--delay", "-5s"], "'-5s' is not a length of time"),
    "time": (2, ["test_job", "--at", "tomorrow"], "'tomorrow' is not a time"),
    "year 1": (2, ["test_job", "--at", "0001-01-01T00:00:00+14:00"], "is not a time"),
    "both": (2, ["test_job", "--at", "2040-01-01", "--delay", "5s"], "not both"),
    "attempts": (2, ["test_job", "--attempts", "0"], "attempts must be from 1 to"),
    "backoff": (2, ["test_job", "--backoff", "often"], "often"),
    "timeout": (2, ["test_job", "--timeout", "0s"], "timeout must be at least 1 seconds"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_the_field_and_the_reason_and_enqueues_nothing(qtui: Qtui, client: redis.Redis, case: str) -> None:
    code, words, reason = BAD[case]
    assert reason in qtui.fails(code, "enqueue", *words)
    assert client.keys("*") == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b'{"message": "a"}\n{"message": 5}\n', "line 2: payload field 'message': must be a valid string"),
        (b'{"message": "a"}\nmessage=b\n', "line 2 is not valid JSON"),
        (b'{"message": "a"}\n\xff\n', "line 2 is not valid JSON"),
    ],
)
def test_a_bad_line_on_standard_input_is_named_and_none_is_enqueued(
    qtui: Qtui, client: redis.Redis, lines: bytes, reason: str
) -> None:
    assert reason in qtui.fails(2, "enqueue", "test_job", "-", stdin=lines)
    assert client.keys("*") == []


@pytest.mark.parametrize("words", [["--count", "many"], ["--no-such-option"], ["--attempts"]])
def test_wrong_usage_is_exit_2(qtui: Qtui, client: redis.Redis, words: list[str]) -> None:
    answer = qtui("enqueue", "test_job", *words, code=2)
    assert (answer.out, client.keys("*")) == ("", [])
    assert words[0] in answer.err


def test_the_id_of_the_job_that_is_there_is_given_where_there_is_to_be_no_other(qtui: Qtui) -> None:
    known = {"QTUI_PROCESSORS": "tests.workers.test_unique"}
    first, second = (qtui("enqueue", "sync", "customer=1", **known) for _ in range(2))
    assert first.out == second.out
    assert first.err.startswith("Enqueued 1 job in sync")
    assert second.err.startswith("The same job has not ended, so there is no other in sync")
