"""The running jobs, and those that ended a moment ago."""

from __future__ import annotations

import pytest
import redis

from qtui.broker.lists import running
from qtui.broker.lists.running import KEPT, NOBODY, Running
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
    before = running.look(client, NOBODY, 99.0, at=AT - 1.0)
    client.hset(keys.job(job_id), mapping={"status": "finished", "ended_at": format_time(AT - age)})
    for key in client.scan_iter(keys.registry("wip", "*")):
        client.delete(key)

    def listed(before: Running, now: float) -> Running | None:
        found = running.look(client, before, now, at=AT + now - 100.0)
        return found if any(run.id == job_id for run in found.runs) else None

    found = listed(before, 100.0)
    assert bool(found) is (listed_for > 0)
    if found:
        assert listed(found, 100.0 + listed_for - 1.0)
        assert not listed(found, 100.0 + listed_for + 1.0)


@pytest.mark.parametrize(("away", "is_listed"), [(1.0, True), (KEPT + 1.0, False)])
@pytest.mark.parametrize("becomes", ["scheduled", "gone", "queued again"])
def test_a_job_of_which_it_is_not_known_when_it_ended_is_listed_where_that_was_a_moment_ago(
    client: redis.Redis, becomes: str, away: float, is_listed: bool
) -> None:
    job_id = seed.everything(client).first(Status.STARTED)
    before = running.look(client, NOBODY, 100.0 - away, at=AT - away)
    assert any(run.id == job_id for run in before.runs)
    for key in client.scan_iter(keys.registry("wip", "*")):
        client.delete(key)
    if becomes == "gone":
        client.delete(keys.job(job_id))
    else:
        ended = format_time(AT - away + 0.5) if becomes == "scheduled" else ""
        fields = {"status": becomes.split()[0], "started_at": format_time(AT - 900.0), "ended_at": ended}
        client.hset(keys.job(job_id), mapping={**fields})
    found = running.look(client, before, 100.0, at=AT)
    assert any(run.id == job_id for run in found.runs) is is_listed
