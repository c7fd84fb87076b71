"""A strict limit as real workers keep it: counted by when the jobs' own code began."""

from __future__ import annotations

from pathlib import Path

import redis

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.rate.limiter import Limits
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.support import working

JOBS, MOST, PER = 14, 3, 0.5

MODULE = f"""
import time
from pydantic import BaseModel
from qtui_workers.define.limit import Limit
from qtui_workers import Payload, processor

class Nothing(Payload): pass
class Began(BaseModel): at: float

@processor(queue="polite", limit=Limit(max={MOST}, per={PER}))
def begin(payload: Nothing) -> Began:
    return Began(at=time.time())
"""


def test_two_workers_never_begin_more_jobs_in_a_window_than_the_limit_allows_and_use_no_attempt(
    server: Server, client: redis.Redis, home: Path, monkeypatch
) -> None:
    (home / "polite.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.setenv("QTUI_PROCESSORS", "polite")
    service = QueueService(client)
    ids = service.enqueue_many("begin", [{}] * JOBS)
    variables = {"QTUI_PROCESSORS": "polite", "PYTHONPATH": f"{home}:{Path(__file__).parents[2]}"}
    with working(server, home, **variables), working(server, home, log_name="second.log", **variables):
        wait_until(lambda: client.zcard(keys.registry("finished", "polite")) == JOBS, description="all were worked on")
        assert Limits(client).state("polite").max == MOST
    began = sorted(service.status(job_id).result["at"] for job_id in ids)
    fullest = max(sum(first <= at < first + PER for at in began) for first in began)
    assert fullest == MOST
    assert {client.hget(keys.job(job_id), keys.FIELD_ATTEMPT) for job_id in ids} == {b"1"}


def test_a_free_slot_wakes_few_of_the_workers_that_wait_for_it(
    server: Server, client: redis.Redis, home: Path, monkeypatch
) -> None:
    """Six workers and one start in a second: each is told when to come back, and asks nothing in between."""
    (home / "polite.py").write_text(MODULE.replace(f"max={MOST}, per={PER}", "max=1, per=1"))
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.setenv("QTUI_PROCESSORS", "polite")
    variables = {"QTUI_PROCESSORS": "polite", "PYTHONPATH": f"{home}:{Path(__file__).parents[2]}"}

    def ended() -> int:
        return int(client.zcard(keys.registry("finished", "polite")))

    def steps() -> int:
        return int(client.info("commandstats")["cmdstat_evalsha"]["calls"])

    with working(server, home, "polite", "--concurrency", "6", **variables):
        wait_until(lambda: client.scard("rq:workers") == 6, description="all are there")
        QueueService(client).enqueue_many("begin", [{}] * 30)
        wait_until(lambda: ended() >= 2 and client.zcard(keys.limit_workers("polite")) >= 4, description="they stand in line")
        before, first = steps(), ended()
        wait_until(lambda: ended() >= first + 4, description="four more have ended")
        asked = steps() - before
    assert asked <= 4 * 12, asked  # about 41, signs of life included; 59 where each slot wakes all
