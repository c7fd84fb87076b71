"""One job per content until it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import BaseModel, SecretStr
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from qtui_workers import Payload, processor
from qtui_workers.enqueue.cron import Cron
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput, Refused
from qtui_workers.server import keys
from tests.support import Server
from tests.workers.support import field, run_burst, run_stock

MODULE = "tests.workers.test_unique"
KNOWN = {"QTUI_PROCESSORS": MODULE}


class Sync(Payload):
    customer: int = 0
    note: str = ""
    token: SecretStr | None = None
    fail: bool = False


class Synced(BaseModel):
    customer: int


@processor(queue="sync", attempts=1, unique="payload")
def sync(payload: Sync) -> Synced:
    """Does something about a customer."""
    if payload.fail:
        raise ValueError("as told")
    return Synced(customer=payload.customer)


@processor(queue="sync", attempts=2, backoff="fixed:1h", unique=lambda payload: payload.customer or None)
def sync_customer(payload: Sync) -> Synced:
    """The same, once for each customer."""
    return sync.function(payload)  # type: ignore[return-value]  # it is known to be no coroutine


@processor(queue="sync", every=10, every_tick=True, unique="payload")
def sync_often(payload: Sync) -> Synced:
    """The same, by itself."""
    return Synced(customer=payload.customer)


@pytest.fixture
def service(client: redis.Redis) -> QueueService:
    return QueueService(client)


def waiting(client: redis.Redis) -> list[str]:
    return [raw.decode() for raw in client.lrange(keys.queue("sync"), 0, -1)]


def test_the_second_of_one_payload_is_the_first(client: redis.Redis, service: QueueService) -> None:
    first = service.enqueue(sync, {"customer": 1, "token": "a"})
    assert first.new
    same = [{"token": "a", "customer": 1}, {"customer": 1, "token": "a", "note": ""}, Sync(customer=1, token=SecretStr("a"))]
    for payload in same:
        again = service.enqueue(sync, payload)
        assert (again.id, again.new, again.status, again.queue) == (first.id, False, "queued", "sync")
    others = [service.enqueue(sync, payload) for payload in ({"customer": 1}, {"customer": 1, "token": "b"}, {"customer": 2})]
    assert all(other.new for other in others)
    assert waiting(client) == [first.id, *(other.id for other in others)]
    assert b"token" not in client.hget(keys.job(first.id), keys.FIELD_UNIQUE)


ENDS: dict[str, Any] = {
    "finished": lambda server, service, home, client, job_id: run_burst(server, home, "sync", **KNOWN),
    "finished in a stock worker": lambda server, service, home, client, job_id: run_stock(server, home, "-S", "json", "sync"),
    "canceled": lambda server, service, home, client, job_id: service.cancel(job_id),
    "canceled by RQ": lambda server, service, home, client, job_id: Job.fetch(job_id, client, JSONSerializer).cancel(),
    "removed": lambda server, service, home, client, job_id: Job.fetch(job_id, client, JSONSerializer).delete(),
    "emptied": lambda server, service, home, client, job_id: Queue("sync", client, serializer=JSONSerializer).empty(),
    "expired": lambda server, service, home, client, job_id: client.delete(keys.job(job_id)),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_another_one_may_come_when_it_has_ended_however_it_ended(
    server: Server, service: QueueService, client: redis.Redis, home: Path, end: Any
) -> None:
    first = service.enqueue(sync, {"customer": 1})
    end(server, service, home, client, first.id)
    second = service.enqueue(sync, {"customer": 1})
    assert second.new
    assert second.id != first.id
    assert not service.enqueue(sync, {"customer": 1}).new


def test_a_kept_failed_job_does_not_block_and_stays_as_it_is(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    first = service.enqueue(sync, {"fail": True})
    run_burst(server, home, "sync", **KNOWN)
    assert service.enqueue(sync, {"fail": True}).new
    assert service.status(first.id).failed_reason == "ValueError: as told"


def test_a_job_that_waits_for_its_next_attempt_has_not_ended(server: Server, service: QueueService, home: Path) -> None:
    first = service.enqueue(sync_customer, {"customer": 7, "fail": True})
    run_burst(server, home, "sync", **KNOWN)
    again = service.enqueue(sync_customer, {"customer": 7})
    assert (again.id, again.new, again.status) == (first.id, False, "scheduled")


def test_a_function_says_what_makes_jobs_the_same(client: redis.Redis, service: QueueService) -> None:
    first = service.enqueue(sync_customer, {"customer": 7})
    assert service.enqueue(sync_customer, {"customer": 7, "note": "x"}).id == first.id
    assert service.enqueue(sync, {"customer": 7}).new  # another processor
    assert [service.enqueue(sync_customer).new for _ in range(2)] == [True, True]  # None: nothing makes them the same
    assert len(waiting(client)) == 4


def test_many_at_once_have_the_ids_of_those_that_count(client: redis.Redis, service: QueueService) -> None:
    first = service.enqueue(sync, {"customer": 3}).id
    ids = service.enqueue_many(sync, ({"customer": number % 600} for number in range(1_200)))
    assert len(ids) == 1_200
    assert ids[3] == ids[603] == first
    assert ids[:600] == ids[600:]
    assert sorted(waiting(client)) == sorted(set(ids))


def test_a_single_job_may_be_unique_or_not(service: QueueService) -> None:
    ids = [service.enqueue("test_job", {"message": "a"}, unique="payload").id for _ in range(2)]
    assert ids[0] == ids[1]
    assert service.enqueue("test_job", {"message": "a"}).id != ids[0]
    by_length = {"unique": lambda payload: len(payload.message)}
    assert service.enqueue("test_job", {"message": "bb"}, **by_length).new
    assert not service.enqueue("test_job", {"message": "cc"}, **by_length).new
    named = service.enqueue(sync, {"customer": 1}, job_id="mine", unique=True)
    assert named.id == "mine"
    with pytest.raises(Refused, match="there is a job 'mine'"):
        service.enqueue(sync, {"customer": 2}, job_id="mine", unique=True)


@pytest.mark.parametrize("unique", ["payloads", 3, ["customer"]])
def test_what_makes_no_sense_is_refused(service: QueueService, unique: Any) -> None:
    with pytest.raises(InvalidInput, match="'payload', or a function"):
        service.enqueue(sync, {}, unique=unique)
    with pytest.raises(InvalidInput, match="'payload', or a function"):
        processor(unique=unique)
    with pytest.raises(InvalidInput, match="must return texts, numbers"):
        service.enqueue(sync, {}, unique=lambda payload: object())


def test_a_tick_is_left_out_while_the_job_of_another_has_not_ended(client: redis.Redis, service: QueueService) -> None:
    cron = Cron(client, [sync_often])
    cron.tick(1_000_000_001)
    cron.tick(1_000_000_011)
    first = waiting(client)
    cron.tick(1_000_000_021)
    assert len(first) == 1
    assert waiting(client) == first
    assert service.enqueue(sync_often).id == first[0]
    service.cancel(first[0])
    cron.tick(1_000_000_031)
    assert len(waiting(client)) == 1
    assert waiting(client) != first


def test_little_is_left_of_jobs_that_have_ended(client: redis.Redis, service: QueueService) -> None:
    for number in range(60):
        service.cancel(service.enqueue(sync, {"customer": number}).id)
    assert client.hlen(keys.unique("sync")) < 20
    client.set(keys.job("spoiled"), "no hash")
    client.hset(keys.unique("sync"), mapping=dict.fromkeys(client.hkeys(keys.unique("sync")), "spoiled"))
    assert service.enqueue(sync, {"customer": 1}).new
    assert field(client, service.enqueue(sync, {"customer": 1}).id, "status") == b"queued"
