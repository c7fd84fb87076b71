"""Limits on a real server with real processes: what is never exceeded, and what survives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import monotonic, time_ns
from typing import Any

import pytest
import redis
from pydantic import BaseModel
from rq import Queue
from rq.serializers import JSONSerializer

from qtui_workers import Payload, processor
from qtui_workers.define.decorator import Processor
from qtui_workers.define.limit import Limit
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.rate.limiter import START_WITHIN, Limits, LimitTimeout, change, claim_limits, in_time, register
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import limited, support


class Nothing(Payload):
    """No fields."""


def limited_processor(queue: str, limit: Limit | None) -> Processor[Any, Any]:
    def work(payload: BaseModel) -> BaseModel:
        return payload

    work.__qualname__ = work.__name__ = f"work_{queue.replace('-', '_')}"
    return processor(queue=queue, limit=limit)(work)


@pytest.fixture(scope="module")
def lasting() -> Iterator[Server]:
    """A server with an append-only file, on which a new limiter is open at once."""
    with TemporaryDirectory(prefix="qt") as folder:
        server = Server(Path(folder), {"appendonly": "yes", "appendfsync": "no"})
        server.start()
        yield server
        server.kill()


@pytest.fixture
def kept(lasting: Server) -> Iterator[redis.Redis]:
    """A client of it, with nothing in it."""
    with lasting.client() as client:
        client.flushall()
        client.config_resetstat()
        yield client


def enter(client: redis.Redis, *limits: Limit) -> None:
    """Registers named limits, each as that of the queue of its name."""
    register(client, [limited_processor(str(limit.name), limit) for limit in limits])


def take(client: redis.Redis, name: str) -> bool:
    """Whether the limiter allows a start now."""
    try:
        with Limits(client).acquire(name, timeout=0):
            return True
    except LimitTimeout:
        return False


def calls(client: redis.Redis) -> int:
    return int(client.info("commandstats")["cmdstat_evalsha"]["calls"])


# Never more


def test_no_window_holds_more_than_max_and_two_limiters_are_independent(lasting: Server, kept: redis.Redis, home: Path) -> None:
    enter(kept, Limit(5, 0.5, "few"), Limit(25, 0.5, "many"))
    few = [limited.start(lasting, home, "acquire", "few", 4) for _ in range(3)]
    many = [limited.start(lasting, home, "acquire", "many", 4) for _ in range(3)]
    few_starts, many_starts = (limited.times(limited.outcome(some)) for some in (few, many))
    assert limited.busiest(few_starts, 0.5) <= 5
    assert limited.busiest(many_starts, 0.5) <= 25
    # Whatever else the machine is busy with; a benchmark has the exact share.
    assert limited.used(few_starts, 5, 0.5) > 0.7
    assert limited.used(many_starts, 25, 0.5) > 0.6


def test_no_window_holds_more_than_max_when_callers_come_now_and_then(lasting: Server, kept: redis.Redis, home: Path) -> None:
    enter(kept, Limit(10, 0.5, "steady"))
    starts = limited.times(limited.outcome([limited.start(lasting, home, "acquire", "steady", 4, 0.3) for _ in range(4)]))
    assert len(starts) > 20
    assert limited.busiest(starts, 0.5) <= 10


def test_jobs_that_start_late_after_their_claim_keep_the_limit(lasting: Server, kept: redis.Redis, home: Path) -> None:
    enter(kept, Limit(5, 0.5, "q"))
    limited.fill(kept, "q", 1_000)
    starts = limited.times(limited.outcome([limited.start(lasting, home, "claim", "q", 5, 0.15, 0) for _ in range(4)]))
    assert limited.busiest(starts, 0.5) <= 5
    assert len(starts) > 20


def test_wrong_clocks_of_clients_change_nothing(lasting: Server, kept: redis.Redis, home: Path) -> None:
    enter(kept, Limit(5, 0.5, "q"))
    wrong = [limited.start(lasting, home, "acquire", "q", 4, QTUI_TEST_CLOCK=offset) for offset in ("0", "0.7", "-0.7", "30")]
    starts = limited.times(limited.outcome(wrong))
    assert limited.busiest(starts, 0.5) <= 5
    assert len(starts) > 20


def test_jobs_are_claimed_in_order(kept: redis.Redis) -> None:
    enter(kept, Limit(3, 0.05, "q"))
    limited.fill(kept, "q", 20)
    order = []

    def claimed() -> bool:
        _, job, name, token, _ = limited.claim(kept, "q")
        if job:
            order.append(int(job))
            Limits(kept).started(name, token)
        return len(order) == 20

    wait_until(claimed, description="all jobs are claimed")
    assert order == list(range(20))


# What a start costs


def test_a_reported_start_frees_its_slot_a_window_after_it(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 0.2, "q"))
    limited.fill(kept, "q", 2)
    _, job, name, token, asked = limited.claim(kept, "q")
    assert job == "0"
    assert Limits(kept).state(name).next_free_in > START_WITHIN
    assert in_time(asked)
    Limits(kept).started(name, token)
    assert 0 < limited.claim(kept, "q")[0] < 0.21


def test_what_was_admitted_too_early_keeps_its_slot_when_it_is_admitted_anew(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 60, "q"))
    limited.fill(kept, "q", 2)
    token = limited.claim(kept, "q")[3]
    assert not in_time(monotonic() - START_WITHIN)
    Limits(kept).admit("q", token, timeout=0)
    assert not take(kept, "q")
    assert Limits(kept).state("q").next_free_in < 60.2


def test_an_admission_whose_reply_comes_late_is_requested_anew(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 1, "q"))
    kept.client_pause(100)
    with Limits(kept).acquire("q"):
        started = time_ns() // 1_000
    [(_, score)] = kept.zrange(keys.limit_log("q"), 0, -1, withscores=True)
    assert score >= started
    assert calls(kept) >= 3  # one of them registered the limit


# Waiting


def test_waiting_callers_are_served_one_slot_each_and_do_not_poll(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 1, "q"))
    assert take(kept, "q")
    served: list[int] = []

    def caller(number: int) -> None:
        with Limits(kept).acquire("q"):
            served.append(number)

    threads = []
    for number in range(3):
        threads.append(Thread(target=caller, args=(number,)))
        threads[-1].start()
        wait_until(lambda: Limits(kept).state("q").waiting == len(threads), description="the caller waits")
    before = calls(kept)
    for thread in threads:
        thread.join(20)
    assert sorted(served) == [0, 1, 2]
    assert calls(kept) - before < 20


def test_a_caller_whose_time_is_over_leaves_the_line(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 60, "q"))
    assert take(kept, "q")
    with pytest.raises(LimitTimeout, match=r"no slot of 'q' came free within 0\.05 s: the next is free in [56]"):
        Limits(kept).admit("q", "token", timeout=0.05)
    assert not kept.exists(keys.limit_waiting("q"))


def test_a_raised_limit_reaches_who_waits(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 600, "q"))
    assert take(kept, "q")
    done = Event()

    def caller() -> None:
        with Limits(kept).acquire("q"):
            done.set()

    thread = Thread(target=caller)
    thread.start()
    wait_until(lambda: Limits(kept).state("q").waiting == 1, description="the caller waits")
    change(kept, "q", max=2, per=600)
    assert done.wait(10)
    thread.join()
    assert not take(kept, "q")


# What is declared


def test_the_limit_of_a_processor_covers_the_priorities_of_its_queue(kept: redis.Redis) -> None:
    enter(kept, Limit(2, 60, "q"))
    for queue in ("q-high", "q", "q-low", "other"):
        limited.fill(kept, queue, 2)
    assert [limited.claim(kept, queue)[1] for queue in ("q-high", "q-low", "q", "other")] == ["0", "0", "", "0"]


def test_queues_that_name_one_resource_share_its_limiter(kept: redis.Redis) -> None:
    shared = Limit(1, 60, "overpass")
    register(kept, [limited_processor("left", shared), limited_processor("right", shared)])
    limited.fill(kept, "left", 1)
    limited.fill(kept, "right", 1)
    assert limited.claim(kept, "left")[2] == "overpass"
    assert limited.claim(kept, "right")[0] > 59
    assert not take(kept, "overpass")


def acquire(client: redis.Redis, limit: Limit) -> None:
    """As a processor does, with the numbers at hand."""
    with Limits(client).acquire(limit, timeout=0):
        pass


@pytest.mark.parametrize("told", [enter, acquire])
def test_a_changed_limit_stays_until_the_code_says_another(kept: redis.Redis, told: Callable[[redis.Redis, Limit], None]) -> None:
    def numbers() -> tuple[int, float]:
        return Limits(kept).state(name).max, Limits(kept).state(name).per

    name = f"changed-{told.__name__}"  # which this process has not seen on the server, so that it counts as new
    told(kept, Limit(5, 60, name))
    change(kept, name, max=7, per=30)
    told(kept, Limit(5, 60, name))
    assert numbers() == (7, 30.0)
    told(kept, Limit(6, 60, name))
    assert numbers() == (6, 60.0)


def test_a_limit_that_is_no_longer_declared_is_taken_off_its_queue(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 60, "q"))
    limited.fill(kept, "q", 2)
    register(kept, [limited_processor("q", None)])
    assert [limited.claim(kept, "q")[1:3] for _ in range(2)] == [("0", ""), ("1", "")]


def test_a_limit_that_a_person_spoiled_closes_its_queue_and_the_next_claim_of_a_worker_mends_it(kept: redis.Redis) -> None:
    enter(kept, Limit(1, 0.1, "q"))
    limited.fill(kept, "q", 1)
    kept.hset(keys.limit("q"), "max", "many")
    assert limited.claim(kept, "q")[0] == 1
    assert Limits(kept).states() == []
    declared = claim_limits([limited_processor("q", Limit(1, 0.1, "q"))])["q"]
    assert limited.claim(kept, "q", declared)[0] == pytest.approx(5.1)
    assert Limits(kept).state("q").max == 1


def test_what_is_unknown_is_reported() -> None:
    with redis.Redis() as nobody:  # opens no connection
        with pytest.raises(InvalidInput, match="needs a name"):
            Limits(nobody).admit(Limit(1, 1), "token")
        with pytest.raises(InvalidInput, match="no job is running here"):
            Limits().state("q")


def test_an_unknown_limiter_is_reported(kept: redis.Redis) -> None:
    for ask in (lambda: take(kept, "nosuch"), lambda: Limits(kept).state("nosuch"), lambda: change(kept, "nosuch", 1, 1)):
        with pytest.raises(NotFound, match="there is no limiter 'nosuch': declare it"):
            ask()


def test_a_job_asks_the_limiters_of_its_own_redis(lasting: Server, kept: redis.Redis, home: Path) -> None:
    queue = Queue("default", connection=kept, serializer=JSONSerializer)
    first, second = (queue.enqueue("tests.workers.limited.polite", "resource") for _ in range(2))
    support.run_burst(lasting, home, "--allow", "tests.workers.limited", "default")
    assert support.field(kept, first.id, "status") == b"finished"
    assert support.field(kept, second.id, "status") == b"failed"
    assert (Limits(kept).state("resource").used, Limits(kept).state("resource").max) == (1, 1)


# What is seen


def test_the_state_says_what_is_used_and_when_the_next_may_start(kept: redis.Redis) -> None:
    enter(kept, Limit(2, 60, "q"))
    limited.fill(kept, "q-low", 3)
    assert take(kept, "q")
    state = Limits(kept).state("q")
    assert (state.name, state.max, state.per, state.used, state.next_free_in, state.waiting) == ("q", 2, 60.0, 1, 0.0, 3)
    assert take(kept, "q")
    state = Limits(kept).state("q")
    assert state.used == 2
    assert 59 < state.next_free_in <= 60.2
    assert abs(state.next_free_at.timestamp() - kept.time()[0] - state.next_free_in) < 2
    assert [one.name for one in Limits(kept).states()] == ["q"]
