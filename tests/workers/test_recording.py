"""Recording as a process sees it: what it costs, what it leaves behind, and what it does when things go wrong."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from contextlib import suppress

import pytest
import redis
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from qtui_workers.engine.job import Job
from qtui_workers.reporting import source
from qtui_workers.reporting.job_recording import progress, recording
from tests.support import Server, wait_until
from tests.workers.recorded import enqueued, notes, stored
from tests.workers.support import log_lines

log = logging.getLogger("tests.somewhere")


@pytest.fixture
def job(client: redis.Redis) -> Job:
    return enqueued(client, result_ttl=86_400, failure_ttl=2 * 86_400)


def test_a_job_that_says_nothing_costs_no_thread_and_no_command(job: Job) -> None:
    def commands() -> int:
        return int(job.connection.info("stats")["total_commands_processed"])

    before, threads = commands(), threading.active_count()
    with recording(job):
        assert threading.active_count() == threads
    assert commands() == before + 1  # that of asking


def test_recording_a_job_that_says_nothing_takes_well_under_100_microseconds(job: Job) -> None:
    def lasted() -> float:
        begun = time.thread_time()
        for _ in range(100):
            with recording(job):
                pass
        return (time.thread_time() - begun) / 100

    assert min(lasted() for _ in range(20)) < 100e-6


def test_one_job_after_the_other_leaves_nothing_behind(client: redis.Redis) -> None:
    first, second = enqueued(client, "first"), enqueued(client, "second")
    streams, handlers, threads = (sys.stdout, sys.stderr), list(logging.getLogger().handlers), threading.active_count()
    kept = []
    with suppress(RuntimeError), recording(first):
        kept.append(sys.stdout)
        print("of the first", end="")
        sys.stdout = io.StringIO()
        raise RuntimeError
    with recording(second):
        print("from before", file=kept[0])
        print("of the second")
    assert (sys.stdout, sys.stderr) == streams
    assert logging.getLogger().handlers == handlers
    assert threading.active_count() == threads
    assert source.current().job is None
    assert log_lines(client, "first") == [("PRINT", "of the first")]
    assert log_lines(client, "second") == [("PRINT", "of the second")]


def test_what_is_said_after_the_end_starts_no_thread(job: Job) -> None:
    with recording(job):
        kept = sys.stdout
        print("in time")
    threads = threading.active_count()
    print("too late", file=kept)
    assert threading.active_count() == threads
    assert log_lines(job.connection, job.id) == [("PRINT", "in time")]


def test_a_recording_that_could_not_be_ended_is_ended_by_the_next(client: redis.Redis) -> None:
    streams = sys.stdout, sys.stderr
    lost = recording(enqueued(client, "first"))
    lost.__enter__()
    print("of the first", end="")
    with recording(enqueued(client, "second")):
        print("of the second")
    assert (sys.stdout, sys.stderr) == streams
    assert log_lines(client, "first") == [("PRINT", "of the first")]
    assert log_lines(client, "second") == [("PRINT", "of the second")]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of Python 3.12: just that is tried here
def test_a_fork_of_the_job_neither_hangs_nor_records(job: Job) -> None:
    with recording(job):
        print("parent")
        wait_until(lambda: log_lines(job.connection, job.id), description="the thread is there")
        child = os.fork()
        if child == 0:
            progress(5, 10)
            print("child")
            log.info("child")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    assert log_lines(job.connection, job.id) == [("PRINT", "parent")]
    assert stored(job) == {}


def test_a_timeout_reaches_the_job_also_while_it_logs(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own swallow it

    class Slow:
        def __str__(self) -> str:
            threading.Event().wait(5)
            return "slow"

    with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException), recording(job):
        log.info("%s", Slow())


def test_lines_of_several_threads_do_not_mix(job: Job) -> None:
    half, go_on = threading.Event(), threading.Event()

    def other() -> None:
        sys.stdout.write("other begins, ")
        half.set()
        go_on.wait(10)
        sys.stdout.write("other ends\n")

    with recording(job):
        thread = threading.Thread(target=other)
        thread.start()
        half.wait(10)
        print("mine")
        go_on.set()
        thread.join()
    assert log_lines(job.connection, job.id) == [("PRINT", "mine"), ("PRINT", "other begins, other ends")]


def test_a_server_that_dies_is_noted_once_and_does_not_fail_the_job(own_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with own_server.client() as client:
        job = enqueued(client)
        own_server.kill()
        with recording(job):
            for n in range(3):
                progress(n, 3)
                log.info("line")
    [note] = notes(caplog)
    assert "could not be written" in note


def test_what_is_said_while_the_server_is_away_is_written_when_it_is_back(
    own_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with own_server.client() as client:
        job = enqueued(client)
        own_server.kill()
        with recording(job):
            print("meanwhile")
            progress(1, 2)
            wait_until(lambda: notes(caplog), description="the server is missed")
            own_server.start()
        assert log_lines(client, job.id) == [("PRINT", "meanwhile")]
        assert stored(job)["done"] == 1


def test_recording_within_recording_writes_once(job: Job) -> None:
    with recording(job), recording(job):
        log.info("once")
    assert log_lines(job.connection, job.id) == [("INFO", "once")]


def test_after_a_recording_nothing_is_recorded(job: Job) -> None:
    level = logging.getLogger().level
    with recording(job):
        pass
    log.warning("too late")
    print("too late")
    assert log_lines(job.connection, job.id) == []
    assert logging.getLogger().level == level


def test_a_record_that_cannot_be_formatted_does_not_fail_the_job(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with recording(job):
        log.info("%d", "no number")
        log.info("next")
    assert log_lines(job.connection, job.id) == [("INFO", "next")]
