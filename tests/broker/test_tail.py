"""The tail: events, log lines, and what is only seen by looking, each once and in its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.executions import prepare_execution
from rq.job import Job, JobStatus

from qtui.broker.lists import running
from qtui.broker.lists.running import EVERYTHING, Running, Subject
from qtui.broker.status import Status
from qtui.broker.tail import logs, streams
from qtui.broker.tail.lines import GONE, LOG, MISSED, NOTE, Line
from qtui.broker.tail.reader import Tail
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.recorder import Recorder
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.support import Server, wait_until
from tests.workers.support import working

NOW = 1_763_800_000.0


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[redis.Redis]:
    """A client of either protocol, whose replies differ in shape."""
    with server.client(protocol=request.param) as client:
        yield client


class Watcher:
    """Somebody who tails, and looks at the jobs before each reading."""

    def __init__(self, client: redis.Redis, about: Subject = EVERYTHING, **backlog: int) -> None:
        self.client, self.about = client, about
        self.tail = Tail(client, about, **backlog)
        self.seen = Running((), 0)

    def look(self) -> list[Line]:
        self.seen = running.look(self.client, self.seen, NOW, self.about)
        return self.tail.read(0, self.seen, NOW)

    def read(self) -> list[Line]:
        return self.tail.read(0)


def said(lines: Sequence[Line]) -> list[tuple[str, str]]:
    return [(line.kind, line.text) for line in lines]


def begin(client: redis.Redis, job: Job) -> None:
    """A worker of RQ begins a job; no event tells it."""
    worker = seed.Worker([Queue(job.origin, connection=client)], connection=client)
    worker.register_birth()
    client.lrem(keys.queue(job.origin), 0, job.id)
    prepare_execution(worker, job)
    with client.pipeline() as pipe:
        job.prepare_for_execution(worker.name, pipe)
        pipe.execute()


def end(client: redis.Redis, job: Job, status: JobStatus) -> None:
    wip = keys.registry("wip", job.origin)
    client.zrem(wip, *(entry for entry in client.zrange(wip, 0, -1) if entry.startswith(job.id.encode())))
    job.set_status(status)


def talk(client: redis.Redis, job: str, *texts: str, kept: int | None = None, begin: float = NOW) -> None:
    """A job logs these lines, with the script of the worker; `kept`: it has ended."""
    recorder = Recorder(client, Source(job, "mail"))
    for place, text in enumerate(texts):
        recorder.line("INFO", text, begin + place / 1000)
    recorder.close(kept)


def test_events_of_all_jobs_are_lines_and_those_of_others_are_left_out(client: redis.Redis) -> None:
    everything = Watcher(client)
    mail, one = Watcher(client, Subject(queue="mail")), Watcher(client, Subject(ids=("b",)))
    for watcher in (everything, mail, one):
        assert watcher.read() == []
    emit(client, EventKind.STARTED, Source("a", "mail", "send", "w1", 1))
    emit(client, EventKind.COMPLETED, Source("b", "shop", "charge", "w1", 2), {"seconds": 1.5})
    emit(client, EventKind.FAILED, Source("a", "mail", "send", "w1", 1), {"error": "ValueError: no", "seconds": 0.1})
    found = everything.read()
    assert said(found) == [("started", ""), ("finished", ""), ("failed", "ValueError: no")]
    assert found[1][4:] == ("b", "shop", "charge", "w1", 2, {"seconds": 1.5})
    assert [line.is_failure for line in found] == [False, False, True]
    assert [line.kind for line in mail.read()] == ["started", "failed"]
    assert [line.job for line in one.read()] == ["b"]
    assert everything.read() == []


def test_a_log_is_read_from_the_start_of_its_job_to_its_end_each_line_once(client: redis.Redis) -> None:
    watcher = Watcher(client)
    watcher.read()
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    client.hset(keys.job(job.id), "started_at", "2025-11-22T08:26:40.000000Z")
    source = Source(job.id, "mail", "add", "w1", 1)
    emit(client, EventKind.STARTED, source)
    talk(client, job.id, "one", "two")
    assert said(watcher.read()) == [(LOG, "one"), (LOG, "two"), ("started", "")]
    talk(client, job.id, "three", "three", begin=NOW + 1)
    assert said(watcher.read()) == [(LOG, "three"), (LOG, "three")]
    talk(client, job.id, "three", "four", kept=500, begin=NOW + 1)
    assert client.hexists(keys.job(job.id), keys.FIELD_LOG)
    emit(client, EventKind.COMPLETED, source)
    assert said(watcher.read()) == [(LOG, "three"), (LOG, "four"), ("finished", "")]
    assert watcher.read() == []


def test_of_a_job_that_began_and_ended_between_two_readings_only_the_lines_of_this_attempt_are_read(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    talk(client, job.id, "of an earlier run", kept=500, begin=NOW - 600)
    watcher = Watcher(client)
    watcher.read()
    client.hset(keys.job(job.id), "started_at", "2025-11-22T08:26:40.000000Z")
    emit(client, EventKind.STARTED, Source(job.id, "mail", attempt=2))
    talk(client, job.id, "now", kept=500)
    emit(client, EventKind.COMPLETED, Source(job.id, "mail", attempt=2))
    assert said(watcher.read()) == [(LOG, "now"), ("started", ""), ("finished", "")]


def test_the_next_attempt_does_not_repeat_the_lines_of_the_one_before(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    watcher = Watcher(client)
    watcher.read()
    emit(client, EventKind.STARTED, Source(job.id, "mail", attempt=1))
    talk(client, job.id, "first")
    emit(client, EventKind.RETRYING, Source(job.id, "mail", attempt=1), {"seconds": 4, "error": "ValueError: no"})
    assert [text for kind, text in said(watcher.read()) if kind == LOG] == ["first"]
    emit(client, EventKind.STARTED, Source(job.id, "mail", attempt=2))
    assert said(watcher.read()) == [("started", "")]
    talk(client, job.id, "second", begin=NOW + 60)
    assert said(watcher.read()) == [(LOG, "second")]


def test_it_begins_with_the_newest_events_and_lines_of_what_runs(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    begin(client, job)
    talk(client, job.id, *map(str, range(30)))
    for number in range(5):
        emit(client, EventKind.QUEUED, Source(f"q{number}", "mail"))
    found = Watcher(client, events=3, lines=10).look()
    assert [line.text for line in found if line.kind == LOG] == [str(number) for number in range(20, 30)]
    assert [line.job for line in found if line.kind == "queued"] == ["q2", "q3", "q4"]


def test_a_stock_worker_is_watched_by_looking_and_what_is_missing_is_said_once(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    first, second = queue.enqueue(tasks.add, 1), queue.enqueue(tasks.fail)
    watcher = Watcher(client)
    assert watcher.look() == []
    begin(client, first)
    begin(client, second)
    found = watcher.look()
    assert sorted(line.kind for line in found) == [NOTE, "started", "started"]
    note = next(line for line in found if line.kind == NOTE)
    assert "is no qtui-worker" in note.text
    assert "log lines" in note.text
    first.meta["progress"] = {"done": 3, "total": 10, "message": "page 3"}
    first.save_meta()
    assert said(watcher.look()) == [("progress", "page 3")]
    first.meta |= {"file": "a.csv", "api_key": "hunter2", "rows": [1, 2]}
    first.save_meta()
    assert said(watcher.look()) == [("meta", "file=a.csv, api_key=***, rows=[1, 2]")]
    first.meta |= {"file": "b.csv", "progress": {"done": 4, "total": 10, "message": "page 4"}}
    del first.meta["rows"]
    first.save_meta()
    found = watcher.look()
    assert said(found) == [("progress", "page 4"), ("meta", "file=b.csv, rows removed")]
    assert found[1].details == {"file": "b.csv", "rows": None}
    first.meta |= {"blob": "x" * 2_000, "more": "y"}
    first.save_meta()
    assert said(watcher.look())[-1][1].startswith("meta=more than 1,000 bytes")
    end(client, first, JobStatus.FINISHED)
    end(client, second, JobStatus.FAILED)
    assert sorted(line.kind for line in watcher.look()) == ["failed", "finished"]
    assert watcher.look() == []


def test_what_events_tell_is_not_told_again_by_looking(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    job, later = queue.enqueue(tasks.add, 1), queue.enqueue(tasks.add, 2)
    watcher = Watcher(client)
    watcher.look()
    begin(client, job)
    emit(client, EventKind.STARTED, Source(job.id, "mail", attempt=1))
    assert said(watcher.look()) == [("started", "")]
    assert watcher.look() == []
    end(client, job, JobStatus.FINISHED)
    emit(client, EventKind.COMPLETED, Source(job.id, "mail", attempt=1))
    assert said(watcher.read()) == [("finished", "")]
    assert watcher.look() == []
    begin(client, later)
    assert [line.kind for line in watcher.look()] == [NOTE, "started"]
    emit(client, EventKind.STARTED, Source(later.id, "mail", attempt=1))
    assert watcher.read() == []


def test_named_jobs_say_first_how_they_are_and_stay_to_their_end(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    waits, ended, gone = queue.enqueue(tasks.add, 1), queue.enqueue(tasks.add, 2), queue.enqueue(tasks.add, 3)
    talk(client, ended.id, "all is done", kept=500)
    ended.set_status(JobStatus.FINISHED)
    client.lrem(queue.key, 0, ended.id)
    watcher = Watcher(client, Subject(ids=(waits.id, ended.id, gone.id)), lines=100)
    found = watcher.look()
    assert sorted(said(found)) == [("finished", ""), (LOG, "all is done"), ("queued", ""), ("queued", "")]
    gone.delete()
    waits.cancel()
    assert sorted(line.kind for line in watcher.look()) == ["canceled", GONE]
    assert [run.now.status for run in watcher.seen.runs] == [Status.CANCELED, Status.FINISHED, None]
    assert watcher.look() == []


def test_what_was_dropped_before_it_could_be_read_is_said_with_its_number(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    watcher = Watcher(client)
    watcher.read()
    emit(client, EventKind.STARTED, Source(job.id, "mail", attempt=1))
    talk(client, job.id, "before")
    assert len(watcher.read()) == 2
    for start in range(0, 3_000, 500):
        talk(client, job.id, *map(str, range(start, start + 500)), begin=NOW + start)
    kept = client.xlen(keys.log(job.id))
    found = watcher.read()
    numbers = [int(line.text) for line in found if line.kind == LOG]
    assert numbers == list(range(3_000 - kept, 3_000))
    (note,) = [line for line in found if line.kind == MISSED]
    exact = b"entries-added" in _facts(client, keys.log(job.id))
    assert note.text == f"{f'{3_000 - kept:,}' if exact else 'some'} log lines were dropped before they could be read"
    assert note.job == job.id
    assert watcher.read() == []


def _facts(client: redis.Redis, key: str) -> set[bytes]:
    reply = client.connection_pool.get_connection()
    try:
        reply.send_command("XINFO", "STREAM", key)
        found = reply.read_response()
    finally:
        client.connection_pool.release(reply)
    return set(found if isinstance(found, dict) else found[::2])


def test_events_that_come_faster_than_one_call_reads_are_all_read(client: redis.Redis) -> None:
    watcher = Watcher(client)
    watcher.read()
    with client.pipeline(transaction=False) as pipe:
        for number in range(2_500):
            emit(pipe, EventKind.QUEUED, Source(f"j{number}", "mail"))
        pipe.execute()
    found = watcher.read()
    assert [line.job for line in found] == [f"j{number}" for number in range(2_500)]


def test_more_jobs_than_logs_that_are_read_are_said(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST", 1)
    queue = Queue("mail", connection=client)
    jobs = [queue.enqueue(tasks.add, number) for number in range(3)]
    for job in jobs:
        begin(client, job)
        talk(client, job.id, "a line")
    watcher = Watcher(client, lines=10)
    assert [line.text for line in watcher.look()] == ["a line"]
    assert watcher.tail.unread == 2


def test_damaged_streams_are_left_out_and_hostile_entries_are_bounded(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    jobs = [queue.enqueue(tasks.add, number) for number in range(2)]
    for job in jobs:
        begin(client, job)
    client.set(keys.log(jobs[0].id), "no stream")
    client.xadd(keys.log(jobs[1].id), {"text": b"\xff" * 100_000, "at": "nan"})
    watcher = Watcher(client, lines=10)
    (line,) = watcher.look()
    assert len(line.text) == 8_192
    assert line.at > 1
    client.xadd(keys.EVENTS, {"event": "x" * 1_000, "job": jobs[1].id, "details": "["})
    assert [len(line.kind) for line in watcher.read()] == [41]


def test_a_tail_waits_for_news_no_longer_than_asked(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    tail = Tail(client, EVERYTHING)
    tail.read(0)
    before = client.info("commandstats").get("cmdstat_xread", {"calls": 0})["calls"]
    assert tail.read(0.2) == []
    after = client.info("commandstats")["cmdstat_xread"]["calls"]
    assert after - before == 1


def test_after_an_outage_it_goes_on_where_it_was(own_server: Server) -> None:
    with own_server.client() as client:
        watcher = Watcher(client)
        emit(client, EventKind.QUEUED, Source("a", "mail"))
        watcher.read()
        emit(client, EventKind.QUEUED, Source("b", "mail"))
        own_server.kill()
        with pytest.raises((redis.ConnectionError, OSError)):
            watcher.read()
        own_server.start()
        assert [line.job for line in watcher.read()] == ["b"]


def test_a_job_of_a_worker_is_told_whole(server: Server, client: redis.Redis, tmp_path: Path) -> None:
    watcher = Watcher(client, lines=100)
    watcher.look()
    found: list[Line] = []
    with working(server, tmp_path, "reports"):
        job_id = QueueService(client).enqueue("report", {"steps": 3, "seconds_per_step": 0.05}, queue="reports").id

        def ended() -> bool:
            found.extend(watcher.look())
            return any(line.kind == "finished" for line in found)

        wait_until(ended, description="the report ends")
    kinds = [line.kind for line in found if line.job == job_id]
    assert (kinds[0], kinds[1], kinds[-1]) == ("queued", "started", "finished")
    logged = [line.text for line in found if line.kind == LOG]
    assert [text for text in logged if "of 3 done" in text] == [f"step {n} of 3 done" for n in (1, 2, 3)] or len(logged) >= 3
    assert len(logged) == len(set(logged))
    assert not [line for line in found if line.kind in (NOTE, MISSED)]


def test_a_user_who_may_not_ask_for_facts_of_streams_tails_all_the_same(own_server: Server) -> None:
    with own_server.client() as root:
        root.acl_setuser("eye", enabled=True, passwords=["+p"], keys=["*"], commands=["+@all", "-xinfo"])
        with own_server.client(username="eye", password="p") as client:
            watcher = Watcher(client)
            watcher.read()
            emit(root, EventKind.QUEUED, Source("a", "mail"))
            assert [line.job for line in watcher.read()] == ["a"]
            assert streams.COUNT == 1_000
