"""`qtui tail`: what happens to jobs as it happens, on a terminal, in a pipe, and to its end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import redis
from rq import Queue
from rq.job import JobStatus

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.broker import tasks
from tests.broker.test_tail import talk
from tests.cli.support import ISO, Qtui, interrupt
from tests.cli.terminals import on_terminal
from tests.support import Server, wait_until
from tests.workers.support import working

FIELDS = ["at", "kind", "level", "text", "job", "queue", "function", "worker", "attempt", "details"]


def tailed(client: redis.Redis) -> None:
    """A reader waits for what comes."""
    wait_until(
        lambda: any(b"xread" in str(each["cmd"]).encode() for each in client.client_list()), description="it reads the streams"
    )


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_named_jobs_are_told_to_their_end_one_document_a_line(
    qtui: Qtui, server: Server, client: redis.Redis, tmp_path: Path
) -> None:
    job_id = QueueService(client).enqueue("report", {"steps": 3, "seconds_per_step": 0.05}, queue="reports").id
    with working(server, tmp_path, "reports"):
        answer = qtui("tail", job_id, "--json")
    documents: list[dict[str, Any]] = [json.loads(line) for line in answer.out.splitlines()]
    assert all(list(document) == FIELDS for document in documents)
    assert all(ISO.fullmatch(document["at"]) for document in documents)
    assert {document["job"] for document in documents} == {job_id}
    kinds = [document["kind"] for document in documents]
    assert kinds[-1] == "finished"
    assert "log" in kinds
    assert answer.err == ""


def test_jobs_that_have_ended_are_told_at_once_and_the_exit_code_says_whether_all_went_well(
    qtui: Qtui, client: redis.Redis
) -> None:
    queue = Queue("mail", connection=client)
    good, bad = queue.enqueue(tasks.add, 1), queue.enqueue(tasks.fail)
    good.set_status(JobStatus.FINISHED)
    bad.set_status(JobStatus.FAILED)
    talk(client, good.id, "all \x1b[31mis\x1b[0m done\nin two lines", kept=500)
    out = qtui("tail", good.id).out
    assert [line[14:] for line in out.splitlines()[:2]] == ["INFO       all ␛[31mis␛[0m done", "           in two lines"]
    assert "finished" in out
    both = qtui("tail", good.id[:8], bad.id, code=1).out.splitlines()
    assert [line.split()[1] for line in both if line.endswith("tasks.fail")] == ["failed"]
    assert good.id[:8] in both[0] + both[1]
    assert qtui.fails(4, "tail", "no-such-job") == "qtui: there is no job 'no-such-job': it may have expired, or been removed"


def test_what_cannot_be_tailed_is_refused_in_a_sentence(qtui: Qtui, client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add)
    assert "name jobs, or a queue, not both" in qtui.fails(2, "tail", "x", "--queue", "mail")
    assert "a line does not tell 'took'" in qtui.fails(2, "tail", "--filter", "took>3s")
    assert "there is no queue 'mial'" in qtui.fails(4, "tail", "--queue", "mial")


def test_a_queue_is_told_until_ctrl_c_and_only_what_fits(qtui: Qtui, client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add)
    with qtui.running("tail", "--queue", "mail", "--filter", "error:Timeout") as process:
        tailed(client)
        emit(client, EventKind.FAILED, Source("a", "mail"), {"error": "ValueError: no"})
        emit(client, EventKind.FAILED, Source("b", "shop"), {"error": "TimeoutError: no answer"})
        emit(client, EventKind.FAILED, Source("c", "mail", "shop.charge"), {"error": "TimeoutError: no answer", "seconds": 30})
        assert next_line(process)[14:] == "failed     mail          c         shop.charge  after 30.0 s: TimeoutError: no answer"
        assert interrupt(process) == 130
        assert process.communicate() == ("", "lines hidden by the filter: 1\n"), "that of the other queue was not asked for"


def test_a_filter_may_ask_for_the_payload_and_the_age_of_jobs(qtui: Qtui, client: redis.Redis) -> None:
    service = QueueService(client)
    ids = [service.enqueue("test_job", {"message": text}, queue="mail").id for text in ("one", "two", "two")]
    client.hset(keys.job(ids[1]), "enqueued_at", "2020-01-01T00:00:00.000000Z")
    with qtui.running("tail", "--json", "--filter", "payload.message:two age<1h -WARNING") as process:
        tailed(client)
        for job_id in (*ids, "gone"):
            emit(client, EventKind.STARTED, Source(job_id, "mail"))
        assert json.loads(next_line(process))["job"] == ids[2]
        emit(client, EventKind.COMPLETED, Source(ids[2], "mail"))
        assert json.loads(next_line(process))["kind"] == "finished"
        assert interrupt(process) == 130
        assert process.communicate() == ("", "lines hidden by the filter: 3\n")


def test_it_ends_without_a_word_where_its_reader_has_enough(qtui: Qtui, client: redis.Redis) -> None:
    with qtui.running("tail", "--json") as process:
        tailed(client)
        emit(client, EventKind.QUEUED, Source("a", "mail"))
        assert json.loads(next_line(process))["job"] == "a"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_an_outage_is_said_and_nothing_that_redis_kept_is_missing_after_it(own_server: Server, qtui: Qtui) -> None:
    with qtui.running("tail", "--json", "--url", own_server.url) as process:
        with own_server.client() as client:
            tailed(client)
            emit(client, EventKind.QUEUED, Source("a", "mail"))
            assert json.loads(next_line(process))["job"] == "a"
        own_server.kill()
        assert process.stderr is not None
        assert "Trying again until it answers." in process.stderr.readline()
        own_server.start()
        with own_server.client() as client:
            emit(client, EventKind.QUEUED, Source("b", "mail"))
        assert json.loads(next_line(process))["job"] == "b"
        assert process.stderr.readline().startswith("Redis answers again")


def test_on_a_terminal_lines_come_and_ctrl_c_gives_it_back(qtui: Qtui, client: redis.Redis) -> None:
    with on_terminal(qtui, "tail") as (process, terminal):
        tailed(client)
        emit(client, EventKind.HELD, Source("a", "mail", "shop.charge"), {"hold": "shop.charge"})
        terminal.wait_for("held")
        terminal.wait_for("by the hold shop.charge")
        terminal.type("\x03")
        assert process.wait(20) == 130
