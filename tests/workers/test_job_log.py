"""Where the log of a job is: a stream while it runs, a small field of its hash once it has ended; and what that takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Retry
from rq.serializers import JSONSerializer

from qtui.broker.one_job import job as broker_job
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.support import Server
from tests.workers import talking
from tests.workers.support import field, log_lines, run_burst, run_stock
from tests.workers.talking import MODULE

THREE = [("INFO", f"line {number} {'x' * 40}") for number in (1, 2, 3)]


@pytest.fixture
def service(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> QueueService:
    monkeypatch.setenv("QTUI_PROCESSORS", MODULE)
    return QueueService(client)


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue("talking", connection=client, serializer=JSONSerializer)


def work(server: Server, home: Path, *more: str) -> str:
    return run_burst(server, home, "talking", "--allow", MODULE, *more, QTUI_PROCESSORS=MODULE)


def is_folded(client: redis.Redis, job_id: str) -> bool:
    return bool(client.hexists(keys.job(job_id), keys.FIELD_LOG)) and not client.exists(keys.log(job_id))


def memory(client: redis.Redis, job_id: str) -> int:
    """Bytes of all keys of a job."""
    return sum(int(client.memory_usage(key, samples=0) or 0) for key in client.keys(f"*{job_id}*"))


def test_however_a_job_has_ended_its_short_log_is_a_field_of_it(
    server: Server, service: QueueService, queue: Queue, client: redis.Redis, home: Path
) -> None:
    retry = Retry(max=1)
    plain = f"{MODULE}.plain"
    ids = {
        "finished": service.enqueue("talk").id,
        "killed": service.enqueue("talk", {"dies": True}).id,
        "ended by RQ's code": queue.enqueue(plain, on_success=Callback(talking.on_success)).id,
        "silent at last": queue.enqueue(f"{MODULE}.fail_first_then_say_nothing", retry=retry).id,
        "the same by RQ's code": queue.enqueue(
            f"{MODULE}.fail_first_then_say_nothing", retry=retry, on_success=Callback(talking.on_success)
        ).id,
        "died in the second attempt": service.enqueue("talk", {"dies": True}, attempts=2).id,
    }
    work(server, home)
    assert [name for name, job_id in ids.items() if not is_folded(client, job_id)] == []
    for name, job_id in ids.items():
        assert log_lines(client, job_id) == THREE * (2 if "second" in name else 1), name
        assert [(line.level, line.text) for line in broker_job.load(client, job_id).logs] == log_lines(client, job_id)


def test_a_stock_worker_leaves_it_so_too(server: Server, queue: Queue, client: redis.Redis, home: Path) -> None:
    job = queue.enqueue(f"{MODULE}.talk", kwargs={"lines": 3})
    run_stock(server, home, "talking", "-S", "json")
    assert (log_lines(client, job.id), is_folded(client, job.id)) == (THREE, True)


def test_what_a_job_logs_when_it_runs_again_comes_after_what_it_has_logged(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    job_id = service.enqueue("talk").id
    work(server, home)
    client.xadd(keys.log(job_id), {"level": "INFO", "text": "again", "at": "1800000000.5"})
    assert [line.text for line in broker_job.load(client, job_id).logs] == [text for _, text in THREE] + ["again"]
    client.zrem(keys.registry("finished", "talking"), job_id)
    client.hset(keys.job(job_id), "status", "queued")
    client.lpush(keys.queue("talking"), job_id)
    work(server, home)
    assert log_lines(client, job_id) == [*THREE, ("INFO", "again"), *THREE]
    assert is_folded(client, job_id)


@pytest.mark.parametrize("shape", [{"lines": 300, "length": 0}, {"lines": 10, "length": 8_000}])
def test_a_long_log_stays_a_stream_that_expires_with_the_job(
    server: Server, service: QueueService, client: redis.Redis, home: Path, shape: dict[str, int]
) -> None:
    job_id = service.enqueue("talk", shape, result_ttl=3_600).id
    work(server, home)
    assert len(log_lines(client, job_id)) == shape["lines"]
    assert not client.hexists(keys.job(job_id), keys.FIELD_LOG)
    assert 3_500 < client.ttl(keys.log(job_id)) <= 3_600


@pytest.mark.parametrize("damage", [b"\xff", b"[1", b'{"a": 1}', b'["INFO", {"a": [1]}, "x", "rest"]', b"[" * 20_000])
def test_a_damaged_log_is_read_as_far_as_it_can_be(
    server: Server, service: QueueService, client: redis.Redis, home: Path, damage: bytes
) -> None:
    job_id = service.enqueue("talk").id
    client.hset(keys.job(job_id), keys.FIELD_LOG, damage)
    client.xadd(keys.log(job_id), {"text": "whole"})
    assert "whole" in [line.text for line in broker_job.load(client, job_id).logs]


def test_a_finished_job_with_a_short_log_takes_little_more_memory_than_one_of_plain_rq(
    server: Server, service: QueueService, queue: Queue, client: redis.Redis, home: Path
) -> None:
    """On 10,000 jobs of each kind: `benchmarks/memory.py`. Before Redis 7 a stream takes what it holds, so both are small."""
    own = service.enqueue("talk").id
    work(server, home)
    plain = Queue("elsewhere", connection=client).enqueue("operator.add", 1, 2, result_ttl=86_400).id
    run_stock(server, home, "elsewhere")
    assert (field(client, own, "status"), field(client, plain, "status")) == (b"finished", b"finished")
    assert len(log_lines(client, own)) == 3
    assert memory(client, own) <= max(1.3 * memory(client, plain), 3_000)


def test_the_newest_thousand_finished_jobs_of_a_queue_are_kept(service: QueueService) -> None:
    options: Any = talking.talk.options
    assert (options.keep_finished, options.result_ttl.days) == (1_000, 1)
