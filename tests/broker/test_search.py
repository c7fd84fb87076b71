"""Searching the jobs of a real server: what is found, how far it looked, what is made of it, and that nothing is written."""

from __future__ import annotations

import os
import time

import pytest
import redis
from rq import Queue

from qtui.broker.lists import jobs
from qtui.broker.operations import Matching, plan, run
from qtui.broker.operations.remove import REMOVE
from qtui.broker.operations.retry import RETRY
from qtui.broker.search import find, groups
from qtui.broker.search.expression import parse
from qtui.broker.search.scan import Scan, Scope, SearchBounds
from qtui.broker.search.sorting import NEWEST, following, sort_named
from qtui.broker.status import Status
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.watching import watching
from tests.rights import without_rights

ALL = tuple(Status)


def found(client: redis.Redis, text: str, *statuses: Status, queue: str | None = None) -> set[str]:
    """The ids of the jobs that fit an expression."""
    scope = Scope(queue, statuses or ALL, parse(text))
    return {job_id for job_id, _ in find.find(client, scope, time.time()).jobs}


def test_jobs_of_every_status_are_found_by_it(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    for status in ALL:
        assert found(client, f"status:{status}") == set(seeded.ids[status]), status
        listed = {*seeded.ids[status], *(seeded.ids[Status.STOPPED] if status is Status.FAILED else ())}
        assert found(client, "", status) == listed, status
    assert found(client, "") == {job_id for ids in seeded.ids.values() for job_id in ids}
    assert found(client, "queue:media status:failed") == found(client, "status:failed", queue="media")


def test_each_thing_that_can_be_searched_finds_the_jobs_that_rq_wrote(client: redis.Redis) -> None:
    first, second = seed.failed(client, count=2)
    done = seed.finished(client, "media", count=1)[0]
    waits = Queue("mail", connection=client).enqueue(tasks.add, 7, b={"customer_id": 42}, description="the yearly report").id
    assert found(client, "func:fail") == found(client, "func:tasks.fail") == {first, second}
    assert found(client, "func:*.add") == {done, waits}
    assert found(client, '"message 1"') == found(client, "error:MESSAGE -error:0") == {second}
    assert found(client, "traceback:tasks.py") == {first, second}
    assert found(client, f"id:{first[:12]}*") == {first}
    assert found(client, "payload.b.customer_id:42") == found(client, "payload.args.0:7") == found(client, "yearly") == {waits}
    assert found(client, "payload.b:1") == {done}
    assert found(client, "worker:burst queue:media") == {done}
    assert found(client, "age<1h ended<1h took<1m") == {first, second, done}
    assert found(client, "age>1h") == found(client, "func:tasks") == set()


def test_the_newest_come_first_over_all_queues_or_they_are_sorted(client: redis.Redis) -> None:
    ids = [seed.finished(client, queue)[0] for queue in ("b", "a", "c", "a")]
    Queue("a", connection=client)
    scope = Scope(None, (Status.FINISHED,))

    def order(name: str) -> list[str]:
        return [job_id for job_id, _ in find.find(client, scope, time.time(), sort=sort_named(name)).jobs]

    assert order("newest") == ids[::-1]
    assert order("oldest") == ids
    assert order("id") == sorted(ids)
    assert sorted(order("took")) == sorted(ids)
    with pytest.raises(InvalidInput, match="use one of newest, oldest, took"):
        sort_named("colour")


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.DEFERRED, Status.CANCELED, Status.READY_TO_ENQUEUE, Status.STARTED])
@pytest.mark.parametrize("queue", ["mail", None])
def test_a_filtered_list_is_in_the_order_of_the_whole_one(client: redis.Redis, status: Status, queue: str | None) -> None:
    for number in range(40):  # they were not enqueued in the order in which they are listed
        name, job_id, stamp = "ab"[number % 2], f"job-{number}", f"2024-01-01T00:00:{number:02}.000000Z"
        name = queue or name
        stamps = dict.fromkeys(("created_at", "enqueued_at", "started_at"), stamp)
        client.sadd(keys.QUEUES, keys.queue(name))
        client.hset(keys.job(job_id), mapping={"status": str(status), "origin": name, "data": b"{}", **stamps})
        listed = f"{job_id}:execution" if status.runs else job_id
        client.zadd(jobs.place(name, status), {listed: 4e9 + number * 7 % 40})
    _same_order(client, queue, status)


@pytest.mark.parametrize("status", [Status.STOPPED, Status.RATE_LIMITED, Status.CREATED])
@pytest.mark.parametrize("queue", ["mail", None])
def test_a_status_without_a_list_of_its_own_is_in_one_order_over_all_queues(
    client: redis.Redis, status: Status, queue: str | None
) -> None:
    for number in range(40):
        name, job_id, stamp = queue or "ab"[number % 2], f"job-{number}", f"2024-01-01T00:00:{number * 7 % 40:02}.000000Z"
        stamps = dict.fromkeys(("created_at", "enqueued_at", "ended_at"), stamp)
        client.sadd(keys.QUEUES, keys.queue(name))
        client.hset(keys.job(job_id), mapping={"status": str(status), "origin": name, "data": b"{}", **stamps})
        if status.place == "limit":
            client.sadd(keys.RATE_LIMIT_KEYS, f"limit-{number % 3}")
            client.zadd(keys.rate_limited(f"limit-{number % 3}"), {job_id: number})
        elif status.place != "hash":
            client.zadd(jobs.place(name, status), {job_id: 4e9 + number})
    ids = [row.id for row in jobs.window(client, queue, status, 0, 50).rows]
    assert ids == [f"job-{number}" for number in sorted(range(40), key=lambda number: -(number * 7 % 40))]
    _same_order(client, queue, status)


def test_a_filtered_queue_is_in_the_order_of_its_list_with_jobs_that_went_to_its_head(client: redis.Redis) -> None:
    for number in range(450):
        Queue("mail", connection=client).enqueue(tasks.add, number, at_front=number % 5 == 0)
    _same_order(client, "mail", Status.QUEUED)


def _same_order(client: redis.Redis, queue: str | None, status: Status) -> None:
    whole, scope = jobs.window(client, queue, status, 0, 500), Scope(queue, (status,), parse("age>0s"))
    for sort in (NEWEST, NEWEST.reversed):
        ids = [row.id for row in whole.rows]
        found = find.find(client, scope, time.time() + 10, sort=sort).jobs
        assert [job_id for job_id, _ in found] == (ids if sort is NEWEST else ids[::-1])


def test_what_is_not_known_comes_last_both_ways() -> None:
    found = {"a": 2, "b": None, "c": 3, "d": 1}
    by_attempts = sort_named("attempts")
    assert by_attempts.arrange(found, found.get) == ["c", "a", "d", "b"]
    assert by_attempts.reversed.arrange(found, found.get) == ["d", "a", "c", "b"]
    assert sort_named("newest").reversed.label == sort_named("oldest").label == "oldest first"
    assert sort_named("oldest").label_of(Status.SCHEDULED) == "next due first"


def test_the_next_order_is_one_in_which_the_jobs_can_differ() -> None:
    order, seen = NEWEST, []
    for _ in range(7):
        order = following(order, Status.QUEUED)
        seen.append(order.name)
    assert seen == ["attempts", "function", "queue", "worker", "id", "newest", "attempts"]
    assert following(NEWEST, Status.FAILED).name == "took"
    assert following(sort_named("oldest"), Status.FAILED).name == "took"


def test_it_says_how_far_it_looked_and_can_be_stopped(client: redis.Redis) -> None:
    with client.pipeline() as pipe:
        for number in range(3_000):
            pipe.hset(keys.job(f"j{number}"), mapping={"status": "queued", "origin": "mail", "data": b"{}"})
            pipe.rpush(keys.queue("mail"), f"j{number}")
        pipe.sadd(keys.QUEUES, keys.queue("mail"))
        pipe.execute()
    heard: list[tuple[int, int, int]] = []
    scope = Scope(None, (Status.QUEUED,), parse("id:j1*"))
    whole = find.find(client, scope, time.time(), limits=SearchBounds(on_progress=lambda *numbers: heard.append(numbers)))
    assert (len(whole.jobs), whole.scanned, whole.total, whole.complete) == (1_111, 3_000, 3_000, True)
    assert whole.hidden == 3_000 - 1_111
    assert heard[-1] == (1_111, 3_000, 3_000)
    assert len(heard) > 3
    part = find.find(client, scope, time.time(), limits=SearchBounds(most=1_000))
    assert 1_000 <= part.scanned < 3_000
    assert not part.complete
    stopped = find.find(client, scope, time.time(), limits=SearchBounds(stop=lambda: True))
    assert stopped.scanned == heard[0][1]
    assert (stopped.total, stopped.complete) == (3_000, False)
    rows = find.page(client, whole, 1_110, 50)
    assert [row.id for row in rows] == [whole.jobs[-1][0]]


@pytest.mark.parametrize("status", Status)
def test_a_found_row_tells_the_same_as_a_window(client: redis.Redis, status: Status) -> None:
    seed.everything(client)
    shown = {row.id: row for row in jobs.window(client, None, status, 0, 100).rows}
    found = find.find(client, Scope(None, (status,)), time.time(), sort=sort_named("attempts"))
    find.page(client, found, 0, 1)  # the server has the script from here on
    with watching(client) as commands:
        rows = find.page(client, found, 0, 100)
    assert len(commands.sent) == 1
    assert shown
    assert {row.id: row for row in rows} == shown
    assert all(row.scheduled_for for row in rows) == (status is Status.SCHEDULED)


def test_jobs_of_queues_that_the_filter_leaves_out_are_hidden_too(client: redis.Redis) -> None:
    seed.failed(client, "mail", 3)
    seed.failed(client, "media", 2)
    seed.finished(client, "media", 4)

    def hidden(text: str, *statuses: Status) -> int | None:
        return find.find(client, Scope(None, statuses, parse(text)), time.time()).hidden

    assert hidden("queue:ma*", Status.FAILED) == 2
    assert hidden("queue:ma* error:1", Status.FAILED) == 4
    assert hidden("queue:nothing", Status.FAILED) == 5
    assert hidden("queue:mail", Status.FAILED, Status.FINISHED) == 6
    assert hidden("", Status.FAILED) == 0


def test_only_jobs_of_the_status_are_hidden(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    stopped = seeded.ids[Status.STOPPED]
    assert seeded.ids[Status.FAILED]  # the same registry holds them

    def hidden(text: str) -> int | None:
        return find.find(client, Scope(None, (Status.STOPPED,), parse(text)), time.time()).hidden

    assert hidden("func:nobody") == len(stopped)
    assert hidden("queue:m*") == 0
    assert hidden("queue:mail") is None


def test_hostile_records_are_read_as_they_are(client: redis.Redis) -> None:
    seed.hostile(client)
    assert found(client, "", Status.FAILED) == {*seed.HOSTILE, "good"}
    assert found(client, "payload.to:ada", Status.FAILED) >= {"good", "escape", "markup"}
    assert "gone" not in found(client, "func:*", Status.FAILED)
    client.set(keys.queue("broken"), "x")
    client.sadd(keys.QUEUES, keys.queue("broken"))
    assert found(client, "", Status.QUEUED) == {*seed.HOSTILE, "good"}
    entries = find.find(client, Scope(None, (Status.FAILED,)), time.time())
    assert entries.gone == 1


def test_failures_are_grouped_by_cause(client: redis.Redis) -> None:
    ids = [*seed.failed(client, "mail", 3), *seed.failed(client, "media", 2)]
    other = Queue("mail", connection=client).enqueue(tasks.add, "x", 1)
    seed.work(client, "mail")
    now = time.time()
    seen: list[int] = []
    grouping = groups.causes(client, Scope(None, (Status.FAILED,)), now, on_groups=lambda so_far: seen.append(so_far().matched))
    many, one = grouping.groups
    assert (many.count, one.count, grouping.matched, grouping.scanned, grouping.complete) == (5, 1, 6, 6, True)
    assert seen[-1] == 6
    assert many.queues == {"mail": 3, "media": 2}
    assert many.functions == {"tests.broker.tasks.fail": 5}
    assert (many.sample, one.sample) == (ids[-1], other.id)
    assert many.cause is not None
    assert many.cause.message == "message <n>"
    assert many.cause.where.startswith("broker/tasks.py:")
    assert many.oldest is not None
    assert many.newest is not None
    assert now - 60 < many.oldest <= many.newest <= now
    assert sum(many.history(now)) == 5
    assert found(client, f"cause:{many.value}", Status.FAILED) == set(ids)


def test_jobs_are_counted_by_a_value(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    for customer in (7, 7, 8):
        queue.enqueue(tasks.add, 1, b=customer)
    queue.enqueue(tasks.add, 1)
    scope = Scope(None, (Status.QUEUED,))

    def counted(what: str) -> dict[str | None, int]:
        return {group.value: group.count for group in groups.count(client, scope, groups.by(what), time.time()).groups}

    assert counted("payload.b") == {"7": 2, "8": 1, None: 1}
    assert counted("function") == {"tests.broker.tasks.add": 4}
    assert counted("queue") == {"mail": 4}
    assert counted("worker") == {None: 4}
    with pytest.raises(InvalidInput, match=r"'colour' is nothing to count by: it is function, .* or payload\.FIELD"):
        groups.by("colour")


def test_an_operation_applies_to_exactly_the_jobs_that_fit(client: redis.Redis) -> None:
    ids = seed.failed(client, "mail", 5)
    others = seed.failed(client, "media", 1)
    selection = Matching("mail", Status.FAILED, parse('"message 1" -id:nobody*'))
    assert plan(client, RETRY, selection).doable == 1
    assert run(client, RETRY, selection).done == 1
    assert client.lrange(keys.queue("mail"), 0, -1) == [ids[1].encode()]
    assert run(client, REMOVE, Matching(None, Status.FAILED, parse("queue:m* -error:3"))).done == 4
    assert found(client, "status:failed") == {ids[3]}
    assert others[0] not in found(client, "")


@pytest.mark.parametrize("text", ["", "func:fail"])
def test_opening_a_search_takes_few_round_trips(client: redis.Redis, text: str) -> None:
    seed.failed(client, count=30)
    found(client, text, Status.FAILED)
    before = client.info("stats")["total_reads_processed"]
    found(client, text, Status.FAILED)
    assert client.info("stats")["total_reads_processed"] - before <= 8


def test_a_search_runs_no_script_and_leaves_long_payloads_alone(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    short, long = queue.enqueue(tasks.add, 1).id, queue.enqueue(tasks.add, os.urandom(400_000)).id
    with watching(client) as seen:
        assert found(client, "func:tasks.add", Status.QUEUED) == {short, long}
        assert found(client, "payload.args.0:1", Status.QUEUED) == {short}
    names = {command.split()[0] for command in (*seen.sent, *seen.by_scripts)}
    assert names - {"HELLO", "CLIENT"} <= {"SMEMBERS", "GET", "LLEN", "LRANGE", "HSTRLEN", "HMGET"}
    (asked,) = {command for command in seen.sent if command.startswith(f"HMGET {keys.job(long)}")}
    assert " data" not in asked


def test_an_ended_search_leaves_the_connections_as_they_were(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    scope = Scope(None, (Status.FAILED,), parse("error:message"))
    scan = iter(Scan(client, scope, time.time()))
    assert len(next(scan)) == 3
    del scan
    assert client.ping()
    client.hset(keys.job("odd"), mapping={"status": "failed", "origin": "mail", "data": b"x"})
    client.zadd(keys.registry("failed", "mail"), {"odd": 4e9})
    client.set(keys.results("odd"), "no stream")
    assert len(find.find(client, scope, time.time()).jobs) == 3


def test_what_may_not_be_read_ends_a_search(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    with without_rights(client, "hmget") as blind, pytest.raises(redis.exceptions.NoPermissionError, match="hmget"):
        found(blind, "func:fail", Status.FAILED)
