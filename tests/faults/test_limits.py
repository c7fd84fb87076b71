"""No window holds more starts than its limit, whatever a job needs before it starts, and whatever Redis lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import redis
from rq import Callback, Queue

from tests.faults import jobs
from tests.faults.jobs import MODULE
from tests.faults.support import ends
from tests.support import Server, wait_until
from tests.workers.support import working

ALLOW = ("--allow-pickle", "--allow", MODULE, "--allow", "tests.faults.slow")


def narrow_queue(client: redis.Redis, home: Path) -> tuple[Queue, dict[str, str]]:
    """A queue of which one job may start in two seconds, and what a worker's environment needs for that."""
    (home / "limited_here.py").write_text(
        "from qtui_workers import Payload, processor\n"
        "from qtui_workers.rate.limiter import Limit\n"
        "@processor(queue='narrow', limit=Limit(max=1, per=2))\n"
        "def narrow(payload: Payload) -> Payload:\n"
        "    return payload\n"
    )
    extra = {"QTUI_PROCESSORS": "limited_here", "PYTHONPATH": f"{home}:{Path(__file__).parents[2]}"}
    return Queue("narrow", connection=client), extra


@pytest.mark.long
def test_a_special_job_that_is_ready_late_does_not_start_beside_another(server: Server, client: redis.Redis, home: Path) -> None:
    """Its module takes six seconds to import; by then its slot has been given again."""
    queue, extra = narrow_queue(client, home)
    with (
        working(server, home, "narrow", *ALLOW, log_name="a.log", **extra),
        working(server, home, "narrow", *ALLOW, log_name="b.log", **extra),
    ):
        queue.enqueue("tests.faults.slow.late", "starts", on_success=Callback(jobs.done))
        last = [queue.enqueue(jobs.start, "starts") for _ in range(2)][-1]
        ends(client, last, "finished", timeout=40)
        wait_until(lambda: client.llen("starts") == 3, description="all have started", timeout=40)
    starts = sorted(float(at) for at in client.lrange("starts", 0, -1))
    assert [later - sooner >= 2 for sooner, later in pairwise(starts)] == [True, True], starts


@pytest.mark.long
def test_a_limited_job_that_is_ready_late_every_time_starts_in_the_end(server: Server, client: redis.Redis, home: Path) -> None:
    """Its module takes six seconds to import, in a new process each time."""
    queue, extra = narrow_queue(client, home)
    job = queue.enqueue("tests.faults.slow.late", "starts")
    with working(server, home, "narrow", *ALLOW, "--max-jobs", "1", "--shutdown-timeout", "0", **extra):
        ends(client, job, "finished", timeout=45)
