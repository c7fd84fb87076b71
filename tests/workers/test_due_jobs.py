"""Scheduled jobs that are due: ours are enqueued as RQ's scheduler enqueues them, whatever their records hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Repeat, Retry
from rq.job import Job
from rq.rate_limit import RateLimit
from rq.registry import ScheduledJobRegistry
from rq.scheduler import RQScheduler

from qtui_workers.engine.maintenance.due_jobs import DueJobs
from qtui_workers.engine.maintenance.scheduler import Scheduler
from qtui_workers.server import keys
from tests.support import Server
from tests.workers import engine
from tests.workers.keyspace import snapshot

PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
ENDED = "2020-01-01T00:00:00.000000Z"


def scheduled(client: redis.Redis, job_id: str, at: datetime = PAST, **options: Any) -> Job:
    """A job that RQ has scheduled."""
    return Queue("q", connection=client).enqueue_at(at, engine.give, job_id, job_id=job_id, **options)


def changed(client: redis.Redis, job_id: str, **fields: str | None) -> None:
    """A scheduled job with these fields; None takes a field away."""
    scheduled(client, job_id)
    for name, value in fields.items():
        if value is None:
            client.hdel(keys.job(job_id), name)
        else:
            client.hset(keys.job(job_id), name, value)


def waiting(client: redis.Redis, queue: str = "q") -> list[str]:
    return [job_id.decode() for job_id in client.lrange(keys.queue(queue), 0, -1)]


def limited(client: redis.Redis, *places: int) -> None:
    """Jobs of one limit that lets `places` through."""
    for number, concurrency in enumerate(places):
        scheduled(client, f"l{number}", rate_limit=RateLimit("limit", concurrency))


CASES: dict[str, Callable[[redis.Redis], object]] = {
    "plain": lambda client: scheduled(client, "a"),
    "many, by their times": lambda client: [
        scheduled(client, name, datetime(2020, 1, day, tzinfo=UTC)) for name, day in {"c": 3, "a": 1, "b": 2, "d": 2}.items()
    ],
    "not yet due": lambda client: [scheduled(client, "a"), scheduled(client, "b", FUTURE)],
    "with a time to live": lambda client: scheduled(client, "a", ttl=500),
    "to the front": lambda client: [scheduled(client, "a"), scheduled(client, "b", at_front=True)],
    "a retry to the front": lambda client: [
        scheduled(client, "a"),
        changed(client, "b", enqueue_at_front_on_retry="1", ended_at=ENDED),
        changed(client, "c", enqueue_at_front_on_retry="1"),
    ],
    "without a timeout": lambda client: changed(client, "a", timeout=None),
    "with everything": lambda client: scheduled(
        client, "a", retry=Retry(2, [5, 6]), repeat=Repeat(3, 60), on_success=Callback(engine.on_success), meta={"é": 1},
        description="Größe 大きさ 🚀", result_ttl=-1, failure_ttl=7, job_timeout=9,
    ),
    "of another queue": lambda client: changed(client, "a", origin="elsewhere"),
    "deferred": lambda client: (changed(client, "a", status="deferred"), client.zadd(keys.registry("deferred", "q"), {"a": 1})),
    "scheduled by hand": lambda client: ScheduledJobRegistry("q", connection=client).schedule(
        Queue("q", connection=client).enqueue(engine.give, job_id="a"), PAST
    ),
    "without a record": lambda client: [scheduled(client, "a"), client.delete(keys.job("a")), scheduled(client, "b")],
    "a limit with room": lambda client: limited(client, 2, 2),
    "a limit without room": lambda client: limited(client, 1, 1, 1),
    "a limit, to the front": lambda client: [
        scheduled(client, "a"), scheduled(client, "b", at_front=True, rate_limit=RateLimit("limit", 1), ttl=300),
    ],
}  # fmt: skip


def by_rq(client: redis.Redis, *queues: str) -> None:
    scheduler = RQScheduler(queues, connection=client)
    scheduler.acquire_locks()
    scheduler.enqueue_scheduled_jobs()


def by_us(client: redis.Redis, *queues: str) -> None:
    Scheduler(queues, connection=client).enqueue_scheduled_jobs()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_due_jobs_are_enqueued_as_rqs_scheduler_enqueues_them(client: redis.Redis, case: Callable[[redis.Redis], object]) -> None:
    found = []
    for enqueue in (by_rq, by_us):
        client.flushall()
        case(client)
        enqueue(client, "q")
        found.append(snapshot(client))
    assert found[1] == found[0]


ODD: dict[str, Callable[[redis.Redis], object]] = {
    "a number with a space": lambda client: changed(client, "odd", timeout=" 60"),
    "a number with a sign": lambda client: changed(client, "odd", retries_left="+2"),
    "an old time": lambda client: changed(client, "odd", created_at="2020-01-01T00:00:00Z"),
    "no status": lambda client: changed(client, "odd", status=None),
}
UNREADABLE: dict[str, Callable[[redis.Redis], object]] = {
    "a time that is none": lambda client: changed(client, "odd", created_at="yesterday"),
    "a status that is none": lambda client: changed(client, "odd", status="dreaming"),
    "no data": lambda client: changed(client, "odd", data=None),
    "a number that is none": lambda client: changed(client, "odd", retries_left="many"),
    "an empty number": lambda client: changed(client, "odd", enqueue_at_front=""),
    "JSON that is none": lambda client: changed(client, "odd", retry_intervals="[1,"),
    "text that is none": lambda client: (scheduled(client, "odd"), client.hset(keys.job("odd"), "description", b"\xed\xa0\x80")),
    "another type": lambda client: (client.set(keys.job("odd"), 1), client.zadd(keys.registry("scheduled", "q"), {"odd": 1})),
    "a limit of another type": lambda client: (
        scheduled(client, "odd", rate_limit=RateLimit("limit", 1)), client.set(keys.rate_limit("limit"), 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD.values(), ids=ODD.keys())
def test_a_record_in_a_rare_form_that_rq_reads_is_enqueued(client: redis.Redis, case: Callable[[redis.Redis], object]) -> None:
    case(client)
    scheduled(client, "good")
    by_us(client, "q")
    assert sorted(waiting(client)) == ["good", "odd"]
    assert client.hget(keys.job("odd"), "status") == b"queued"


@pytest.mark.parametrize("case", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_record_that_rq_cannot_read_is_failed_with_the_reason_and_the_others_are_enqueued(
    client: redis.Redis, case: Callable[[redis.Redis], object]
) -> None:
    case(client)
    scheduled(client, "good")
    by_us(client, "q")
    assert waiting(client) == ["good"]
    assert client.zrange(keys.registry("failed", "q"), 0, -1) == [b"odd"]
    assert client.zcard(keys.registry("scheduled", "q")) == 0
    if client.type(keys.job("odd")) == b"hash":
        assert client.hget(keys.job("odd"), "status") == b"failed"
    (_, result), = client.xrange(keys.results("odd"))  # fmt: skip
    assert result[b"type"] == b"2"


@pytest.mark.parametrize("job_id", ["a:b", "ä", "a b"])
def test_an_id_that_rq_does_not_allow_touches_no_other_job(client: redis.Redis, job_id: str) -> None:
    scheduled(client, "a", FUTURE)
    client.hset(keys.job(job_id), mapping={"data": b"x", "status": "scheduled"})
    client.zadd(keys.registry("scheduled", "q"), {job_id: 1})
    by_us(client, "q")
    assert waiting(client) == []
    assert client.zrange(keys.registry("failed", "q"), 0, -1) == [job_id.encode()]
    assert client.zrange(keys.registry("scheduled", "q"), 0, -1) == [b"a"]


def test_what_was_canceled_is_not_enqueued_though_its_entry_is_left(client: redis.Redis) -> None:
    changed(client, "a", status="canceled")
    by_us(client, "q")
    assert (waiting(client), client.zcard(keys.registry("scheduled", "q"))) == ([], 0)
    assert client.hget(keys.job("a"), "status") == b"canceled"


def test_more_than_a_chunk_is_enqueued_in_its_order_and_no_queue_waits_for_another(client: redis.Redis) -> None:
    """Among them are more unreadable ones than a chunk has."""
    for queue in ("q", "p"):
        with client.pipeline() as pipe:
            for number in range(900):
                created = "yesterday" if queue == "q" and 300 <= number < 550 else ENDED
                pipe.hset(keys.job(f"{queue}-{number}"), mapping={"data": b"x", "created_at": created, "status": "scheduled"})
                pipe.zadd(keys.registry("scheduled", queue), {f"{queue}-{number}": number})
            pipe.execute()
    due = DueJobs(client, "s", None, lock=60)
    turn = due.enqueue(["p", "q"])
    assert (turn.more, turn.held) == (True, {"p", "q"})
    assert {len(waiting(client, queue)) for queue in ("p", "q")} == {12, 13}
    while due.enqueue(["p", "q"]).more:
        pass
    assert waiting(client, "p") == [f"p-{number}" for number in range(900)]
    assert waiting(client, "q") == [f"q-{number}" for number in range(900) if not 300 <= number < 550]
    assert client.zcard(keys.registry("failed", "q")) == 250


def test_a_queue_whose_lock_another_scheduler_has_is_left_alone(client: redis.Redis) -> None:
    other = RQScheduler(["q"], connection=client)
    other.acquire_locks()
    for name in ("a", "b"):
        changed(client, name, created_at="yesterday" if name == "b" else ENDED)
    due = DueJobs(client, "s", None, lock=60)
    assert due.enqueue(["q"]).held == set()
    assert client.zcard(keys.registry("scheduled", "q")) == 2
    other.release_locks()
    assert due.enqueue(["q"]).held == {"q"}
    assert 0 < client.ttl(keys.scheduler_lock("q")) <= 60
    assert other.acquire_locks() == set()


@pytest.mark.parametrize("key", [keys.registry("scheduled", "broken"), keys.queue("broken")])
def test_a_key_of_the_wrong_type_does_not_stop_the_other_queues(client: redis.Redis, key: str) -> None:
    client.set(key, 1)
    if "queue" in key:
        client.zadd(keys.registry("scheduled", "broken"), {"a": 1})
        client.hset(keys.job("a"), mapping={"data": b"x", "status": "scheduled"})
    scheduled(client, "good")
    by_us(client, "broken", "q")
    assert waiting(client) == ["good"]


def test_a_server_without_memory_changes_nothing(own_server: Server) -> None:
    with own_server.client() as client:
        scheduled(client, "a")
        client.config_set("maxmemory", "1")
        with pytest.raises(redis.ResponseError, match=r"OOM|maxmemory"):
            by_us(client, "q")
        client.config_set("maxmemory", "0")
        assert client.zcard(keys.registry("scheduled", "q")) == 1
        by_us(client, "q")
        assert waiting(client) == ["a"]


def test_the_record_of_a_scheduler_is_kept_alive_and_made_anew(client: redis.Redis) -> None:
    scheduler = Scheduler(["q"], connection=client)
    scheduler.enqueue_scheduled_jobs()
    assert not client.exists(scheduler.key), "only one with a process of its own is on record"
    scheduler.pid = 1
    scheduler.enqueue_scheduled_jobs()
    seen = RQScheduler.fetch(scheduler.name, client)
    assert seen.name == scheduler.name
    client.persist(scheduler.key)
    scheduler.enqueue_scheduled_jobs()
    assert 0 < client.ttl(scheduler.key) <= 61
