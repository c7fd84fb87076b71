"""What is removed can be put back as it was: every key, its expiry, its place."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest
import redis
from rq import Queue
from rq.group import Group
from rq.rate_limit import RateLimit

from qtui.broker.bulk import trash
from qtui.broker.bulk.queue_positions import _Walk
from qtui.broker.operations import Chosen, Matching, plan, run
from qtui.broker.operations.remove import REMOVE
from qtui.broker.search.expression import parse
from qtui.broker.status import Status
from qtui_workers.errors import NotFound
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.watching import digest
from tests.support import Server


def everything(client: redis.Redis) -> dict[str, Any]:
    """The keyspace: what each key holds, and when it expires, give or take some seconds; of streams every byte."""
    found = digest(client)
    for name in list(found):
        key = name.removesuffix(" expires")
        if name != key:
            found[name] = pytest.approx(time.time() + client.pttl(key) / 1e3, abs=5)
        elif client.type(key) == b"stream":
            found[name] = client.dump(key)
    return {name: value for name, value in found.items() if not name.startswith(keys.TRASH)}


def put_back(client: redis.Redis, batch: str | None = None) -> Any:
    return trash.undo(client, trash.find(client, batch))


@pytest.mark.parametrize("status", REMOVE.statuses)
@pytest.mark.parametrize("matching", [True, False])
def test_what_is_removed_is_put_back_as_it_was(client: redis.Redis, status: Status, matching: bool) -> None:
    ids = [job_id for job_id in seed.everything(client).ids[status] if not client.hexists(keys.job(job_id), "rate_limit_key")]
    client.expire(keys.job(ids[0]), 5_000)
    client.expire(keys.results(ids[0]), 1_000_000)
    before = everything(client)

    report = run(client, REMOVE, Matching("media", status) if matching else Chosen(tuple(ids)))

    assert report.done >= len(ids) / 2
    assert report.undo
    assert matching or not client.exists(*map(keys.job, ids))
    assert everything(client) != before
    undone = put_back(client)
    assert (undone.done, undone.reasons) == (report.done, {})
    assert everything(client) == before
    assert list(client.scan_iter(f"{keys.TRASH}*")) == []


def test_some_of_a_queue_are_put_back_where_they_stood(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    jobs = [queue.enqueue(tasks.fail if number % 3 else tasks.add, number) for number in range(300)]
    waiting = [job.id.encode() for job in jobs]
    for selection in (
        Matching("mail", Status.QUEUED, parse("func:fail")),
        Chosen(tuple(sorted(job.id for job in jobs[::7]))),
        Chosen((jobs[-1].id, jobs[-2].id, jobs[0].id)),
        Matching("mail", Status.QUEUED),
    ):
        report = run(client, REMOVE, selection)
        assert client.llen(keys.queue("mail")) == 300 - report.done > -1
        assert put_back(client, report.batch).done == report.done
        assert client.lrange(keys.queue("mail"), 0, -1) == waiting


def test_jobs_go_back_before_those_that_came_later_though_a_worker_took_some(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    first, second, third, fourth, fifth = (queue.enqueue(tasks.add, number).id for number in range(5))
    run(client, REMOVE, Chosen((second, fourth, fifth)))
    client.lpop(keys.queue("mail"))
    newer = queue.enqueue(tasks.add, 9).id
    assert put_back(client).done == 3
    assert client.lrange(keys.queue("mail"), 0, -1) == [each.encode() for each in (second, third, fourth, fifth, newer)]
    run(client, REMOVE, Matching("mail", Status.QUEUED))
    newest = queue.enqueue(tasks.add, 10).id
    put_back(client)
    assert client.lrange(keys.queue("mail"), 0, -1) == [each.encode() for each in (second, third, fourth, fifth, newer, newest)]
    assert first


def test_groups_and_places_in_rate_limits_are_put_back(client: redis.Redis) -> None:
    queue, limit = Queue("mail", connection=client), RateLimit("api", concurrency=2)
    limited = [queue.enqueue(tasks.add, number, rate_limit=limit) for number in range(2)]
    group = Group.create(connection=client, name="g")
    grouped = group.enqueue_many(queue, [Queue.prepare_data(tasks.add, (number,)) for number in range(2)])
    before = everything(client)
    run(client, REMOVE, Chosen((limited[0].id, grouped[1].id)))
    assert put_back(client).done == 2
    assert everything(client) == before


def test_a_job_whose_place_in_a_rate_limit_was_taken_waits_for_another(client: redis.Redis) -> None:
    queue, limit = Queue("mail", connection=client), RateLimit("api", concurrency=1)
    first, second = (queue.enqueue(tasks.add, number, rate_limit=limit) for number in range(2))
    run(client, REMOVE, Chosen((first.id,)))
    assert second.get_status() == "queued"
    report = put_back(client)
    assert (report.done, list(report.reasons.values())) == (1, [1])
    assert first.get_status() == "rate_limited"
    assert client.zrange(keys.rate_limited("api"), 0, -1) == [first.id.encode()]
    assert client.lrange(keys.queue("mail"), 0, -1) == [second.id.encode()]


@pytest.mark.parametrize("matching", [True, False])
def test_entries_without_a_job_are_put_back_too(client: redis.Redis, matching: bool) -> None:
    seed.failed(client)
    client.zadd(keys.registry("failed", "mail"), {"ghost": 2e9})
    client.set(keys.job("text"), "no hash")
    client.zadd(keys.registry("failed", "mail"), {"text": 2e9})
    before = everything(client)
    run(client, REMOVE, Matching("mail", Status.FAILED) if matching else Chosen(("ghost", "text")))
    put_back(client)
    assert everything(client) == before


def test_a_stock_program_sees_nothing_of_the_trash(client: redis.Redis) -> None:
    seed.everything(client)
    run(client, REMOVE, Matching("mail", Status.QUEUED))
    assert Queue("mail", connection=client).job_ids[1:] == []
    assert {queue.name for queue in Queue.all(connection=client)} == {"mail", "media"}
    names = [key.decode() for key in client.scan_iter() if b":qtui:" in key]
    assert names
    assert all(name.startswith(keys.TRASH) for name in names)


def test_putting_back_twice_does_it_once(client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    report = run(client, REMOVE, Chosen(tuple(ids)))
    batch = trash.find(client, report.batch)
    assert trash.undo(client, batch).done == 3
    before = everything(client)
    assert trash.undo(client, batch).done == 0
    assert everything(client) == before
    with pytest.raises(NotFound, match="put back already"):
        trash.find(client, report.batch)


def test_a_job_that_exists_again_stays_in_the_trash(client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    report = run(client, REMOVE, Chosen(tuple(ids)))
    client.hset(keys.job(ids[0]), "status", "queued")
    assert put_back(client).reasons == {"a job with this id exists again": 1}
    assert client.hgetall(keys.job(ids[0])) == {b"status": b"queued"}
    client.delete(keys.job(ids[0]))
    assert trash.find(client, report.batch).jobs == 1
    assert put_back(client).done == 1
    assert client.zcard(keys.registry("failed", "mail")) == 3


def test_a_job_whose_time_was_over_is_not_put_back(client: redis.Redis) -> None:
    ids = seed.failed(client, count=2)
    report = run(client, REMOVE, Chosen(tuple(ids)))
    client.delete(keys.trashed(report.batch, keys.job(ids[0])))
    assert put_back(client).reasons == {"its time to be kept is over": 1}
    assert client.zrange(keys.registry("failed", "mail"), 0, -1) == [ids[1].encode()]
    assert list(client.scan_iter(f"{keys.TRASH}*")) == []


def test_all_that_is_in_the_trash_expires(client: redis.Redis) -> None:
    ids = seed.failed(client, count=2, failure_ttl=60)
    client.persist(keys.job(ids[1]))
    report = run(client, REMOVE, Chosen(tuple(ids)))
    found = {key.decode(): client.ttl(key) for key in client.scan_iter(f"{keys.TRASH}:*")}
    assert len(found) >= 4
    assert all(0 < ttl <= 24 * 3600 for ttl in found.values()), found
    assert found[keys.trashed(report.batch, keys.job(ids[0]))] <= 60
    assert (trash.find(client, None).expires_seconds or 0) <= 24 * 3600


def test_purged_jobs_are_gone(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    report = run(client, REMOVE, plan(client, REMOVE, Matching("mail", Status.FAILED), purge=True))
    assert (report.done, report.undo) == (2, False)
    assert list(client.scan_iter("*qtui*")) == []


def test_what_is_too_large_for_the_trash_is_said_before(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    found = plan(client, REMOVE, Matching("mail", Status.FAILED), rules=trash.Rules(bytes=100))
    assert found.room
    assert found.room.bytes
    assert not found.room.fits
    assert found.purge
    assert found.lasting == "This cannot be taken back."
    fitting = plan(client, REMOVE, Matching("mail", Status.FAILED))
    assert (fitting.purge, fitting.lasting) == (False, "")


@pytest.mark.parametrize("purge", [True, False])
def test_jobs_are_removed_and_put_back_also_without_memory(own_server: Server, purge: bool) -> None:
    with own_server.client() as client:
        ids = seed.failed(client, count=20)
        queue = Queue("mail", connection=client)
        ids += [queue.enqueue(tasks.add, number).id for number in range(20)]
        client.config_set("maxmemory", 1_000)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("more", "x")
        chosen = plan(client, REMOVE, Chosen(tuple(ids)), purge=purge)
        assert chosen.room
        assert chosen.room.is_scarce
        report = run(client, REMOVE, chosen)
        assert (report.done, report.failed) == (40, 0)
        assert (client.llen(keys.queue("mail")), client.zcard(keys.registry("failed", "mail"))) == (0, 0)
        if not purge:
            assert put_back(client).done == 40
            assert (client.llen(keys.queue("mail")), client.zcard(keys.registry("failed", "mail"))) == (20, 20)


def shuffled(client: redis.Redis, chance: random.Random) -> str:
    """A queue of which several hundred jobs were removed in any order, and which others have changed since; returns the batch."""
    queue = Queue("mail", connection=client)
    with client.pipeline() as pipe:
        made = [queue.enqueue(tasks.add, number, job_id=f"{number:03}", pipeline=pipe).id for number in range(400)]
        pipe.execute()
    chosen = made[chance.randrange(200) :][: chance.randrange(50, 200)] + chance.sample(made, 100)
    chance.shuffle(chosen)
    batch = run(client, REMOVE, Chosen(tuple(chosen)) if chance.random() < 0.7 else Matching("mail", Status.QUEUED)).batch
    for number in range(chance.randrange(3)):
        queue.enqueue(tasks.add, job_id=f"new-{number}", at_front=bool(chance.randrange(2)))
    for waiting in chance.sample(client.lrange(keys.queue("mail"), 0, -1), 3) if client.llen(keys.queue("mail")) > 3 else []:
        client.lrem(keys.queue("mail"), 1, waiting)
    for _ in range(chance.randrange(5)):
        client.lpop(keys.queue("mail"))
    return batch


@pytest.mark.parametrize("number", range(12))
def test_many_are_brought_to_the_same_places_as_single_ones(
    client: redis.Redis, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = shuffled(client, random.Random(number))
    before = {key: (client.dump(key), max(0, client.pttl(key))) for key in client.scan_iter()}
    found = []
    for few in (10**9, 0):
        client.flushdb()
        for key, (stored, expiry) in before.items():
            client.restore(key, expiry, stored)
        monkeypatch.setattr(trash, "FEW", few)
        report = put_back(client, batch)
        assert (report.failed, report.reasons) == (0, {})
        found.append(client.lrange(keys.queue("mail"), 0, -1))
    assert found[0] == found[1]
    assert len(found[0]) > 100


def test_scripts_that_only_read_do_not_make_those_that_move_entries_large(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: dict[Any, Any] = client.hgetall(keys.job(Queue("mail", connection=client).enqueue(tasks.add, 1).id))
    ids = [f"{number:05}" for number in range(12_000)]
    with client.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hset(keys.job(job_id), mapping=model)
            pipe.rpush(keys.queue("mail"), job_id)
        pipe.execute()
    run(client, REMOVE, Chosen(tuple(ids[-2_000:-1])))
    send, moved = _Walk._send, list[int]()  # noqa: SLF001 - what one script is given

    def sent(self: Any, moves: dict[int, Any]) -> Any:
        moved.append(len(moves))
        return send(self, moves)

    monkeypatch.setattr(_Walk, "_send", sent)
    put_back(client)
    most = 100
    for number in filter(None, moved):
        assert number <= most
        most = max(most, 2 * number)
    assert sum(moved) >= 2_000


def test_many_are_put_back_where_they_stood_while_workers_take(client: redis.Redis, server: Server) -> None:
    key, made = keys.queue("mail"), [f"{number:05}" for number in range(8_000)]
    with client.pipeline(transaction=False) as pipe:
        for job_id in made:
            pipe.hset(
                keys.job(job_id), mapping={"status": "queued", "origin": "mail", "data": "", "created_at": "2024-01-01T00:00:00Z"}
            )
            pipe.rpush(key, job_id)
        pipe.execute()
    report = run(client, REMOVE, Chosen(tuple(made[1::3])))
    assert report.done > trash.FEW
    taken: list[bytes] = []
    canceled: list[str] = []
    ended = threading.Event()

    def take() -> None:
        with server.client() as own:
            while not ended.is_set():
                taken.append(own.lpop(key))
                own.rpush(key, f"new-{len(taken):05}")
                if len(taken) % 50 == 0:
                    canceled.append(made[-3 * len(canceled) - 5])
                    own.lrem(key, 1, canceled[-1])

    worker = threading.Thread(target=take)
    worker.start()
    try:
        put_back(client)
    finally:
        ended.set()
        worker.join()
    left = [job_id.decode() for job_id in client.lrange(key, 0, -1)]
    there = [job_id.decode() for job_id in taken] + left + canceled
    assert sorted(each for each in there if not each.startswith("new")) == made
    half = [each for each in left if each.startswith("new") or int(each) > 4_000]
    assert half == sorted(half)
    assert left[-len(half) :] == half
    assert canceled
