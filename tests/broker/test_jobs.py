"""Windows and counts, against what RQ itself put there."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence

import pytest
import redis
from rq import Queue

from qtui.broker import clock
from qtui.broker.lists import jobs
from qtui.broker.models import Lifetimes, Progress, Window
from qtui.broker.search.find import find
from qtui.broker.search.scan import Scope
from qtui.broker.search.sorting import sort_named
from qtui.broker.status import COUNTED, STATUSES, Status
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time
from qtui_workers.server.scripts import Script
from tests.broker import seed, tasks
from tests.broker.watching import round_trips, watching
from tests.support import reads_with


@pytest.mark.parametrize("status", list(STATUSES))
def test_a_window_of_each_status_holds_the_jobs_that_rq_put_there(client: redis.Redis, status: Status) -> None:
    seeded = seed.everything(client)

    window = jobs.window(client, None, status, 0, 100)

    expected = set(seeded.ids[status])
    if status is Status.FAILED:  # RQ keeps stopped jobs among the failed ones
        expected |= set(seeded.ids[Status.STOPPED])
    assert {row.id for row in window.rows} == expected
    assert window.total == len(expected)
    assert window.complete
    assert all(row.problem is None for row in window.rows)
    assert all(row.function in ("tests.broker.tasks.add", "tests.broker.tasks.fail") for row in window.rows)


@pytest.mark.parametrize("status", list(STATUSES))
def test_a_window_of_one_queue_holds_only_its_jobs(client: redis.Redis, status: Status) -> None:
    seed.everything(client)

    window = jobs.window(client, "media", status, 0, 100)

    assert {row.queue for row in window.rows} <= {"media"}
    assert len(window.rows) == window.total


def test_counts_agree_with_rq(client: redis.Redis) -> None:
    seed.everything(client)
    queue = Queue("mail", connection=client)

    counts = jobs.counts(client, "mail")

    assert tuple(counts) == COUNTED
    assert counts[Status.QUEUED] == queue.count
    assert counts[Status.FAILED] == queue.failed_job_registry.get_job_count(cleanup=False)
    assert counts[Status.STARTED] == 1
    assert counts[Status.SCHEDULED] == queue.scheduled_job_registry.get_job_count(cleanup=False)


def test_counts_of_all_queues_are_the_sum(client: redis.Redis) -> None:
    seed.everything(client)
    mail, media = jobs.counts(client, "mail"), jobs.counts(client, "media")
    assert jobs.counts(client, None) == {status: mail[status] + media[status] for status in COUNTED}


def test_the_newest_of_a_queue_comes_first(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    ids = [queue.enqueue(tasks.add, n).id for n in range(7)]
    pages = [jobs.window(client, "mail", Status.QUEUED, offset, 3) for offset in (0, 3, 6, 9)]
    assert [row.id for page in pages for row in page.rows] == ids[::-1]
    assert [page.total for page in pages] == [7, 7, 7, 7]


def test_the_newest_failure_comes_first_with_its_last_line(client: redis.Redis) -> None:
    ids = seed.failed(client, "mail", 3)
    client.zadd(keys.registry("failed", "mail"), {job_id: 2e9 + n for n, job_id in enumerate(ids)})
    rows = jobs.window(client, "mail", Status.FAILED, 0, 2).rows
    assert [row.id for row in rows] == [ids[2], ids[1]]
    assert [row.error for row in rows] == ["ValueError: message 2", "ValueError: message 1"]


def test_few_jobs_of_all_queues_are_merged_by_time(client: redis.Redis) -> None:
    names = ("b", "a", "c", "a", "b", "c")
    ids = [Queue(name, connection=client).enqueue(tasks.add, 1).id for name in names]
    first = jobs.window(client, None, Status.QUEUED, 0, 4)
    rest = jobs.window(client, None, Status.QUEUED, 4, 4)
    assert [row.id for row in (*first.rows, *rest.rows)] == ids[::-1]


@pytest.mark.parametrize("queue", ["mail", None])
@pytest.mark.parametrize("merged", [False, True])
def test_the_oldest_come_first_by_the_same_list_read_backwards(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, queue: str | None, merged: bool
) -> None:
    monkeypatch.setattr(jobs, "SORTED", 0 if merged else jobs.SORTED)
    names = ("mail", "mail") if queue else ("mail", "media", "bulk")
    ids = [Queue(names[n % len(names)], connection=client).enqueue(tasks.add, 1).id for n in range(8)]
    pages = [jobs.window(client, queue, Status.QUEUED, offset, 3, oldest_first=True) for offset in (0, 3, 6, 9)]
    assert [[row.id for row in page.rows] for page in pages] == [ids[:3], ids[3:6], ids[6:], []]
    assert {page.total for page in pages} == {8}


def spread(client: redis.Redis, status: Status, counts: dict[str, int], seed: int = 0) -> list[str]:
    """Jobs in a status, spread over queues at random; their ids, newest first."""
    turns = [name for name, count in counts.items() for _ in range(count)]
    random.Random(seed).shuffle(turns)
    with client.pipeline(transaction=False) as pipe:
        pipe.sadd(keys.QUEUES, *(keys.queue(name) for name in [*counts, "empty"]))
        for number, name in enumerate(turns):
            moment = f"2024-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000000Z"
            job = {"data": "x", "origin": name, "status": status, "enqueued_at": moment, "ended_at": moment}
            pipe.hset(keys.job(f"j{number}"), mapping=job)
            if status is Status.QUEUED:
                pipe.rpush(keys.queue(name), f"j{number}")
            else:  # each queue keeps its jobs for another time
                pipe.zadd(jobs.place(name, status), {f"j{number}": number + 1e6 * len(name)})
        pipe.execute()
    return [f"j{number}" for number in reversed(range(len(turns)))]


MANY = {"a": 700, "bb": 40, "ccc": 1, "dddd": 1_300, "eeeee": 260}


@pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED, Status.FINISHED])
def test_all_queues_together_are_newest_first_however_many_jobs_they_hold(client: redis.Redis, status: Status) -> None:
    ids = spread(client, status, MANY)
    assert len(ids) > jobs.SORTED
    for offset, limit in [(0, 100), (1, 7), (37, 50), (997, 200), (1_500, 1_000), (2_298, 10), (2_301, 10), (100_000, 10)]:
        window = jobs.window(client, None, status, offset, limit)
        assert [row.id for row in window.rows] == ids[offset : offset + limit]
        assert window.total == len(ids)


@pytest.mark.parametrize("chance", range(6))
def test_a_merge_finds_every_offset(client: redis.Redis, monkeypatch: pytest.MonkeyPatch, chance: int) -> None:
    monkeypatch.setattr(jobs, "SORTED", 0)
    sizes = random.Random(chance)
    ids = spread(client, Status.QUEUED, {f"q{n}": sizes.choice([0, 1, 2, 5, 30]) for n in range(1 + chance * 2)}, chance)
    for offset in range(len(ids) + 2):
        assert [row.id for row in jobs.window(client, None, Status.QUEUED, offset, 3).rows] == ids[offset : offset + 3]


def test_a_deep_page_of_all_queues_reads_few_jobs(client: redis.Redis) -> None:
    ids = spread(client, Status.QUEUED, {f"q{n}": 250 for n in range(20)})
    before = client.info("commandstats")["cmdstat_hget"]["calls"] if "cmdstat_hget" in client.info("commandstats") else 0
    assert [row.id for row in jobs.window(client, None, Status.QUEUED, 4_000, 50).rows] == ids[4_000:4_050]
    read = client.info("commandstats")["cmdstat_hget"]["calls"] - before
    assert read < 50 * 2 + 20 * 3 * 10


def test_a_window_is_one_round_trip(client: redis.Redis) -> None:
    seed.everything(client)
    jobs.window(client, "mail", Status.FAILED, 0, 50)
    with watching(client) as seen:
        jobs.window(client, "mail", Status.FAILED, 0, 50)
    assert [command.split()[0] for command in seen.sent] == [reads_with(client)]


def test_a_search_says_how_far_it_looked(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    seeded = seed.everything(client)
    found, scanned, complete = jobs.search(client, None, Status.STOPPED, bound=5)
    assert scanned == 5
    assert not complete
    assert {job_id for job_id, _ in found} <= set(seeded.ids[Status.STOPPED])
    whole = jobs.window(client, None, Status.STOPPED, 0, 10)
    assert (whole.scanned, whole.complete) == (8, True)


def test_progress_in_the_meta_of_a_plain_rq_job_is_read_while_it_runs(client: redis.Redis) -> None:
    seed.everything(client)
    (row,) = jobs.window(client, "mail", Status.STARTED, 0, 5).rows
    assert row.progress == Progress(3.0, 4.0, "nearly")


def test_progress_of_our_worker_is_read(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    client.hset(keys.job(seeded.first(Status.STARTED)), keys.FIELD_PROGRESS, '{"done": 1, "total": 2, "message": "x"}')
    (row,) = jobs.window(client, "mail", Status.STARTED, 0, 5).rows
    assert row.progress == Progress(1.0, 2.0, "x")


def test_progress_without_a_total_has_none(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    client.hset(keys.job(seeded.first(Status.STARTED)), keys.FIELD_PROGRESS, '{"done": 1, "total": null, "message": ""}')
    (row,) = jobs.window(client, "mail", Status.STARTED, 0, 5).rows
    assert row.progress == Progress(1.0, None)
    assert row.progress.fraction is None


def test_a_scheduled_job_says_when_it_is_due(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    for row in jobs.window(client, "mail", Status.SCHEDULED, 0, 5).rows:
        assert row.scheduled_for == client.zscore(keys.registry("scheduled", "mail"), row.id)
    assert seeded.ids[Status.SCHEDULED]


def test_an_id_that_is_no_utf_8_survives_the_round_trip(client: redis.Redis) -> None:
    client.sadd(keys.QUEUES, b"rq:queue:\xffq")
    client.rpush(b"rq:queue:\xffq", b"\xfeid")
    client.hset(b"rq:job:\xfeid", mapping={"status": "queued", "data": "x"})
    (name,) = jobs.queue_names(client)
    (row,) = jobs.window(client, name, Status.QUEUED, 0, 5).rows
    assert (row.status, row.id.encode("utf-8", "surrogateescape")) == (Status.QUEUED, b"\xfeid")


@pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED, Status.SCHEDULED])
@pytest.mark.parametrize("known", [True, False])
def test_the_newest_jobs_of_very_many_queues_are_merged_in_small_scripts_and_the_others_follow_queue_by_queue(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, status: Status, *, known: bool
) -> None:
    monkeypatch.setattr(jobs, "MERGED", 4)
    monkeypatch.setattr(jobs, "LEAST", 20)
    monkeypatch.setattr(jobs, "NEWEST", 60)
    counts = {f"q{number}": 9 for number in range(10)}
    ids = spread(client, status, counts)
    holding = tuple(counts) if known else ()
    for oldest_first, order in ((False, ids), (True, ids[::-1])):
        pages = [
            jobs.window(client, None, status, place, 7, oldest_first=oldest_first, holding=holding) for place in range(0, 91, 7)
        ]
        listed = [row.id for page in pages for row in page.rows]
        (number,) = {page.in_order for page in pages}
        assert number is not None
        assert 20 <= number < 90
        assert listed[:number] == order[:number]
        rest = order[number:]
        assert listed[number:] == sorted(rest, key=lambda job_id: client.hget(keys.job(job_id), "origin"))  # is stable
        assert {page.total for page in pages} == {90}
        assert [page.is_in_order for page in pages] == [7 * n + len(page.rows) <= number for n, page in enumerate(pages)]
    if status is Status.SCHEDULED:
        assert all(row.scheduled_for for page in pages for row in page.rows)


def test_jobs_at_the_front_of_many_queues_are_listed_once(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MERGED", 2)
    monkeypatch.setattr(jobs, "LEAST", 4)
    monkeypatch.setattr(jobs, "NEWEST", 4)
    names = tuple(f"q{number}" for number in range(5))
    queues = [Queue(name, connection=client) for name in names]
    ids = [queues[n % 5].enqueue(tasks.add, n, at_front=n % 3 == 0).id for n in range(60)]
    for oldest_first in (False, True):
        pages = [jobs.window(client, None, Status.QUEUED, place, 7, oldest_first=oldest_first) for place in range(0, 63, 7)]
        assert sorted(row.id for page in pages for row in page.rows) == sorted(ids)


def test_any_page_of_very_many_queues_takes_three_round_trips_at_most(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MERGED", 4)
    monkeypatch.setattr(jobs, "LEAST", 20)
    monkeypatch.setattr(jobs, "NEWEST", 60)
    counts = {f"q{number}": 30 for number in range(10)}
    spread(client, Status.FAILED, counts)
    for offset in (0, 18, 150, 290):
        jobs.window(client, None, Status.FAILED, offset, 10, holding=tuple(counts))
        with round_trips(client) as sent:
            assert len(jobs.window(client, None, Status.FAILED, offset, 10, holding=tuple(counts)).rows) == 10
        assert 1 <= len(sent) <= 3


def test_queues_that_hold_nothing_are_not_merged(client: redis.Redis) -> None:
    ids = spread(client, Status.QUEUED, {"a": 3, "b": 3})
    client.sadd(keys.QUEUES, *(keys.queue(f"empty{number}") for number in range(50)))
    jobs.window(client, None, Status.QUEUED, 0, 10)
    with watching(client) as seen:
        assert [row.id for row in jobs.window(client, None, Status.QUEUED, 0, 10, holding=("a", "b")).rows] == ids
    assert len([command for command in seen.by_scripts if command.startswith(("LLEN", "SMEMBERS"))]) == 2


@pytest.fixture
def kept_differently(client: redis.Redis) -> list[str]:
    """Failed jobs of which the newest, the last, is kept for the shortest time."""
    ids = seed.failed(client, "mail", 3)
    for number, job_id in enumerate(ids):
        client.hset(keys.job(job_id), "ended_at", f"2024-01-01T00:00:{number * 10:02}.000000Z")
        client.zadd(keys.registry("failed", "mail"), {job_id: 2e9 + (5 if number == 2 else number * 10)})
    return ids


def test_a_registry_of_few_jobs_is_in_the_order_of_their_end_however_long_each_is_kept(
    client: redis.Redis, kept_differently: list[str]
) -> None:
    for oldest_first, ids in ((False, kept_differently[::-1]), (True, kept_differently)):
        pages = [jobs.window(client, "mail", Status.FAILED, place, 2, oldest_first=oldest_first) for place in (0, 2)]
        assert [row.id for page in pages for row in page.rows] == ids
        assert all(page.is_in_order for page in pages)


def test_a_list_of_more_jobs_is_in_the_order_of_their_end_too_and_can_be_sorted_by_it(
    client: redis.Redis, kept_differently: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SORTED", 2)
    for oldest_first, ids in ((False, kept_differently[::-1]), (True, kept_differently)):
        window = jobs.window(client, "mail", Status.FAILED, 0, 9, oldest_first=oldest_first)
        assert ([row.id for row in window.rows], window.in_order, window.is_in_order) == (ids, 3, True)
    by_end = find(client, Scope("mail", (Status.FAILED,)), 2e9, sort=sort_named("ended"))
    assert [job_id for job_id, _ in by_end.jobs] == kept_differently[::-1]


def kept_for(client: redis.Redis, lifetimes: Sequence[float], ends: Mapping[str, Sequence[float]]) -> list[str]:
    """Failed jobs in queues that ended so many seconds ago, kept in turn for so long; their ids, newest first."""
    now = time.time()
    ended: dict[str, float] = {}
    with client.pipeline(transaction=False) as pipe:
        pipe.sadd(keys.QUEUES, *map(keys.queue, ends))
        for queue, ages in ends.items():
            for number, age in enumerate(ages):
                job_id, lifetime = f"{queue}-{number}", lifetimes[number % len(lifetimes)]
                ended[job_id] = now - age
                job = {"data": "x", "origin": queue, "status": "failed", "ended_at": format_time(now - age)}
                pipe.hset(keys.job(job_id), mapping=job)
                # as RQ does: whole seconds, and -1 for ever
                score = -1 if lifetime < 0 else int(now - age) + lifetime
                pipe.zadd(keys.registry("failed", queue), {job_id: score})
        pipe.execute()
    return sorted(ended, key=ended.__getitem__, reverse=True)


def walk(
    client: redis.Redis, queue: str | None, total: int, *, page: int, known: Lifetimes = (), oldest_first: bool = False
) -> list[Window]:
    """All pages of a list of failed jobs."""
    places = range(0, total + 1, page)
    return [jobs.window(client, queue, Status.FAILED, place, page, oldest_first=oldest_first, known=known) for place in places]


@pytest.mark.parametrize("lifetimes", [(60, 86_400), (500, 3_600, 31_536_000), (86_400, -1), tuple(range(400, 500, 7))])
@pytest.mark.parametrize("queue", ["mail", None])
def test_the_newest_of_many_jobs_come_in_the_order_of_their_end_however_long_each_is_kept(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, queue: str | None, lifetimes: tuple[int, ...]
) -> None:
    now, read = clock.now(client).seconds, Script.read
    monkeypatch.setattr(
        Script, "read", lambda *given, **named: read(*given, **named | {"now": now})
    )  # all pages are of one moment
    chance = random.Random(3)
    sizes = {"mail": 900} if queue else {"mail": 900, "media": 400}
    ids = kept_for(client, lifetimes, {name: [chance.uniform(0, 4_000) for _ in range(size)] for name, size in sizes.items()})
    known = jobs.window(client, queue, Status.FAILED, 0, 1).lifetimes
    pages = walk(client, queue, len(ids), page=70, known=known)
    listed = [row.id for page in pages for row in page.rows]
    (number,) = {page.in_order for page in pages[:-1]}
    assert number is not None
    assert number > 50
    assert listed[:number] == ids[:number]
    assert sorted(listed) == sorted(ids)  # each of them once
    assert {page.total for page in pages} == {len(ids)}
    assert [page.is_in_order for page in pages] == [70 * n + len(page.rows) <= number for n, page in enumerate(pages)]
    backwards = walk(client, queue, len(ids), page=70, known=known, oldest_first=True)
    assert [row.id for page in backwards for row in page.rows] == listed[::-1]


@pytest.mark.parametrize(("lifetimes", "in_order"), [((3_600,), None), ((60, 86_400), 560)])
def test_one_look_is_enough_however_long_each_is_kept(
    client: redis.Redis, lifetimes: tuple[int, ...], in_order: int | None
) -> None:
    ids = kept_for(client, lifetimes, {"mail": [n * 1.5 for n in range(560)]})
    with watching(client) as seen:
        window = jobs.window(client, "mail", Status.FAILED, 500, 60)
    assert [command.split()[0] for command in seen.sent] == [reads_with(client)]
    assert ([row.id for row in window.rows], window.in_order, window.is_in_order) == (ids[500:], in_order, True)


def test_a_lifetime_that_was_seen_once_is_not_forgotten(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = kept_for(client, (86_400,), {"mail": [100.0 + n for n in range(700)]})
    short = kept_for(client, (60,), {"rare": [1.0]})
    client.zunionstore(keys.registry("failed", "mail"), [keys.registry("failed", name) for name in ("mail", "rare")])
    monkeypatch.setattr(jobs, "SAMPLES", 0)  # no look finds the one that is rare
    assert jobs.window(client, "mail", Status.FAILED, 0, 1).rows[0].id == ids[0]
    known = ((60.0, 60.0), (86_400.0, 86_400.0))
    window = jobs.window(client, "mail", Status.FAILED, 0, 2, known=known)
    assert [row.id for row in window.rows] == [short[0], ids[0]]
    assert window.lifetimes == known


def test_ghosts_and_times_that_are_no_times_are_listed_once_below_what_is_known(client: redis.Redis) -> None:
    ids = kept_for(client, (60, 86_400), {"mail": [float(n) for n in range(800)]})
    client.delete(keys.job(ids[0]))
    client.hset(keys.job(ids[1]), "ended_at", "yesterday")
    pages = walk(client, "mail", 800, page=100)
    listed = [row.id for page in pages for row in page.rows]
    assert sorted(listed) == sorted(ids)
    assert listed[:50] == ids[2:52]
