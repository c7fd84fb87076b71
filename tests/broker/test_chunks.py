"""How long an operation holds the server, as the server's slow log has it."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
import redis

from qtui.broker.bulk.chunks import FIRST, PROBES, TIGHT, Pace
from qtui.broker.holds import HOLD
from qtui.broker.operations import OPERATIONS, Chosen, Matching, Operation, run
from qtui.broker.search.expression import parse
from qtui.broker.status import Status
from qtui_workers.enqueue import holds
from qtui_workers.reading.hold import Hold
from qtui_workers.server import keys

WAITING = 300_000
"""Entries of a queue: to take one from its middle takes the server about a millisecond."""
CHOSEN = 60
HELD = 10_000
"""µs that a chunk may hold the server for."""


def _long_queue(client: redis.Redis) -> tuple[str, ...]:
    """A long queue, and the ids of jobs that are in the middle of it."""
    fill = "for n = 1, ARGV[2] do redis.call('RPUSH', KEYS[1], ARGV[1] .. n) end"
    client.sadd(keys.QUEUES, keys.queue("long"))
    ids = tuple(f"chosen{n}" for n in range(CHOSEN))
    for beginning in ("before", "after"):
        for block in range(10):
            client.eval(fill, 1, keys.queue("long"), f"{beginning}{block}-", WAITING // 20)
        if beginning == "before":
            client.rpush(keys.queue("long"), *ids)
    for job_id in ids:
        client.hset(keys.job(job_id), mapping={"status": "queued", "origin": "long", "data": "x"})
    return ids


def _durations(client: redis.Redis) -> list[int]:
    """How long each script took, in µs."""
    return [entry["duration"] for entry in client.slowlog_get(10_000) if entry["command"].startswith(b"EVALSHA ")]


def _shortened(client: redis.Redis, jobs: tuple[str, ...]) -> None:
    """Leave of the queue so much around these jobs that to take one takes a millisecond, also on a busy machine."""
    queue = keys.queue("long")
    client.config_set("slowlog-log-slower-than", 0)
    client.slowlog_reset()
    for _ in range(10):
        client.lpos(queue, jobs[-1])
    took = min(entry["duration"] for entry in client.slowlog_get() if entry["command"].startswith(b"LPOS "))
    middle, left = WAITING // 2, int(WAITING / 2 * min(1, 1000 / took))
    client.ltrim(queue, middle - left, middle + len(jobs) + left)


def test_no_chunk_has_more_jobs_than_the_server_does_in_ten_milliseconds(client: redis.Redis) -> None:
    ids = _long_queue(client)
    _shortened(client, ids)
    done = [0]
    client.config_set("slowlog-max-len", 10_000)
    client.config_set("slowlog-log-slower-than", 0)
    try:
        client.slowlog_reset()
        run(client, OPERATIONS["cancel"], Chosen(ids), on_progress=lambda number, _: done.append(number))
        took = _durations(client)
    finally:
        client.config_set("slowlog-log-slower-than", 10_000)
    sizes = [after - before for before, after in pairwise(done)]
    assert sum(sizes) == CHOSEN
    # newest first; a busy machine may hold up some, so what a job takes is what the fastest took
    each = min(duration / size for duration, size in zip(took, reversed(sizes), strict=False))
    assert max(sizes) * each <= HELD, (each, sizes)


@pytest.mark.long
@pytest.mark.parametrize(
    "operation", [HOLD, OPERATIONS["run-now"], OPERATIONS["cancel"], OPERATIONS["remove"]], ids=lambda each: each.name
)
def test_jobs_deep_in_a_queue_leave_it_together(client: redis.Redis, operation: Operation) -> None:
    """To delete an entry from the middle of a list, all before it are compared: each chunk does that once."""
    ids = _long_queue(client)
    holds.place(client, Hold("work"))
    chosen = Matching("long", Status.QUEUED, parse("id:chosen*"))
    before = client.lrange(keys.queue("long"), 0, -1)
    client.config_resetstat()
    done = [0]
    parameter = "work" if operation is HOLD else None
    report = run(client, operation, chosen, parameter, on_progress=lambda number, _: done.append(number))
    stats = client.info("commandstats")
    assert report.done == CHOSEN, report
    # how many jobs a chunk has is a matter of the machine's speed, which is tested below
    assert stats["cmdstat_lrem"]["calls"] <= len(set(done) - {0}) < CHOSEN, done
    assert stats["cmdstat_lpos"]["calls"] == PROBES, "no job is searched for"
    head = [job_id.encode() for job_id in ids] if operation.to_head else []
    assert client.lrange(keys.queue("long"), 0, -1) == head + [job_id for job_id in before if not job_id.startswith(b"chosen")]


@pytest.mark.parametrize(("after", "searches"), [(10, 1), (WAITING // 2, 3), (WAITING - 10, 2)], ids=["tail", "middle", "head"])
def test_a_job_near_either_end_of_a_queue_is_found_without_passing_the_rest(
    client: redis.Redis, after: int, searches: int
) -> None:
    _long_queue(client)
    queue, job_id = keys.queue("long"), "alone"
    client.linsert(queue, "AFTER", str(client.lindex(queue, -after), "utf-8"), job_id)
    client.hset(keys.job(job_id), mapping={"status": "queued", "origin": "long", "data": "x"})
    client.config_resetstat()
    assert run(client, OPERATIONS["cancel"], Chosen((job_id,))).done == 1
    assert client.info("commandstats")["cmdstat_lpos"]["calls"] == searches
    assert client.lpos(queue, job_id) is None


PASSING = 1e-8
"""Seconds in which the server passes an entry of a list."""


def _worked_off(jobs: int, fixed: float, each: float, held_up: Callable[[], float] = lambda: 0.0) -> list[int]:
    """The sizes of the chunks of so many jobs, on a server that takes so many seconds for a chunk, and besides for each job."""
    sizes, pace = list[int](), Pace(PASSING)
    while jobs > 0:
        size = min(jobs, pace.size)
        seconds = fixed + size * each + held_up()
        pace.heard(size, seconds, seconds, int(fixed / PASSING))
        sizes.append(size)
        jobs -= size
    return sizes


@pytest.mark.parametrize("fixed", [0.0, 0.001, 0.004])
def test_what_a_chunk_takes_besides_its_jobs_does_not_make_it_small(fixed: float) -> None:
    sizes = _worked_off(20_000, fixed, 0.000_010)
    assert sizes[0] == FIRST
    assert max(sizes) * 0.000_010 + fixed < HELD / 1e6
    assert len(sizes) < 300, len(sizes)
    assert len(_worked_off(500, fixed, 0.001)) > 100, "jobs that take much longer go in smaller chunks"


@pytest.mark.parametrize("fixed", [0.0, 0.003])
@pytest.mark.parametrize("number", range(5))
def test_a_busy_machine_makes_chunks_neither_large_nor_tiny(fixed: float, number: int) -> None:
    """It holds up some, large and small ones alike: that is not what their jobs take, nor what they take besides."""
    chance = random.Random(number)

    def held_up() -> float:
        return chance.expovariate(1 / 0.003) if chance.random() < 0.15 else chance.random() * TIGHT / 2

    sizes = _worked_off(20_000, fixed, 0.000_015, held_up)
    assert max(sizes) * 0.000_015 < 1.5 * TIGHT
    assert len(sizes) < 600, len(sizes)
