"""Cron jobs as workers enqueue them: with no program beside them, and once however many workers there are."""

from __future__ import annotations

from pathlib import Path

import redis
from rq.cron import CronScheduler

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers.support import working

MODULE = '''
from pydantic import BaseModel
from qtui_workers import Payload, processor

class Nothing(Payload): pass
class Done(BaseModel): ok: bool = True

@processor(queue="ticks", every=1)
def tick(payload: Nothing) -> Done:
    """Ticks."""
    return Done()
'''


def finished(client: redis.Redis) -> list[str]:
    return [job_id.decode() for job_id in client.zrange(keys.registry("finished", "ticks"), 0, -1)]


def declared(home: Path) -> dict[str, str]:
    """The variables of a worker that knows a processor with a schedule."""
    (home / "ticking.py").write_text(MODULE)
    return {"QTUI_PROCESSORS": "ticking", "PYTHONPATH": f"{home}:{Path(__file__).parents[2]}"}


def test_two_workers_enqueue_each_tick_once_and_rq_sees_the_cron_job(server: Server, client: redis.Redis, home: Path) -> None:
    variables = declared(home)
    with working(server, home, **variables), working(server, home, log_name="second.log", **variables):
        wait_until(lambda: len(finished(client)) >= 3, description="three ticks were worked on")
        assert any("ticking.tick" in str(scheduler.to_dict()) for scheduler in CronScheduler.all(client))
    ticks = finished(client)
    assert all(job_id.startswith("cron-tick-") for job_id in ticks)
    assert {client.hget(keys.job(job_id), keys.FIELD_ATTEMPT) for job_id in ticks} == {b"1"}


def test_a_worker_with_no_cron_leaves_cron_jobs_to_others(server: Server, client: redis.Redis, home: Path) -> None:
    variables = declared(home)
    with working(server, home, "--no-cron", **variables):
        job_id = QueueService(client).add_test_job({"message": "the loop has run"})
        wait_until(lambda: client.hget(keys.job(job_id), "status") == b"finished", description="a job was worked on")
        assert not CronScheduler.all(client)
        assert not finished(client)
