"""Operators that are killed, or race each other beside a worker: every job stays in exactly one place."""

from __future__ import annotations

import multiprocessing
from collections import Counter

import pytest
import redis

from qtui.broker.bulk import trash
from qtui.broker.bulk.queue_positions import OVERTAKEN
from qtui.broker.operations import OPERATIONS, Chosen, Matching, Report, run
from qtui.broker.status import Status
from qtui_workers.server import keys
from tests.broker import seed
from tests.support import Server, wait_until

FORK = multiprocessing.get_context("fork")
"""Processes that need not import anything again."""


def operate(socket: str, what: str, status: str) -> None:
    """What an operator's process does."""
    with redis.Redis(unix_socket_path=socket, socket_timeout=10) as client:
        if what == "undo":
            trash.undo(client, trash.find(client, None))
        else:
            client.rpush("done", run(client, OPERATIONS[what], Matching("mail", Status(status))).done)


def take(socket: str, number: int) -> None:
    """What a worker's process does: it takes so many jobs from the head of the queue, or fewer where operators are quicker."""
    taken = 0
    with redis.Redis(unix_socket_path=socket, socket_timeout=10) as client:
        while taken < number and not client.exists("ended"):
            if popped := client.lpop(keys.queue("mail")):
                client.rpush("taken", popped)
                taken += 1


def fill(client: redis.Redis, number: int, status: Status = Status.FAILED) -> list[str]:
    """So many jobs like one that RQ made."""
    (model,) = seed.failed(client)
    stored, results = client.hgetall(keys.job(model)), client.dump(keys.results(model))
    client.delete(keys.job(model), keys.results(model), keys.registry("failed", "mail"))
    ids = [f"job-{place:05}" for place in range(number)]
    with client.pipeline(transaction=False) as pipe:
        for place, job_id in enumerate(ids):
            pipe.hset(keys.job(job_id), mapping={**stored, b"status": status.value})
            if status is Status.QUEUED:
                pipe.rpush(keys.queue("mail"), job_id)
            else:
                pipe.zadd(keys.registry("failed", "mail"), {job_id: 4e9 + place})
            if place % 10 == 0:
                pipe.restore(keys.results(job_id), 0, results)
        pipe.execute()
    return ids


def together(client: redis.Redis, socket: str, what: str, status: str, taken: int = 0) -> None:
    """Two operators do the same beside a worker that takes so many jobs."""
    client.delete("done", "ended")
    worker = FORK.Process(target=take, args=(socket, taken))
    operators = [FORK.Process(target=operate, args=(socket, what, status)) for _ in range(2)]
    for process in (worker, *operators):
        process.start()
    for process in operators:
        process.join(60)
    if what == "remove":
        client.set("ended", 1)
    worker.join(60)
    assert [process.exitcode for process in (worker, *operators)] == [0, 0, 0]


def places(client: redis.Redis) -> Counter[str]:
    """In how many places each job is: the queue, the failed registry, what a worker took, the trash."""
    found = [*client.lrange(keys.queue("mail"), 0, -1), *client.zrange(keys.registry("failed", "mail"), 0, -1)]
    found += client.lrange("taken", 0, -1)
    trashed = [
        key.decode().rpartition(keys.JOB_PREFIX) for key in client.scan_iter(f"{keys.TRASH}:*:{keys.JOB_PREFIX}*", count=5_000)
    ]
    return Counter([raw.decode() for raw in found] + [job_id for _, _, job_id in trashed])


def records(client: redis.Redis) -> int:
    """How many jobs are in the trash, as it says itself."""
    return sum(batch.jobs for batch in trash.batches(client))


@pytest.mark.parametrize("what", ["retry", "remove", "empty", "undo"])
def test_an_operator_that_is_killed_leaves_every_job_in_one_place(client: redis.Redis, server: Server, what: str) -> None:
    ids = fill(client, 1_500, Status.QUEUED if what in ("empty", "undo") else Status.FAILED)
    if what == "undo":
        assert run(client, OPERATIONS["remove"], Matching("mail", Status.QUEUED)).done == len(ids)
    operation, status = {"empty": ("remove", "queued"), "undo": ("undo", "")}.get(what, (what, "failed"))
    connected = len(client.client_list())
    for part in (0.97, 0.8, 0.6, 0.45, 0.3, 0.15, 0.05):
        process = FORK.Process(target=operate, args=(server.socket, operation, status))
        process.start()
        while _left(client, what) > part * len(ids) and process.is_alive():
            pass
        process.kill()
        process.join()
        wait_until(lambda: len(client.client_list()) <= connected, description="what it had sent is done")
        assert places(client) == Counter(ids)
        assert records(client) == _in_trash(client)
    while trash.batches(client):
        report = trash.undo(client, trash.find(client, None))
        assert report.done or report.reasons == {trash.BROUGHT: len(ids)}
    if what in ("empty", "undo"):
        assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode() for job_id in ids]
    assert places(client) == Counter(ids)


@pytest.mark.parametrize("moved", [500, 2_000, 4_000, 6_000, 8_000])
def test_many_jobs_that_are_brought_to_their_places_are_there_wherever_that_ends(
    client: redis.Redis, server: Server, moved: int
) -> None:
    ids = fill(client, 6_000, Status.QUEUED)
    run(client, OPERATIONS["remove"], Chosen(tuple(ids[1::4])))
    client.config_resetstat()
    process = FORK.Process(target=operate, args=(server.socket, "undo", ""))
    process.start()
    wait_until(lambda: _moves(client) >= moved, description="so many entries have changed places")
    process.kill()
    process.join()
    assert records(client) == 0
    assert places(client) == Counter(ids)
    (batch,) = trash.batches(client)
    assert batch.unplaced == len(ids) / 4
    left = [job_id.decode() for job_id in client.lrange(keys.queue("mail"), 0, -1) if int(job_id[4:]) % 4 != 1]
    assert left == [job_id for place, job_id in enumerate(ids) if place % 4 != 1]
    taken = [client.lpop(keys.queue("mail")) for _ in range(40)]
    report = trash.undo(client, batch)
    assert (report.done, report.reasons) == (0, {trash.BROUGHT: len(ids) / 4})
    gone = {job_id.decode() for job_id in taken if job_id}
    assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode() for job_id in ids if job_id not in gone]
    assert list(client.scan_iter(f"{keys.TRASH}*")) == []


@pytest.mark.parametrize("part", [0.9, 0.5, 0.1])
def test_an_undo_that_is_killed_while_it_puts_back_is_gone_on_with(client: redis.Redis, server: Server, part: float) -> None:
    ids = fill(client, 8_000, Status.QUEUED)
    run(client, OPERATIONS["remove"], Chosen(tuple(ids[1::2])))
    process = FORK.Process(target=operate, args=(server.socket, "undo", ""))
    process.start()
    wait_until(lambda: records(client) <= part * len(ids) / 2, description="so many are put back")
    process.kill()
    process.join()
    assert places(client) == Counter(ids)
    assert trash.undo(client, trash.find(client, None)).failed == 0
    assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode() for job_id in ids]
    assert list(client.scan_iter(f"{keys.TRASH}*")) == []


def test_a_newer_undo_goes_on_alone(client: redis.Redis) -> None:
    ids = fill(client, 6_000, Status.QUEUED)
    run(client, OPERATIONS["remove"], Chosen(tuple(ids[1::4])))
    batch, newer = trash.find(client, None), list[Report]()

    def begin() -> bool:
        """Begins another one in the middle of the walk of the first."""
        if not newer and _moves(client) > 3_000:
            newer.append(trash.undo(client, trash.find(client, batch.id)))
        return False

    client.config_resetstat()
    older = trash.undo(client, batch, stop=begin)
    assert older.reasons == {OVERTAKEN: len(ids) / 4}
    assert newer[0].reasons == {trash.BROUGHT: len(ids) / 4}
    assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode() for job_id in ids]


def test_an_undo_that_is_stopped_while_it_brings_jobs_to_their_places_is_gone_on_with(client: redis.Redis) -> None:
    ids = fill(client, 6_000, Status.QUEUED)
    run(client, OPERATIONS["remove"], Chosen(tuple(ids[1::4])))
    client.config_resetstat()
    report = trash.undo(client, trash.find(client, None), stop=lambda: _moves(client) > 3_000)
    assert trash.is_unplaced(report)
    assert not trash.is_unplaced(trash.undo(client, trash.find(client, None)))
    assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode() for job_id in ids]


def _moves(client: redis.Redis) -> int:
    found: int = client.info("commandstats").get("cmdstat_lset", {"calls": 0})["calls"]
    return found


def _in_trash(client: redis.Redis) -> int:
    return sum(1 for _ in client.scan_iter(f"{keys.TRASH}:*:{keys.JOB_PREFIX}*", count=5_000))


def _left(client: redis.Redis, what: str) -> int:
    """How many jobs are not worked off yet."""
    if what == "undo":
        return records(client)
    return client.llen(keys.queue("mail")) if what == "empty" else client.zcard(keys.registry("failed", "mail"))


def test_two_operators_and_a_worker_lose_and_double_no_job(client: redis.Redis, server: Server) -> None:
    ids, socket = fill(client, 10_000), server.socket
    together(client, socket, "retry", "failed", 2_000)
    assert places(client) == Counter(ids)
    assert sum(map(int, client.lrange("done", 0, -1))) == len(ids)
    assert client.llen("taken") == 2_000

    together(client, socket, "remove", "queued", 10)
    assert places(client) == Counter(ids)
    assert sum(map(int, client.lrange("done", 0, -1))) + client.llen("taken") == len(ids)

    together(client, socket, "undo", "")
    while trash.batches(client):
        trash.undo(client, trash.find(client, None))
    assert places(client) == Counter(ids)
