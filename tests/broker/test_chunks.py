"""How long an operation holds the server, as the server's slow log has it."""

from __future__ import annotations

from itertools import pairwise

import redis

from qtui.broker.operations import OPERATIONS, Chosen, run
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


def test_no_chunk_has_more_jobs_than_the_server_does_in_ten_milliseconds(client: redis.Redis) -> None:
    ids = _long_queue(client)
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
