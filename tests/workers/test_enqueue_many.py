"""Many jobs at once: all or none, whatever happens in between."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.client import Pipeline
from rq.job import Job
from rq.serializers import JSONSerializer

from qtui_workers.define.decorator import processor
from qtui_workers.enqueue import batches
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput, RedisUnavailable
from qtui_workers.processors.report import Report, ReportResult
from qtui_workers.server import keys
from tests.support import ONCE, Server


def report(payload: Report) -> ReportResult:
    """Nothing runs it here."""
    raise NotImplementedError


QUEUED = processor(queue="q")(report)


def titles(count: int) -> Iterator[dict[str, Any]]:
    return ({"title": f"n{number}"} for number in range(count))


def waiting(client: redis.Redis, queue: str = "q") -> list[str]:
    return [job_id.decode() for job_id in client.lrange(keys.queue(queue), 0, -1)]


def left(client: redis.Redis) -> list[bytes]:
    """All keys, except the number of the format."""
    return [key for key in client.scan_iter() if key != keys.FORMAT.encode()]


def jobs(client: redis.Redis) -> int:
    return sum(1 for _ in client.scan_iter(f"{keys.JOB_PREFIX}*", count=10_000))


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1_000, 1_750])
def test_every_payload_becomes_one_job_in_its_order(client: redis.Redis, count: int) -> None:
    ids = QueueService(client).enqueue_many(QUEUED, titles(count))
    assert waiting(client) == ids
    assert len(set(ids)) == jobs(client) == count
    assert client.exists(keys.STAGED) == 0
    if ids:
        last = Job.fetch(ids[-1], connection=client, serializer=JSONSerializer)
        assert last.kwargs["title"] == f"n{count - 1}"


def test_a_batch_goes_behind_what_waits_already(client: redis.Redis) -> None:
    service = QueueService(client)
    first = service.enqueue(QUEUED).id
    ids = service.enqueue_many(QUEUED, titles(1_200))
    assert waiting(client) == [first, *ids]


def test_a_batch_can_be_scheduled(client: redis.Redis) -> None:
    ids = QueueService(client).enqueue_many(QUEUED, titles(1_200), delay=60)
    due = dict(client.zrange(keys.registry("scheduled", "q"), 0, -1, withscores=True))
    assert {job_id.decode() for job_id in due} == set(ids)
    assert len(set(due.values())) == 1
    assert waiting(client) == []


def test_a_concurrency_limit_lets_the_first_jobs_of_a_batch_through_and_keeps_the_order_of_the_rest(client: redis.Redis) -> None:
    ids = QueueService(client).enqueue_many(processor(queue="q", concurrency=2)(report), titles(1_200))
    assert waiting(client) == ids[:2]
    assert [job_id.decode() for job_id in client.zrange(keys.rate_limited("report"), 0, -1)] == ids[2:]


def test_a_bad_payload_at_the_very_end_leaves_nothing_behind(client: redis.Redis) -> None:
    with pytest.raises(InvalidInput, match="payload 1801, field 'steps'"):
        QueueService(client).enqueue_many(QUEUED, [*titles(1_800), {"steps": 0}])
    assert left(client) == []


def test_an_error_of_the_generator_is_its_own_and_leaves_nothing_behind(client: redis.Redis) -> None:
    def read() -> Iterator[dict[str, Any]]:
        yield from titles(1_800)
        raise FileNotFoundError("payloads.json")

    with pytest.raises(FileNotFoundError):
        QueueService(client).enqueue_many(QUEUED, read())
    assert left(client) == []


def test_no_job_of_a_batch_is_to_be_had_before_the_last_is_there(client: redis.Redis) -> None:
    seen: list[tuple[int, int]] = []

    def watched() -> Iterator[dict[str, Any]]:
        for number, payload in enumerate(titles(2_000)):
            if number % 500 == 499:
                seen.append((len(waiting(client)), client.scard(keys.QUEUES)))
            yield payload

    QueueService(client).enqueue_many(QUEUED, watched())
    assert seen == [(0, 0)] * 4
    assert len(waiting(client)) == 2_000


def test_a_server_that_dies_in_the_middle_has_no_job_of_the_batch_when_it_is_back(own_server: Server) -> None:
    def interrupted() -> Iterator[dict[str, Any]]:
        yield from titles(2_000)
        own_server.kill()
        yield from titles(2_000)

    with own_server.client(retry=ONCE) as client:
        with pytest.raises(RedisUnavailable):
            QueueService(client).enqueue_many(QUEUED, interrupted())
        own_server.start()
        assert waiting(client) == []
        assert client.zcard(keys.STAGED) == 1
        QueueService(client).enqueue_many(QUEUED, titles(600))
        assert len(waiting(client)) == 600
        assert batches.sweep(client, idle=-1) == 1
        assert jobs(client) == 600
        assert client.exists(keys.STAGED) == 0


def test_a_batch_that_still_grows_is_not_swept(client: redis.Redis) -> None:
    swept: list[int] = []

    def slow() -> Iterator[dict[str, Any]]:
        yield from titles(1_000)
        swept.append(batches.sweep(client))
        yield from titles(1_000)

    assert len(QueueService(client).enqueue_many(QUEUED, slow())) == len(waiting(client)) == 2_000
    assert swept == [0]


def test_a_batch_that_was_removed_meanwhile_is_reported_and_leaves_nothing(client: redis.Redis) -> None:
    def flushed() -> Iterator[dict[str, Any]]:
        yield from titles(1_000)
        client.flushall()
        yield from titles(1_000)

    with pytest.raises(RedisUnavailable, match="enqueue them again"):
        QueueService(client).enqueue_many(QUEUED, flushed())
    assert left(client) == []


@pytest.mark.parametrize("count", [1, 1_200])
def test_a_queue_key_of_another_type_is_reported_and_nothing_is_written(client: redis.Redis, count: int) -> None:
    client.set(keys.queue("q"), "not a list")
    with pytest.raises(RedisUnavailable):
        QueueService(client).enqueue_many(QUEUED, titles(count))
    assert jobs(client) == 0


@pytest.mark.parametrize("count", [1, 20_000])
def test_a_server_without_memory_is_reported_and_nothing_is_written(own_server: Server, count: int) -> None:
    with own_server.client() as client:
        used = int(client.info("memory")["used_memory"])
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", used + 4_000_000 if count > 1 else 1)
        with pytest.raises(RedisUnavailable):
            QueueService(client).enqueue_many(QUEUED, titles(count))
        assert left(client) == []


def test_an_answer_that_is_lost_does_not_bring_jobs_twice(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = client.evalsha

    def ask_twice(*arguments: Any) -> Any:
        ask(*arguments)
        return ask(*arguments)

    service = QueueService(client)
    service.enqueue_many(QUEUED, titles(1_200))  # the server knows the scripts now
    client.flushdb()
    monkeypatch.setattr(client, "evalsha", ask_twice)
    ids = [service.enqueue(QUEUED).id, *service.enqueue_many(QUEUED, titles(1_200))]
    assert waiting(client) == ids


@pytest.mark.parametrize("older", [0, 1])
def test_a_batch_whose_last_answer_is_lost_is_there_once(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, older: int
) -> None:
    service = QueueService(client)
    first = [service.enqueue(QUEUED).id for _ in range(older)]
    lost: list[object] = []

    class Deaf(Pipeline):
        """Does not hear the server's first answer, as where a connection ends at that moment (`Pipeline.execute`)."""

        def execute(self, raise_on_error: bool = True) -> list[Any]:
            answer = super().execute(raise_on_error)
            if not lost:
                lost.append(answer)
                raise redis.WatchError("the connection was lost")
            return answer

    def deaf() -> Pipeline:
        return Deaf(client.connection_pool, client.response_callbacks, True, None)

    monkeypatch.setattr(client, "pipeline", deaf)
    ids = service.enqueue_many(QUEUED, titles(1_200))
    assert lost
    assert waiting(client) == [*first, *ids]
    assert client.exists(keys.STAGED) == 0


def test_a_queue_that_gets_its_first_job_at_that_moment_keeps_it(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    service = QueueService(client)
    others: list[str] = []
    watch = Pipeline.watch

    def late(pipe: Pipeline, *names: Any) -> Any:
        answer = watch(pipe, *names)
        if names == (keys.queue("q").encode(),):
            others.append(service.enqueue(QUEUED).id)
        return answer

    monkeypatch.setattr(Pipeline, "watch", late)
    ids = service.enqueue_many(QUEUED, titles(1_200))
    assert len(others) == 1
    assert waiting(client) == [*others, *ids]


def test_the_last_step_is_no_script(client: redis.Redis) -> None:
    """A script takes ten times as long to append so many ids."""
    service = QueueService(client)
    service.enqueue(QUEUED)
    client.config_resetstat()
    service.enqueue_many(QUEUED, titles(1_200))
    stats = client.info("commandstats")
    assert (stats["cmdstat_rpush"]["calls"], stats["cmdstat_exec"]["calls"]) == (4, 1)  # three chunks were staged


def test_memory_stays_bounded_for_a_generator_of_large_payloads(client: redis.Redis) -> None:
    text = "x" * 180

    def large() -> Iterator[dict[str, Any]]:
        for number in range(10_000):
            yield {"title": f"{number}{text}"}

    service = QueueService(client)
    service.enqueue_many(QUEUED, titles(1_000))
    tracemalloc.start()
    service.enqueue_many(QUEUED, large())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000  # the ids alone take less than one


def test_threads_may_share_a_service(client: redis.Redis) -> None:
    service = QueueService(client)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(service.enqueue_many(QUEUED, titles(700)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(waiting(client))
    assert len(set(found)) == 2_800
