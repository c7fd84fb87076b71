"""The running jobs, and those that ended a moment ago."""

from __future__ import annotations

import pytest
import redis

from qtui.broker import running
from qtui.broker.running import KEPT, Run
from qtui.broker.status import Status
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time
from tests.broker import seed

AT = 1_700_000_000.0


@pytest.mark.parametrize(("age", "listed_for"), [(0.0, KEPT), (20.0, KEPT - 20.0), (KEPT, 0.0), (3_600.0, 0.0)])
def test_a_job_that_ended_while_nobody_looked_is_listed_until_some_seconds_after_its_end(
    client: redis.Redis, age: float, listed_for: float
) -> None:
    job_id = seed.everything(client).first(Status.STARTED)
    before = [run for run in running.look(client, (), 0.0, at=AT).runs if run.id == job_id]
    client.hset(keys.job(job_id), mapping={"status": "finished", "ended_at": format_time(AT - age)})
    for key in client.scan_iter(keys.registry("wip", "*")):
        client.delete(key)

    def listed(runs: list[Run], now: float) -> list[Run]:
        return [run for run in running.look(client, runs, now, at=AT + now - 100.0).runs if run.id == job_id]

    runs = listed(before, 100.0)
    assert bool(runs) is (listed_for > 0)
    if runs:
        assert listed(runs, 100.0 + listed_for - 1.0)
        assert not listed(runs, 100.0 + listed_for + 1.0)
