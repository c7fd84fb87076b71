"""The overview and the workers, against what RQ put there."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from rq import Queue

from qtui.broker.lists import jobs
from qtui.broker.models import ServerInfo
from qtui.broker.queues import overview, overview_steps
from qtui.broker.status import COUNTED, Status
from qtui.broker.workers import registered_workers
from qtui_workers.enqueue.pause import pause
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.watching import round_trips, watching
from tests.rights import without_rights


def test_an_overview_lists_each_queue_with_the_counts_of_its_windows(client: redis.Redis) -> None:
    seed.everything(client)
    seen = overview.load(client)
    assert [queue.name for queue in seen.queues] == ["mail", "media"]
    for queue in seen.queues:
        assert {s: jobs.window(client, queue.name, s, 0, 1).total for s in COUNTED} == queue.counts


def test_an_overview_knows_the_server_and_its_clock(client: redis.Redis) -> None:
    before = client.time()
    seen = overview.load(client)
    after = client.time()
    facts = client.info("server")
    assert seen.server.engine == ("valkey" if "valkey_version" in facts else "redis")
    assert seen.server.version == facts.get("valkey_version", facts["redis_version"])
    assert seen.server.memory_used > 0
    assert seen.server.memory_max is None
    assert before[0] + before[1] / 1e6 <= seen.at <= after[0] + after[1] / 1e6


def test_the_oldest_waiting_job_is_the_one_at_the_head(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    first, _ = queue.enqueue(tasks.add, 1), queue.enqueue(tasks.add, 2)
    client.hset(keys.job(first.id), "enqueued_at", "2024-01-01T00:00:00.000000Z")
    Queue("empty", connection=client).enqueue(tasks.add, 1)
    client.delete(keys.queue("empty"))
    seen = overview.load(client)
    ages = {row.name: row.oldest_seconds for row in seen.queues}
    assert ages == {"empty": None, "mail": pytest.approx(seen.at - 1_704_067_200)}


def test_suspended_workers_are_reported(client: redis.Redis) -> None:
    assert not overview.load(client).suspended
    client.set(keys.SUSPENDED, 1)
    assert overview.load(client).suspended


@pytest.mark.parametrize("queues", [1, 2 * overview_steps.BLOCK + 1])
def test_an_overview_takes_two_round_trips_however_many_queues(client: redis.Redis, queues: int) -> None:
    for number in range(queues):
        client.sadd(keys.QUEUES, keys.queue(f"q{number}"))
    Queue("q0", connection=client).enqueue(tasks.add, 1)
    overview.load(client)  # the server knows the script from now on
    with round_trips(client) as sent:
        seen = overview.load(client)
    assert len(sent) == 2
    assert len(seen.queues) == queues
    assert [queue.name for queue in seen.queues if queue.count(Status.QUEUED)] == ["q0"]


def test_a_queue_that_holds_nothing_takes_one_command(client: redis.Redis) -> None:
    client.sadd(keys.QUEUES, *(keys.queue(f"q{number}") for number in range(7)))
    overview.load(client)
    with watching(client) as seen:
        overview.load(client)
    assert [command.split()[0] for command in seen.by_scripts].count("EXISTS") == 7
    assert len(seen.by_scripts) == 7 + 1  # and the number of the format


def test_living_workers_count_for_the_queues_they_listen_to(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    seen = overview.load(client)
    assert seen.workers == 1
    assert {queue.name: queue.workers for queue in seen.queues} == {"mail": 1, "media": 0}
    client.delete(keys.worker("w1"))
    seen = overview.load(client)
    assert seen.workers == 0
    assert [queue.workers for queue in seen.queues] == [0, 0]
    assert seeded.worker


def test_a_worker_is_shown_as_it_registered(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    assert seeded.worker
    (row,) = registered_workers.load(client)
    assert (row.name, row.queues, row.stale) == ("w1", ("mail",), False)
    assert (row.pid, row.host, row.version) == (
        seeded.worker.pid,
        seeded.worker.hostname,
        seeded.worker.version,
    )
    assert row.status == "busy"
    assert row.current_job == seeded.first(Status.STARTED)
    assert row.heartbeat_seconds is not None
    assert 0 <= row.heartbeat_seconds < 30


def test_a_worker_whose_hash_is_gone_is_stale(client: redis.Redis) -> None:
    seed.everything(client)
    client.delete(keys.worker("w1"))
    (row,) = registered_workers.load(client)
    assert row.stale
    assert (row.host, row.status, row.successful, row.failed, row.version) == (None,) * 5


def test_a_worker_that_has_run_no_job_yet_has_run_0(client: redis.Redis) -> None:
    seed.everything(client)
    client.hdel(keys.worker("w1"), "successful_job_count", "failed_job_count")
    (row,) = registered_workers.load(client)
    assert (row.successful, row.failed) == (0, 0)
    client.hset(keys.worker("w1"), "failed_job_count", "many")
    (row,) = registered_workers.load(client)
    assert (row.successful, row.failed) == (0, None)


def test_a_worker_that_never_expires_is_stale_when_it_is_silent_for_too_long(client: redis.Redis) -> None:
    seed.everything(client)
    client.persist(keys.worker("w1"))
    assert [row.stale for row in registered_workers.load(client)] == [False]
    client.hset(keys.worker("w1"), "last_heartbeat", "2024-01-01T00:00:00.000000Z")
    assert [row.stale for row in registered_workers.load(client)] == [True]


def test_a_worker_that_said_it_ended_is_stale(client: redis.Redis) -> None:
    seed.everything(client)
    client.hset(keys.worker("w1"), "death", "2024-01-01T00:00:00.000000Z")
    assert [row.stale for row in registered_workers.load(client)] == [True]


def test_a_worker_record_of_garbage_is_a_row(client: redis.Redis) -> None:
    client.sadd(keys.WORKERS, keys.worker("g"), keys.worker("s"), "no worker key")
    client.hset(keys.worker("g"), mapping={"pid": "x", "birth": "never", "queues": ",,a,", "hostname": b"\xff\x1b"})
    client.set(keys.worker("s"), "x")
    garbage, text = registered_workers.load(client)
    assert (garbage.pid, garbage.started_at, garbage.queues) == (None, None, ("a",))
    assert (text.name, text.stale, text.successful) == ("s", True, None)


def test_workers_take_two_round_trips(client: redis.Redis) -> None:
    seed.everything(client)
    with watching(client) as seen:
        registered_workers.load(client)
    assert [command.split()[0] for command in seen.sent] == ["TIME", "SMEMBERS", "HMGET", "TTL", "SRANDMEMBER"]


@pytest.mark.parametrize("command", ["llen", "zcard", "smembers", "hget", "hmget", "ttl", "srandmember"])
def test_what_may_not_be_read_is_an_error_and_not_nothing(client: redis.Redis, command: str) -> None:
    seed.everything(client)
    with without_rights(client, command) as blind, pytest.raises(redis.exceptions.NoPermissionError, match=command):
        overview.load(blind)


@pytest.mark.parametrize(("command", "read"), [("smembers", jobs.queue_names), ("zcard", lambda c: jobs.counts(c, None))])
def test_lists_and_counts_that_may_not_be_read_are_an_error(client: redis.Redis, command: str, read: Any) -> None:
    seed.everything(client)
    with without_rights(client, command) as blind, pytest.raises(redis.exceptions.NoPermissionError, match=command):
        read(blind)


def test_no_right_to_info_leaves_the_rest(client: redis.Redis) -> None:
    seed.everything(client)
    with without_rights(client, "info") as blind:
        seen = overview.load(blind)
    assert seen.server == ServerInfo(engine=None, version=None, memory_used=None, memory_max=None, operations_per_second=None)
    assert len(seen.queues) == 2


def test_a_paused_queue_is_kept_apart(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue("shop.send")
    Queue("media", connection=client).enqueue("shop.send")
    pause(client, ["mail"])
    assert {queue.name: queue.paused for queue in overview.load(client).queues} == {"mail": True, "media": False}
