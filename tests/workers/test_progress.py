"""Progress and log lines of running jobs, as others read them."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue

from tests.support import Server, wait_until
from tests.workers.support import RQ, environment, log_lines
from workers import keys
from workers.job import Job
from workers.producer import QueueService
from workers.progress import current_attempt, progress, recording

log = logging.getLogger("tests.somewhere")


@pytest.fixture
def job(client: redis.Redis) -> Job:
    job_id = QueueService(client).enqueue("test_job").id
    fetched = Job.fetch(job_id, connection=client)
    assert isinstance(fetched, Job)
    return fetched


def stored(job: Job) -> dict[str, Any]:
    raw = job.connection.hget(job.key, keys.FIELD_PROGRESS)
    return dict(json.loads(raw or b"{}"))


def test_progress_outside_a_job_is_only_logged(caplog: pytest.LogCaptureFixture, client: redis.Redis) -> None:
    with caplog.at_level(logging.INFO):
        progress(1, 2, "half")
    assert caplog.messages == ["progress 1 of 2 half"]
    assert client.dbsize() == 0


def test_progress_is_written_while_the_job_runs(job: Job) -> None:
    before = time.time()
    with recording(job):
        progress(3, 10, "third")
        wait_until(lambda: stored(job), description="progress is stored")
        written = stored(job)
    assert {name: written[name] for name in ("done", "total", "message")} == {"done": 3, "total": 10, "message": "third"}
    assert before <= written["at"] <= time.time()


def test_the_last_progress_of_a_burst_lands(job: Job) -> None:
    job.connection.config_resetstat()
    with recording(job):
        for n in range(5_000):
            progress(n, 5_000)
    assert stored(job)["done"] == 4_999
    calls = job.connection.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls < 20


def test_the_last_progress_lands_when_the_job_fails(job: Job) -> None:
    with suppress(RuntimeError), recording(job):
        progress(1, 2)
        raise RuntimeError
    assert stored(job)["done"] == 1


def test_an_unknown_total_is_null_and_odd_numbers_and_long_messages_are_tamed(job: Job) -> None:
    with recording(job):
        progress(float("nan"), None, "x" * 10_000)
    assert (stored(job)["done"], stored(job)["total"], len(stored(job)["message"])) == (0, None, 500)


def test_a_removed_job_does_not_come_back(job: Job) -> None:
    with recording(job):
        job.connection.delete(job.key)
        progress(1, 2)
        log.info("still here")
    assert not job.connection.exists(job.key, keys.log(job.id))


def test_log_records_and_printed_lines_are_recorded(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    with recording(job):
        log.info("one %d", 1)
        print("two\nthree")
        print("four", end="")
        log.warning("five")
        log.debug("not this")
        logging.getLogger("rq.worker").info("nor this")
    lines = log_lines(job.connection, job.id)
    assert lines == [("INFO", "one 1"), ("PRINT", "two"), ("PRINT", "three"), ("WARNING", "five"), ("PRINT", "four")]
    assert capsys.readouterr().out == "two\nthree\nfour"


def test_an_entry_says_when(job: Job) -> None:
    before = time.time()
    with recording(job):
        log.info("now")
    [(_, entry)] = job.connection.xrange(keys.log(job.id))
    assert before <= float(entry[b"at"]) <= time.time()


def test_after_a_recording_nothing_is_recorded(job: Job) -> None:
    level = logging.getLogger().level
    with recording(job):
        pass
    log.warning("too late")
    print("too late")
    assert log_lines(job.connection, job.id) == []
    assert logging.getLogger().level == level


def test_a_long_line_is_cut_and_a_bad_surrogate_survives(job: Job) -> None:
    with recording(job):
        print("ä" * 10_000)
        print("\udcff")
    lines = log_lines_bytes(job)
    assert len(lines[0]) <= 8_192
    assert lines[1] == b"?"


def log_lines_bytes(job: Job) -> list[bytes]:
    return [entry[b"text"] for _, entry in job.connection.xrange(keys.log(job.id))]


def test_a_flood_keeps_the_newest_lines_in_few_round_trips(job: Job) -> None:
    job.connection.config_resetstat()
    with recording(job):
        for n in range(20_000):
            log.info("line %d", n)
    lines = log_lines(job.connection, job.id)
    assert 900 <= len(lines) <= 1_300
    assert lines[-1] == ("INFO", "line 19999")
    assert job.connection.info("commandstats")["cmdstat_evalsha"]["calls"] < 300


def test_log_lines_expire_with_the_job(job: Job) -> None:
    with recording(job):
        log.info("one")
    assert 86_000 <= job.connection.ttl(keys.log(job.id)) <= 86_400
    with suppress(RuntimeError), recording(job):
        log.info("two")
        raise RuntimeError
    assert 86_400 < job.connection.ttl(keys.log(job.id)) <= 30 * 86_400


def test_a_record_that_cannot_be_formatted_does_not_fail_the_job(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with recording(job):
        log.info("%d", "no number")
        log.info("next")
    assert log_lines(job.connection, job.id) == [("INFO", "next")]


def test_a_server_that_dies_is_noted_once_and_does_not_fail_the_job(own_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with own_server.client() as client:
        job_id = QueueService(client).enqueue("test_job").id
        job = Job.fetch(job_id, connection=client)
        own_server.kill()
        with recording(job):
            for n in range(3):
                progress(n, 3)
                log.info("line")
    notes = [r for r in caplog.records if r.name == "workers.recorder"]
    assert len(notes) == 1
    assert "could not be written" in notes[0].getMessage()


def test_the_attempt_is_1_outside_a_job() -> None:
    assert current_attempt() == 1


def test_a_stock_worker_counts_attempts_by_the_retries_that_are_left(server: Server, home: Path) -> None:
    with server.client() as client:
        service = QueueService(client)
        job_id = service.enqueue("test_job", {"fail_first": 1}, attempts=3, backoff="fixed:0s").id
        subprocess.run(
            [RQ, "worker", "-S", "json", "--burst", "--url", server.url, "main-queue"],
            env=environment(home),
            check=True,
            capture_output=True,
        )
        assert service.status(job_id).result == {"message": "hello", "attempt": 2}


def test_recording_within_recording_writes_once(job: Job) -> None:
    with recording(job), recording(job):
        log.info("once")
    assert log_lines(job.connection, job.id) == [("INFO", "once")]


def test_a_queue_of_plain_rq_is_recorded_as_well(client: redis.Redis) -> None:
    job = Queue("default", connection=client).enqueue("os.getcwd")
    with recording(job):
        print("plain")
    assert log_lines(client, job.id) == [("PRINT", "plain")]
