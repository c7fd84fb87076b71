"""The logs of a tail, each line once: over several attempts, after looks that are older than the events, and from before."""

from __future__ import annotations

from collections.abc import Sequence

import redis
from rq import Queue
from rq.job import JobStatus

from qtui.broker import clock
from qtui.broker.lists import running
from qtui.broker.status import Status
from qtui.broker.tail.lines import LOG, Line
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.source import Source
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time
from tests.broker import tasks
from tests.broker.test_tail import NOW, Watcher, begin, end, talk


def began_now(client: redis.Redis, job: str, attempt: int = 1) -> Source:
    """A qtui-worker begins an attempt."""
    source = Source(job, "mail", attempt=attempt)
    stamp = format_time(clock.now(client).seconds)
    client.hset(keys.job(job), mapping={"status": "started", "started_at": stamp, keys.FIELD_ATTEMPT: attempt})
    client.zadd(keys.registry("wip", "mail"), {f"{job}:e": 4e9})
    emit(client, EventKind.STARTED, source)
    return source


def ended_now(client: redis.Redis, source: Source, kind: EventKind = EventKind.COMPLETED) -> None:
    """It ends."""
    status = "finished" if kind is EventKind.COMPLETED else "queued"
    client.hset(keys.job(source.job), mapping={"status": status, "ended_at": format_time(clock.now(client).seconds)})
    client.zrem(keys.registry("wip", "mail"), f"{source.job}:e")
    emit(client, kind, source, {"seconds": 1.0})


def logged(lines: Sequence[Line]) -> list[str]:
    return [line.text for line in lines if line.kind == LOG]


def now_of(client: redis.Redis) -> float:
    return clock.now(client).seconds


def retried(client: redis.Redis) -> tuple[str, Watcher]:
    """A job whose first attempt has logged "first" and is retried, and who has watched since before it began."""
    job = Queue("mail", connection=client).enqueue(tasks.add, 1).id
    watcher = Watcher(client)
    watcher.look()
    first = began_now(client, job)
    talk(client, job, "first", begin=now_of(client))
    ended_now(client, first, EventKind.RETRYING)
    return job, watcher


def test_all_attempts_since_the_reading_before_are_read_also_where_only_the_last_one_left_its_time(client: redis.Redis) -> None:
    job, watcher = retried(client)
    second = Source(job, "mail", attempt=2)
    later = format_time(now_of(client) + 60)
    client.hset(keys.job(job), mapping={"status": "finished", "started_at": later, "ended_at": later})
    emit(client, EventKind.STARTED, second)
    talk(client, job, "second", begin=now_of(client) + 60, kept=500)
    emit(client, EventKind.COMPLETED, second)
    assert logged(watcher.read()) == ["first", "second"]


def test_lines_of_an_attempt_that_is_retried_at_once_are_not_repeated_at_the_end_of_the_next(client: redis.Redis) -> None:
    job, watcher = retried(client)
    assert logged(watcher.read()) == ["first"]
    second = began_now(client, job, 2)
    talk(client, job, "second", begin=now_of(client), kept=500)
    ended_now(client, second)
    assert logged(watcher.look()) == ["second"]


def test_jobs_that_were_seen_before_an_event_came_do_not_end_the_reading_of_a_log(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1).id
    watcher = Watcher(client, lines=2)
    watcher.look()
    first = began_now(client, job)
    watcher.look()
    ended_now(client, first, EventKind.RETRYING)
    turn, seen = watcher.tail.turn, running.look(client, watcher.seen, NOW)
    assert [run.now.status for run in seen.runs] == [Status.QUEUED]
    began_now(client, job, 2)
    talk(client, job, *"abc", begin=now_of(client))
    found = watcher.tail.read(0)
    found += watcher.tail.read(0, seen, NOW, turn)
    talk(client, job, *"defgh", begin=now_of(client) + 1)
    found += watcher.look()
    assert logged(found) == list("abcdefgh")


def test_a_log_that_is_taken_up_again_goes_on_where_it_was_left(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    watcher = Watcher(client, lines=2)
    begin(client, job)
    talk(client, job.id, *"abc", begin=now_of(client))
    assert logged(watcher.look()) == ["b", "c"]
    end(client, job, JobStatus.QUEUED)
    assert logged(watcher.look()) == []
    talk(client, job.id, *"defgh", begin=now_of(client) + 1)
    begin(client, job)
    assert logged([*watcher.look(), *watcher.read()]) == list("defgh")


def test_lines_before_those_with_which_a_tail_began_do_not_come_when_the_job_ends(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1).id
    source = began_now(client, job)
    talk(client, job, *"abcd", begin=now_of(client))
    some, none = Watcher(client, lines=2), Watcher(client)
    assert logged(some.look()) == ["c", "d"]
    assert logged(none.look()) == []
    talk(client, job, "e", begin=now_of(client) + 1, kept=500)
    ended_now(client, source)
    assert logged(some.read()) == logged(none.read()) == ["e"]


def test_events_from_before_it_began_come_with_the_newest_log_lines_of_their_jobs(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    jobs = [queue.enqueue(tasks.add, number).id for number in range(3)]
    retried = jobs[2]
    for number, job in enumerate(jobs):
        source = began_now(client, job)
        talk(
            client,
            job,
            *(f"{number}{letter}" for letter in "abc"),
            begin=now_of(client) - 0.5,
            kept=None if job == retried else 500,
        )
        ended_now(client, source, EventKind.RETRYING if job == retried else EventKind.COMPLETED)
    began_now(client, retried, 2)
    found = Watcher(client, events=6, lines=2).look()
    assert sorted(logged(found)) == ["0b", "0c", "1b", "1c", "2b", "2c"]
    assert logged(Watcher(client, events=6).look()) == []
