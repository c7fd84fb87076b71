"""Events as they are told, kept and read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from rq import Queue

from qtui_workers.reporting import events
from qtui_workers.reporting.events import EventKind, emit, follow, latest, packed, read
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from tests.support import Server, wait_until

SUBJECT = Source(job="ab12", queue="mail", function="send", worker="w1", attempt=2)


@pytest.fixture(params=[2, 3])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[redis.Redis]:
    """A client of either protocol, whose replies differ in shape."""
    with redis.Redis(unix_socket_path=server.socket, socket_timeout=2, protocol=request.param) as client:
        yield client


def test_an_event_is_read_as_it_was_reported(client: redis.Redis) -> None:
    emit(client, EventKind.FAILED, SUBJECT, {"error": "ValueError: no", "seconds": 1.5})
    seconds, micros = client.time()
    [event] = read(client)
    assert (event.kind, event.source) == ("failed", SUBJECT)
    assert event.details == {"error": "ValueError: no", "seconds": 1.5}
    assert event.at == pytest.approx(seconds + micros / 1e6, abs=5)


def test_an_event_without_a_job_is_one_of_the_worker(client: redis.Redis) -> None:
    emit(client, EventKind.WORKER_ERROR, Source(worker="w1"), {"error": "no memory"})
    [event] = read(client)
    assert event.source == Source(worker="w1")


def test_a_subject_is_made_of_a_job_without_reading_its_payload(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue("os.getcwd", 1, description="send(to='me')", job_id="ab12")
    job.data = b"cannot be read"
    assert Source.of(job, worker="w1", attempt=2) == SUBJECT


def test_in_a_pipeline_an_event_takes_no_round_trip_of_its_own_and_comes_with_the_rest_or_not_at_all(client: redis.Redis) -> None:
    with client.pipeline(transaction=True) as pipe:
        pipe.set("x", 1)
        emit(pipe, EventKind.QUEUED, SUBJECT)
        assert not client.exists(keys.EVENTS)
        pipe.execute()
    assert [e.kind for e in read(client)] == ["queued"]


def test_a_script_of_the_engine_tells_events_by_the_fragment(client: redis.Redis) -> None:
    script = Script(
        """
-- requires: event
-- arguments: job, queue, call, worker, attempt, details
event(100, 'started', args.job, 'mail', "send(to='me')", 'w1', 1, cjson.encode({seconds = 0.5}))
event(100, 'completed', args.job, nil, nil, nil, nil, nil)
event(100, 'failed', unpack(ARGV))
"""
    )
    script.run(client, **events.arguments(SUBJECT), details=packed({"error": "no"}))
    started, completed, failed = read(client)
    assert (started.source.function, started.source.attempt, started.details) == ("send", 1, {"seconds": 0.5})
    assert (completed.source, completed.details) == (Source(job="ab12"), {})
    assert (failed.source, failed.details) == (SUBJECT, {"error": "no"})


def test_a_stream_of_the_wrong_type_breaks_nothing(client: redis.Redis) -> None:
    client.set(keys.EVENTS, "taken")
    with client.pipeline(transaction=True) as pipe:
        emit(pipe, EventKind.QUEUED, SUBJECT)
        pipe.set("x", 1)
        pipe.execute()
    assert client.get("x") == b"1"


def test_the_stream_keeps_about_as_many_as_it_may(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for n in range(3_000):
            emit(pipe, EventKind.QUEUED, Source(job=str(n)), cap=500)
        pipe.execute()
    assert 500 <= client.xlen(keys.EVENTS) <= 700
    assert client.xrevrange(keys.EVENTS, count=1)[0][1][b"job"] == b"2999"


def test_ten_thousand_events_take_little_memory(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for n in range(10_000):
            emit(pipe, EventKind.COMPLETED, Source(f"{n:032x}", "main-queue", "test_job", "host.1234.ab12", 1), {"seconds": 0.25})
        pipe.execute()
    assert client.memory_usage(keys.EVENTS) < 3_000_000


def test_texts_are_cut_where_they_are_reported(client: redis.Redis) -> None:
    emit(client, EventKind.FAILED, Source("j" * 9_999, "q" * 9_999, "f" * 9_999, "w" * 9_999), {"error": "e" * 9_999})
    [(_, entry)] = client.xrange(keys.EVENTS)
    assert max(len(value) for value in entry.values()) < 400
    [event] = read(client)
    assert event.details["error"] == "e" * 300 + "…"


def test_details_that_stay_too_long_are_left_out(client: redis.Redis) -> None:
    Script("-- requires: event\nevent(10, 'failed', '', '', '', '', '', string.rep('x', 2001))").run(client)
    [(_, entry)] = client.xrange(keys.EVENTS)
    assert entry[b"details"] == b""


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text()))
def test_details_always_fit(details: dict[str, Any]) -> None:
    assert len(packed(details)) <= 2_000


@pytest.mark.parametrize(
    "entry",
    [
        {"event": "\x1b[31m"},
        {"nothing": "known"},
        {"event": "failed", "attempt": "many", "details": "[1, 2"},
        {"event": "failed", "attempt": "9" * 50, "details": "[" * 1_999},
        {"event": "failed", "attempt": "٣", "details": '{"a": {"b": [1]}}'},
        {"event": "failed", "details": '{"a": NaN, "\x1b": "\x1b"}'},
        {b"\xff": b"\xfe", "event": b"\xff", "function": b"\x1b\xff"},
        {"event": "x" * 100_000, "job": "x" * 100_000, "details": "x" * 100_000},
    ],
)
def test_what_anybody_wrote_there_is_read_bounded_and_without_control_characters(client: redis.Redis, entry: Any) -> None:
    client.xadd(keys.EVENTS, entry)
    [event] = read(client)
    shown = [event.kind, event.source.function or "", *event.details, *map(str, event.details.values())]
    assert all(text.isprintable() and len(text) <= 1_001 for text in shown)
    assert len(event.source.job or "") <= 300
    assert (event.source.attempt or 1) < 10**9


def test_names_go_back_to_redis_unchanged(client: redis.Redis) -> None:
    client.xadd(keys.EVENTS, {"event": "failed", "job": b"a\xff"})
    assert read(client)[0].source.job == "a\udcff"
    emit(client, EventKind.RETRYING, read(client)[0].source)
    assert client.xrevrange(keys.EVENTS, count=1)[0][1][b"job"] == b"a\xff"


def test_reading_goes_on_after_the_last_one_read(client: redis.Redis) -> None:
    assert latest(client) == events.START
    for n in range(3):
        emit(client, EventKind.QUEUED, Source(job=str(n)))
    first = read(client)[0]
    assert [e.source.job for e in read(client, first.id)] == ["1", "2"]
    assert read(client, latest(client)) == []


def test_reading_waits_no_longer_than_the_clients_timeout_allows(client: redis.Redis) -> None:
    assert read(client, block=60) == []  # the client's socket timeout is 2 s, and would raise
    assert read(client, block=0) == []  # XREAD would wait for ever


def test_following_gives_what_is_reported_meanwhile_and_ends_when_asked(client: redis.Redis, server: Server) -> None:
    emit(client, EventKind.QUEUED, Source(job="before"))
    place, stop, seen = latest(client), threading.Event(), list[str]()

    def watch() -> None:
        seen.extend(e.source.job for e in follow(client, place, block=0.2, stopped=stop.is_set) if not _end(e))

    def _end(event: events.Event) -> bool:
        if event.source.job == "end":
            stop.set()
        return stop.is_set()

    thread = threading.Thread(target=watch)
    thread.start()
    with server.client() as other:
        for name in ("one", "two", "end"):
            emit(other, EventKind.QUEUED, Source(job=name))
    wait_until(lambda: not thread.is_alive(), description="following ends")
    assert seen == ["one", "two"]
