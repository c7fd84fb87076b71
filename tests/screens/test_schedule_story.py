"""The screens Schedule and Limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from rq import Queue
from rq.cron import CronScheduler

from qtui.broker import holds
from qtui.broker.one_job import job
from qtui_workers.define.limit import Limit
from qtui_workers.enqueue import pause
from qtui_workers.enqueue.cron import Cron
from qtui_workers.enqueue.holds import parse
from qtui_workers.rate.limiter import Limits
from qtui_workers.server import keys
from tests.broker.tasks import add
from tests.broker.test_schedule import report
from tests.screens.nightly import nightly
from tests.screens.support import dashboard
from tests.workers.test_cron import HOUR, NOON, scheduled


async def test_the_schedule_shows_what_is_late_and_opens_and_cancels_jobs(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(cron="0 * * * *")])
    cron.tick(NOON - 2)
    cron.tick(NOON)
    cron.close()
    late = Queue("mail", connection=client).enqueue_in(timedelta(minutes=-5), add, 1, 2).id
    async with dashboard(client, size=(140, 30)) as story:
        await story.press("6")
        assert "1 cron · 1 scheduled, late in mail: no scheduler is alive" in story.words
        first, second = story.table.rows
        assert (first.name, second.id) == ("tidy", late)
        assert "↻" in story.text
        assert "every hour" in story.words
        assert "nobody enqueues it: start a qtui-worker that knows it, or rq cron" in story.words
        await story.press("enter")
        assert story.app.screen.job_id == "cron-tidy-20260501T120000"
        await story.press("escape", "j")
        assert story.can("C")
        await story.press("C", "y")
        assert story.app.said == ["1 canceled"]
        assert client.zcard(keys.registry("scheduled", "mail")) == 0
        await story.press("6")
        assert [row.name for row in story.table.rows] == ["tidy"]
        await story.press("C")
        assert "Forget tidy on test? Nobody enqueues it. Its jobs stay" in story.question()
        await story.press("y")
        assert story.app.said[-1] == "tidy is forgotten"
        assert story.table.rows == []
        assert client.llen(keys.queue("q")) == 1
        assert not client.keys("*cron*tidy")


async def test_cancel_on_a_cron_job_cancels_its_job_that_waits_and_says_what_goes_on(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(cron="0 * * * *")])
    cron.tick(NOON - 2)
    async with dashboard(client, size=(140, 30)) as story:
        await story.press("6", "C")
        assert story.place == "ScheduleScreen"
        assert story.app.said[-1].startswith(f"tidy goes on: its schedule is in the code of {cron.name}. Take it out there")
        cron.tick(NOON)
        await story.press("r", "C")
        assert story.question().startswith("Cancel 1 job on test?")
        await story.press("y")
        assert client.llen(keys.queue("q")) == 0
        assert any(said == "1 canceled" for said in story.app.said)
    cron.tick(NOON + HOUR)
    assert client.llen(keys.queue("q")) == 1, "the schedule goes on"


async def test_a_cron_job_without_a_job_to_copy_runs_as_its_processor_is_declared_here(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QTUI_PROCESSORS", "tests.screens.nightly")
    Cron(client, [nightly]).tick(NOON)
    foreign = CronScheduler(connection=client)
    foreign.register(add, "mail", cron="30 2 * * 1", args=(1, 2), name="foreign")
    report(client, foreign)
    async with dashboard(client, size=(140, 30)) as story:
        await story.press("6")
        place = [row.name for row in story.table.rows].index("nightly")
        await story.press(*["j"] * place, "E")
        assert "Run nightly now on test? There is no job of it to copy: one as nightly is declared here" in story.question()
        await story.press("y")
        assert story.app.said[-1].startswith("nightly is queued in reports, as job ")
        (job_id,) = client.lrange(keys.queue("reports"), 0, -1)
        assert job.load(client, job_id.decode()).row.function == "tests.screens.nightly.nightly"
        await story.press(*["j" if place == 0 else "k"], "E")
        assert "foreign cannot be run from here: it has not run yet, so that there is nothing to copy" in story.question()
        await story.press("y")
        assert client.llen(keys.queue("mail")) == 0


async def test_a_cron_job_is_run_now_and_says_how_its_last_jobs_went(client: redis.Redis) -> None:
    cron = Cron(client, [scheduled(cron="0 * * * *")])
    cron.tick(NOON - 2)
    cron.tick(NOON)
    async with dashboard(client, size=(140, 30)) as story:
        await story.press("6")
        assert "its last: · queued" in story.words
        await story.press("E")
        assert "Run tidy now on test? A copy of its last job, cron-tidy-20260501T120000, is queued" in story.question()
        await story.press("y")
        assert story.app.said[-1].startswith("tidy is queued in q, as job ")
        assert client.llen("rq:queue:q") == 2


async def test_limits_shows_what_is_used_and_opens_what_is_closed(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(add, 1, 2)
    pause.pause(client, ["mail"])
    with Limits(client).acquire(Limit(1, 600, "screen.example")):
        Limits(client).close(Limit(1, 2.5, "screen.closed"), 3_600, "it \x1b[31masked")
    async with dashboard(client, size=(140, 30)) as story:
        await story.press("7")
        assert sorted(row.name for row in story.table.rows[:2]) == ["mail", "screen.closed"]
        assert story.table.rows[2].name == "screen.example"
        assert "1 of 1" in story.words
        assert "it ␛[31masked" in story.words
        for _ in range(2):  # each time what was opened is no longer first
            await story.press("O", "y", "g")
        assert sorted(story.app.said) == ["mail is open again", "screen.closed is open again"]
        assert pause.paused(client) == set()
        assert not story.can("O")
        assert [row.name for row in story.table.rows] == ["screen.example", "screen.closed"]


async def test_what_is_held_is_released(client: redis.Redis) -> None:
    holds.place(client, parse(["tests.broker.tasks.add"]), "gateway")
    (job_id,) = [Queue("mail", connection=client).enqueue(add, 1, 2).id]
    holds.sweep(client, parse(["tests.broker.tasks.add"]))
    async with dashboard(client, size=(140, 30)) as story:
        await story.press("7")
        assert "held by " in story.words
        await story.press("O")
        assert story.question().startswith("Release tests.broker.tasks.add on test?")
        await story.press("y")
        assert client.lrange(keys.queue("mail"), 0, -1) == [job_id.encode()]
        assert story.table.rows == []


async def test_nothing_is_opened_where_it_is_read_only(client: redis.Redis) -> None:
    pause.pause(client, ["mail"])
    async with dashboard(client, read_only=True) as story:
        await story.press("7", "O")
        assert story.app.said == ["test is read-only."]
        assert pause.paused(client) == {"mail"}
