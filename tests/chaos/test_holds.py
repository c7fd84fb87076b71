"""Workers, some of which are killed, and an operator who holds and releases: every job runs, and none runs twice by that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import redis
from rq import Retry

from qtui.broker import holds
from qtui_workers.enqueue.holds import parse
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.support import working
from tests.workers.test_holds import ALLOWED, KNOWN, charges, held, hold, ran, refunds

JOBS = 120
ARGUMENTS = ("payments", *ALLOWED)


def finished(client: redis.Redis) -> int:
    return int(client.zcard(keys.registry("finished", "payments")))


def test_no_job_is_lost_or_doubled_while_workers_and_operators_race(server: Server, client: redis.Redis, home: Path) -> None:
    ids = charges(client, *range(JOBS))
    wanted = parse(["charge"])
    with working(server, home, *ARGUMENTS, **KNOWN), working(server, home, *ARGUMENTS, log_name="other.log", **KNOWN):
        while finished(client) < JOBS:
            holds.place(client, wanted)
            holds.sweep(client, wanted)
            done = len(ran(client))
            holds.release(client, wanted.text)
            wait_until(lambda done=done: len(ran(client)) >= min(JOBS, done + JOBS // 8), description="some ran")
    assert Counter(ran(client)) == Counter(ids)
    assert client.exists(keys.queue("payments"), keys.registry("deferred", "payments"), keys.registry("wip", "payments")) == 0


@pytest.mark.long
def test_a_worker_that_is_killed_while_it_puts_jobs_into_hold_loses_none(server: Server, client: redis.Redis, home: Path) -> None:
    ids = charges(client, *range(JOBS), retry=Retry(max=5))
    hold(client, "charge")
    for killed in range(1, 3):
        with working(server, home, *ARGUMENTS, "--lease", "3", log_name=f"{killed}.log", **KNOWN) as worker:
            wait_until(lambda killed=killed: len(held(client)) > killed * 20, description="some are in hold")
            worker.kill()
            worker.wait()
    (last,) = refunds(client, 1)
    with working(server, home, *ARGUMENTS, "--lease", "3", **KNOWN):
        wait_until(lambda: last in ran(client), description="the worker is through")
        wait_until(
            lambda: len(held(client)) == JOBS, timeout=30, description="all are in hold, also those whose worker was killed"
        )
        assert ran(client) == [last]
        holds.release(client, "charge")
        wait_until(lambda: finished(client) == JOBS + 1, timeout=30, description="all have finished")
    assert Counter(ran(client)) == Counter([*ids, last])
