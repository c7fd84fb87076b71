"""What a job tells of itself reaches Redis."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, Retry

from qtui_workers.engine.job import Job
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.reporting import events
from qtui_workers.reporting.current_job import current_attempt
from qtui_workers.reporting.events import EventKind
from qtui_workers.reporting.job_recording import progress, recording
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.recorded import enqueued, stored, texts, writes
from tests.workers.support import log_lines, log_of, run_stock

log = logging.getLogger("tests.somewhere")


@pytest.fixture
def job(client: redis.Redis) -> Job:
    return enqueued(client, result_ttl=86_400, failure_ttl=2 * 86_400)


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


def test_ten_thousand_calls_are_a_few_writes_a_second_and_the_last_one_lands(job: Job) -> None:
    pause = threading.Event()
    job.connection.config_resetstat()
    begun = time.monotonic()
    with recording(job):
        for n in range(10_000):
            progress(n, 10_000)
            if n % 100 == 0:
                pause.wait(0.015)
    seconds = time.monotonic() - begun
    assert stored(job)["done"] == 9_999
    assert seconds > 1
    assert 3 <= writes(job) <= 4 * seconds + 3  # the first, the last, and the one that loads the script


def test_a_burst_is_written_in_one_go(job: Job) -> None:
    with recording(job):
        progress(1)  # the script is loaded once
    job.connection.config_resetstat()
    with recording(job):
        for n in range(5_000):
            progress(n, 5_000)
    assert stored(job)["done"] == 4_999
    assert writes(job) <= 3


def test_progress_is_an_event_once_a_second_at_most_and_at_the_end(job: Job) -> None:
    pause = threading.Event()
    begun = time.monotonic()
    with recording(job):
        for n in range(130):
            progress(n, 130, "on it")
            pause.wait(0.01)
    seconds = time.monotonic() - begun
    told = events.read(job.connection)
    assert {(e.kind, e.source.job, e.source.queue, e.source.function) for e in told} == {
        (EventKind.PROGRESS, job.id, "somewhere", "os.getcwd")
    }
    assert (told[-1].details["done"], told[-1].details["message"]) == (129, "on it")
    assert 2 <= len(told) <= seconds + 2


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
    [line] = log_of(job.connection, job.id)
    assert before - 0.001 <= line.at <= time.time() + 0.001


def test_a_long_line_is_cut_and_a_bad_surrogate_survives(job: Job) -> None:
    with recording(job):
        print("ä" * 10_000)
        print("\udcff")
    lines = texts(job)
    assert len(lines[0]) <= 8_192
    assert lines[1] == b"?"


def writes_allowed(lines: int, seconds: float) -> float:
    """Full batches of 200 lines, one write each quarter of a second, and those of the first line and of the end."""
    return lines / 200 + seconds / 0.25 + 3


def test_a_flood_keeps_the_newest_lines_in_few_round_trips(job: Job) -> None:
    job.connection.config_resetstat()
    before = time.monotonic()
    with recording(job):
        for n in range(20_000):
            log.info("line %d", n)
    taken = time.monotonic() - before
    lines = log_lines(job.connection, job.id)
    assert 900 <= len(lines) <= 1_300
    assert lines[-1] == ("INFO", "line 19999")
    assert job.connection.info("commandstats")["cmdstat_evalsha"]["calls"] <= writes_allowed(20_000, taken)


class Talking(redis.Redis):
    """A client that logs each command, so that each write of lines is itself the cause of a new one."""

    def execute_command(self, *words: Any, **options: Any) -> Any:
        """As redis-py does."""
        log.info("sends %s", words[0])
        return super().execute_command(*words, **options)


def test_lines_that_come_while_others_are_written_wait_for_the_next_write(job: Job, server: Server) -> None:
    job.connection.config_resetstat()
    with Talking.from_url(server.url) as talking:
        before = time.monotonic()
        with recording(Job.fetch(job.id, talking)):
            log.info("begins")
            for _ in range(5_000):
                job.connection.ping()
            taken = time.monotonic() - before
    assert log_lines(job.connection, job.id)[-1][1].startswith("sends ")
    assert job.connection.info("commandstats")["cmdstat_evalsha"]["calls"] <= writes_allowed(0, taken)


@pytest.mark.parametrize(
    ("options", "fails", "least", "most"),
    [
        ({"result_ttl": 86_400}, False, 86_000, 86_400),
        ({"result_ttl": 0}, False, 50, 60),
        ({"result_ttl": -1}, False, 29 * 86_400, 30 * 86_400),
        ({}, False, 490, 500),
        ({"failure_ttl": 3_600}, True, 3_590, 3_600),
        ({"failure_ttl": 3_600, "retry": Retry(max=1)}, True, 6 * 86_400, 7 * 86_400),
    ],
)
def test_many_log_lines_expire_with_the_job(
    client: redis.Redis, options: dict[str, Any], fails: bool, least: int, most: int
) -> None:
    job = enqueued(client, **options)
    with suppress(RuntimeError), recording(job):
        for number in range(300):
            log.info("line %d", number)
        if fails:
            raise RuntimeError
    assert least <= client.ttl(keys.log(job.id)) <= most


def test_secrets_in_lines_are_hidden(job: Job) -> None:
    with recording(job):
        print("connecting to redis://me:hunter2@host/0")
        log.info("login with %s", {"user": "me", "password": "hunter2"})
    texts = [text for _, text in log_lines(job.connection, job.id)]
    assert texts == ["connecting to redis://me:***@host/0", "login with {'user': 'me', 'password': ***}"]


def test_what_goes_to_standard_error_is_recorded_too(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    with recording(job):
        print("oh", file=sys.stderr)
    assert log_lines(job.connection, job.id) == [("STDERR", "oh")]
    assert capsys.readouterr().err == "oh\n"


def test_the_attempt_is_1_outside_a_job() -> None:
    assert current_attempt() == 1


def test_a_stock_worker_counts_attempts_by_the_retries_that_are_left(server: Server, home: Path) -> None:
    with server.client() as client:
        service = QueueService(client)
        job_id = service.enqueue("test_job", {"fail_first": 1}, attempts=3, backoff="fixed:0s").id
        run_stock(server, home, "-S", "json", "main-queue")
        assert service.status(job_id).result == {"message": "hello", "attempt": 2}


def test_a_queue_of_plain_rq_is_recorded_as_well(client: redis.Redis) -> None:
    job = Queue("default", connection=client).enqueue("os.getcwd")
    with recording(job):
        print("plain")
    assert log_lines(client, job.id) == [("PRINT", "plain")]
