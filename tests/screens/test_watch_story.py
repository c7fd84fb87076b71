"""After an operation, w watches exactly its jobs until they have ended."""

from __future__ import annotations

import redis
from rq import Queue

from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import dashboard, settle


async def test_the_jobs_of_a_retry_are_watched_until_they_have_ended(client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    others = seed.failed(client, "media")
    async with dashboard(client) as story:
        assert not story.can("w")
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await story.press("space", "space", "space", "R", "y")
        assert story.app.said == ["3 retried"]
        assert [each.title for each in story.app._notifications] == ["w watches these 3"]
        await story.press("w")
        assert story.place == "WatchScreen"
        assert not story.can("w")
        assert sorted(story.ids) == sorted(ids)
        assert "3 jobs retried 1–3" in story.words
        assert "0 % · queued 3" in story.words
        first, second, third = story.ids
        Queue("mail", connection=client).remove(second)
        seed.work(client, "mail")
        client.hset(keys.job(first), "status", "finished")
        client.delete(keys.job(second))
        await story.look()
        assert "100 % ✗ failed 1 ✓ finished 1 gone 1" in story.words
        await story.press("n")
        assert story.table.cursor_row.id == third
        assert "ValueError: message" in story.text
        assert story.can("R")
        await story.press("n")
        assert story.app.said[-1] == "No failed job below."
        await story.press("k", "k")
        assert not story.can("R")
        await story.press("j", "j", "R", "y")
        assert story.app.said[-1] == "1 retried"
        await story.look()
        assert "67 % · queued 1 ✓ finished 1 gone 1" in story.words.replace("66 %", "67 %")
        await story.press("escape")
        assert story.place == "JobsScreen"
        assert client.zcard(keys.registry("failed", "media")) == len(others)


async def test_what_was_removed_cannot_be_watched(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await story.press("D", "tab", "enter")
        assert "1 removed" in story.app.said[-1]
        assert not story.can("w")


async def test_all_of_a_list_longer_than_a_screen_is_watched_by_windows(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    jobs = queue.enqueue_many([Queue.prepare_data(tasks.add, (n,)) for n in range(400)])
    async with dashboard(client, size=(80, 24)) as story:
        await story.app.push_screen(JobsScreen("mail", Status.QUEUED))
        await settle(story.pilot)
        await story.press("a", "C", *"400", "enter", "w")
        assert "100 % ⊘ canceled 400" in story.words
        assert len(story.ids) < 200
        await story.press("G")
        assert story.table.cursor_row.id == jobs[-1].id
        await story.press("space", "y")
        assert story.app.said[-1].endswith(jobs[-1].id)
