"""`async def` processors and functions: each runs in an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
import redis
from pydantic import BaseModel
from rq import Queue, get_current_job

from qtui_workers import Limit, Payload, processor, progress
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.rate.limiter import Limits
from tests.support import Server, wait_until
from tests.workers.support import field, log_lines, run_burst, run_stock, working

MODULE = "tests.workers.test_async"
KNOWN = {"QTUI_PROCESSORS": MODULE}


class Wait(Payload):
    seconds: float = 0
    fail: bool = False


class Waited(BaseModel):
    job: str | None
    loop: int
    pid: int


@processor(queue="async", attempts=1)
async def wait(payload: Wait) -> Waited:
    """Waits a while."""
    progress(1, 2, "half")
    print("waits")
    await asyncio.sleep(payload.seconds)
    if payload.fail:
        raise ValueError("as told")
    job = get_current_job()
    return Waited(job=job and job.id, loop=id(asyncio.get_running_loop()), pid=os.getpid())


@processor(queue="async-limited", attempts=1, limit=Limit(1, 0.5))
async def wait_limited(payload: Wait) -> Waited:
    """Waits a while, behind a limit."""
    return await wait.function(payload)


async def beside(path: str) -> str:
    """Waits for ever while another task works; writes what it is told at its end."""

    async def busy() -> None:
        while True:
            time.sleep(0.001)
            await asyncio.sleep(0)

    task = asyncio.create_task(busy())
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
        Path(path).write_text("cleaned up")
        raise
    return str(task)


async def stuck() -> None:
    """Never lets the event loop go on."""
    while True:
        time.sleep(0.01)


def test_one_runs_as_any_other_does(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    ids = [service.enqueue(wait, {"seconds": 0.01}).id for _ in range(2)]
    failing = service.enqueue(wait, {"fail": True}).id
    run_burst(server, home, "async", **KNOWN)
    first, second = (service.status(job_id) for job_id in ids)
    assert (first.status, first.result["job"]) == ("finished", ids[0])
    assert first.result["pid"] == second.result["pid"]
    assert first.progress is not None
    assert first.progress["message"] == "half"
    assert ("PRINT", "waits") in log_lines(client, ids[0])
    assert service.status(failing).failed_reason == "ValueError: as told"


def test_a_stock_worker_runs_it_too(server: Server, client: redis.Redis, home: Path) -> None:
    job_id = QueueService(client).enqueue(wait).id
    run_stock(server, home, "--serializer", "json", "async")
    assert QueueService(client).status(job_id).result["job"] == job_id


def test_called_in_a_test_it_gives_its_result_and_inside_a_loop_its_function_is_awaited() -> None:
    assert wait(Wait()).job is None

    async def inside() -> Waited:
        with pytest.raises(RuntimeError, match="running event loop"):
            wait(Wait())
        return await wait.function(Wait())  # type: ignore[misc]  # it is known to be a coroutine

    assert asyncio.run(inside()).pid == os.getpid()


@pytest.mark.parametrize("given", ["beside", "stuck"])
def test_one_that_takes_too_long_fails_as_any_other_does_and_may_clean_up(
    server: Server, client: redis.Redis, home: Path, given: str
) -> None:
    arguments = (str(home / "end"),) if given == "beside" else ()
    job = Queue("q", connection=client).enqueue(f"{MODULE}.{given}", *arguments, job_timeout=1)
    begun = time.monotonic()
    run_burst(server, home, "q", "--allow-pickle", "--allow", MODULE)
    assert time.monotonic() - begun < 30
    assert "exceeded maximum timeout value (1 seconds)" in (QueueService(client).status(job.id).failed_reason or "")
    assert (home / "end").exists() == (given == "beside")


def test_its_start_is_reported_to_its_limit_while_it_waits(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    first, second = (service.enqueue(wait_limited, {"seconds": seconds}).id for seconds in (60, 0))
    arguments = ("async-limited", "--concurrency", "2", "--shutdown-timeout", "0.1")
    with working(server, home, *arguments, **KNOWN):
        # A start that is not reported counts as one that may come within five seconds.
        wait_until(lambda: field(client, first, "status") == b"started", description="the first has begun")
        wait_until(
            lambda: Limits(client).state("async-limited").next_free_in < 0.6, description="its start was reported", timeout=4
        )
        wait_until(lambda: field(client, second, "status") == b"finished", description="the second has run")


def test_a_generator_is_no_processor() -> None:
    async def numbers(payload: Wait) -> Waited:  # type: ignore[misc]  # the mistake under test
        yield 1

    numbers.__qualname__ = "numbers"
    with pytest.raises(TypeError, match="is not a plain function"):
        processor()(numbers)
