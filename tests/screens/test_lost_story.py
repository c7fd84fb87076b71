"""Jobs that have lost their worker: seen in every list, and put back by a key."""

from __future__ import annotations

import pytest
import redis

from qtui.broker.status import Status
from qtui.presentation import formatting
from qtui.screens.jobs import JobsScreen
from qtui_workers.server import keys
from tests.broker.test_requeue import expire, lost
from tests.screens.support import dashboard, settle


@pytest.mark.parametrize("screen", ["jobs", "live", "job"])
async def test_a_job_that_has_lost_its_worker_is_marked_and_b_puts_it_back(client: redis.Redis, screen: str) -> None:
    job_id = lost(client)
    client.delete(keys.executions(job_id))
    async with dashboard(client, size=(120, 30)) as story:
        assert "1 job lost the worker while running" in story.words
        if screen == "jobs":
            await story.app.push_screen(JobsScreen("mail", Status.STARTED))
            await settle(story.pilot)
        else:
            await story.press("4", *(["enter"] if screen == "job" else []))
        assert ("silent for" if screen == "live" else "no sign of life for") in story.words
        await story.press("B")
        assert story.question() == "Put back 1 job on test?"
        await story.press("y")
        assert story.app.said == ["1 put back"]
        assert client.lindex(keys.queue("mail"), 0) == job_id.encode()


async def test_where_its_worker_may_still_be_alive_a_letter_is_not_enough(client: redis.Redis) -> None:
    job_id = lost(client)
    client.hset(keys.worker("w1"), "state", "busy")
    expire(client)
    async with dashboard(client, size=(120, 30)) as story:
        await story.press("4", "B")
        assert story.question() == "Put back 1 job on test? It may run twice: its worker may still be alive."
        assert not story.can("y")
        await story.press("y")
        assert client.hget(keys.job(job_id), "status") == b"started"
        await story.press("B", "tab", "enter")
        assert client.hget(keys.job(job_id), "status") == b"queued"


async def test_f_records_it_as_failed(client: redis.Redis) -> None:
    job_id = lost(client)
    async with dashboard(client, size=(120, 30)) as story:
        await story.press("4", "F")
        assert story.question() == "Fail 1 job on test?"
        await story.press("y")
        assert story.app.said == ["1 failed"]
        assert client.hget(keys.job(job_id), "status") == b"failed"


async def test_a_worker_says_for_how_long_it_is_busy_and_the_job_of_a_silent_one_is_put_back(client: redis.Redis) -> None:
    job_id = lost(client)
    client.hset(keys.job(job_id), "started_at", "2020-01-01T00:00:00.000000Z")
    client.sadd(keys.WORKERS, keys.worker("w1"))
    client.sadd(keys.worker_executions("w1"), f"{job_id}:e")
    async with dashboard(client, size=(120, 30)) as story:
        await story.press("5")
        line, about = [line for line in story.text.splitlines() if job_id[:8] in line]
        assert about.startswith(" w1 gives no sign of life; it had ")
        assert "B puts its job back, Enter opens it" in story.text
        assert formatting.age(story.app.session.server_now - 1_577_836_800)[:7] in line
        await story.press("B")
        assert story.question().startswith("Put back 1 job on test?")
        await story.press("tab", "enter")
        assert client.hget(keys.job(job_id), "status") == b"queued"
