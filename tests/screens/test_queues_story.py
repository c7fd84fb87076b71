"""The queues: what an operator sees first."""

from __future__ import annotations

import redis
from rq import Queue

from qtui.broker.status import Status
from tests.broker import seed, tasks
from tests.screens.support import dashboard


async def test_every_queue_is_listed_with_its_counts_and_the_most_troubled_first(client: redis.Redis) -> None:
    seed.finished(client, "calm", 4)
    seed.failed(client, "broken", 3)
    for _ in range(7):
        Queue("unattended", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        rows = story.table.rows
        assert [row.name for row in rows] == ["unattended", "broken", "calm"]
        assert [(row.count(Status.QUEUED), row.count(Status.FAILED), row.count(Status.FINISHED)) for row in rows] == [
            (7, 0, 0),
            (0, 3, 0),
            (0, 0, 4),
        ]
        (line,) = [line for line in story.text.splitlines() if " broken " in line]
        assert line.split()[:2] == ["broken", "0"]
        assert "3" in line.split()


async def test_the_verdict_is_that_of_the_queue_under_the_cursor(client: redis.Redis) -> None:
    seed.failed(client, "broken", 3)
    Queue("unattended", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        assert "unattended: nobody listens and 1 job waits" in story.words
        await story.press("j")
        assert "broken: nothing waits, nothing runs; no worker listens. 3 failed." in story.words


async def test_s_takes_the_next_order(client: redis.Redis) -> None:
    seed.failed(client, "zebra", 1)
    seed.finished(client, "ant", 1)
    async with dashboard(client) as story:
        assert [row.name for row in story.table.rows] == ["zebra", "ant"]
        await story.press("s")
        assert [row.name for row in story.table.rows] == ["ant", "zebra"]
        assert "Sorted by name." in story.app.said


async def test_enter_opens_the_jobs_of_a_queue_on_the_tab_that_matters(client: redis.Redis) -> None:
    ids = seed.failed(client, "broken", 2)
    async with dashboard(client) as story:
        await story.press("enter")
        assert story.place == "JobsScreen"
        assert story.app.screen.status is Status.FAILED
        assert sorted(story.ids) == sorted(ids)


async def test_an_empty_server_says_what_to_do(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        assert "No queues yet." in story.text
        assert "qtui enqueue test_job" in story.text


async def test_a_queue_that_appears_is_listed_at_the_next_look_and_the_cursor_stays_on_its_queue(client: redis.Redis) -> None:
    seed.finished(client, "calm", 1)
    async with dashboard(client) as story:
        seed.failed(client, "broken", 1)
        await story.look()
        assert [row.name for row in story.table.rows] == ["broken", "calm"]
        assert story.table.cursor_row.name == "calm"
