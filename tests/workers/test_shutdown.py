"""The request to stop a worker, apart from any worker that obeys it."""

from __future__ import annotations

import math
import select
import signal
import socket

import pytest
import redis
import rq

from qtui_workers.engine.claim import Interrupted
from qtui_workers.engine.rq_adapter import WorkerInternals
from qtui_workers.engine.shutdown import Abandoned, Shutdown


@pytest.fixture
def worker(client: redis.Redis) -> rq.Worker:
    return rq.Worker([], connection=client)


@pytest.fixture
def acknowledged() -> list[str]:
    return []


def shutdown(worker: rq.Worker, acknowledged: list[str], timeout: float = 600) -> Shutdown:
    return Shutdown(WorkerInternals(worker), timeout, lambda: acknowledged.append("acknowledged"))


def is_readable(stop: Shutdown) -> bool:
    return bool(select.select([stop], [], [], 0)[0])


def test_a_request_wakes_the_loop_up_and_is_acknowledged_once(worker: rq.Worker, acknowledged: list[str]) -> None:
    stop = shutdown(worker, acknowledged)
    stop.acknowledge()
    assert (stop.requested, stop.is_due(), stop.deadline, is_readable(stop), acknowledged) == (False, False, math.inf, False, [])
    stop.request(signal.SIGTERM)
    assert (stop.requested, stop.is_due(), is_readable(stop)) == (True, False, True)
    for _ in range(2):
        stop.acknowledge()
    assert (is_readable(stop), acknowledged) == (False, ["acknowledged"])


def test_a_second_signal_within_a_second_is_the_same_request(worker: rq.Worker, acknowledged: list[str]) -> None:
    stop = shutdown(worker, acknowledged)
    for _ in range(2):
        stop.request(signal.SIGINT)
    assert not stop.is_due()


def test_a_request_after_the_job_s_time_interrupts_a_job_in_this_process(worker: rq.Worker, acknowledged: list[str]) -> None:
    stop = shutdown(worker, acknowledged, timeout=0)
    stop.request(signal.SIGTERM)
    stop.interruptible = True
    with pytest.raises(Interrupted):
        stop.request(signal.SIGTERM)
    assert (stop.is_due(), stop.interruptible) == (True, False)


def hear_nothing(stop: Shutdown, within: float = 30) -> None:
    """Waits for Redis, as a worker does, when a stop is requested."""
    silent, _other = socket.socketpair()
    silent.settimeout(within)
    with stop.hurries():
        stop.request(signal.SIGTERM)
        silent.recv(1)


def test_a_worker_that_holds_no_job_waits_for_redis_no_longer_than_a_moment(worker: rq.Worker, acknowledged: list[str]) -> None:
    stop = shutdown(worker, acknowledged)
    for _ in range(2):  # once for what it waits for, and once for its farewell
        with pytest.raises(Abandoned):
            hear_nothing(stop)


def test_a_worker_that_holds_a_job_waits_for_redis(worker: rq.Worker, acknowledged: list[str]) -> None:
    stop = shutdown(worker, acknowledged)
    stop.holds_job = True
    with pytest.raises(TimeoutError):
        hear_nothing(stop, within=1)
    stop.holds_job = False
    with pytest.raises(Abandoned):
        hear_nothing(stop)
