"""The screens Schedule and Limits."""

from __future__ import annotations

from datetime import timedelta

import redis
from rq import Queue

from qtui.broker import holds
from qtui_workers.define.limit import Limit
from qtui_workers.enqueue import pause
from qtui_workers.enqueue.cron import Cron
from qtui_workers.enqueue.holds import parse
from qtui_workers.rate.limiter import Limits
from qtui_workers.server import keys
from tests.broker.tasks import add
from tests.screens.support import dashboard
from tests.workers.test_cron import NOON, scheduled


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
        assert not story.can("C")
        await story.press("enter")
        assert story.app.screen.job_id == "cron-tidy-20260501T120000"
        await story.press("escape", "j")
        assert story.can("C")
        await story.press("C", "y")
        assert story.app.said == ["1 canceled"]
        assert client.zcard(keys.registry("scheduled", "mail")) == 0
        await story.press("6")
        assert [row.name for row in story.table.rows] == ["tidy"]


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
