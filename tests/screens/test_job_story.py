"""One job whole, from what went in to why it failed."""

from __future__ import annotations

import redis
from rq import Queue
from rq.job import Job
from textual.widgets import TabbedContent

from qtui.screens.job import JobScreen
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle


async def opened(story: Story, job_id: str) -> JobScreen:
    """A job's screen."""
    screen = JobScreen(job_id)
    await story.app.push_screen(screen)
    await settle(story.pilot)
    return screen


def tab(story: Story) -> str:
    """The tab that is open."""
    return story.app.screen.query_one(TabbedContent).active


async def test_a_failed_job_opens_on_its_traceback_with_its_story_beside_it(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, job_id)
        assert tab(story) == "traceback"
        assert "ValueError: message 0" in story.text
        assert "raise ValueError(message)" in story.text
        left = [line[:40] for line in story.text.splitlines()]
        wanted = ["created", "enqueued", "started on burst", "✗ attempt 1 failed"]
        assert [word for line in left for word in wanted if word in line] == wanted
        assert any("queue" in line and "mail" in line for line in left)


async def test_a_finished_job_opens_on_its_result_and_the_tabs_show_the_rest(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client, meta={"customer": 7})
    async with dashboard(client) as story:
        await opened(story, job_id)
        assert tab(story) == "result"
        seen = {}
        for _ in range(5):
            seen[tab(story)] = story.words
            await story.press("right_square_bracket")
        assert tab(story) == "result"
        assert set(seen) == {"payload", "result", "traceback", "log", "meta"}
        assert "kwargs" in seen["payload"]
        assert "customer" in seen["meta"]
        assert "No traceback." in seen["traceback"]
        assert "No log lines." in seen["log"]


async def test_a_waiting_job_opens_on_its_payload_and_is_followed_to_its_end(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 40, b=2)
    async with dashboard(client) as story:
        await opened(story, job.id)
        assert tab(story) == "payload"
        assert "queued" in story.text.splitlines()[2]
        seed.work(client, "mail")
        await story.look()
        assert "finished" in story.text.splitlines()[2]
        assert tab(story) == "payload"
        await story.press("right_square_bracket")
        assert "42" in story.text


async def test_the_payload_of_our_own_jobs_is_shown_by_its_fields(client: redis.Redis) -> None:
    job = QueueService(client).enqueue("test_job", {"message": "hello there"})
    async with dashboard(client) as story:
        await opened(story, job.id)
        assert "hello there" in story.text
        assert "args" not in story.text


async def test_a_job_that_disappears_while_it_is_looked_at_leaves_its_last_facts_under_a_banner(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await opened(story, job_id)
        Job.fetch(job_id, connection=client).delete()
        await story.look()
        assert "may have expired, or been removed" in story.words
        assert "ValueError: message 0" in story.text
        assert " away" not in story.text.splitlines()[0]
        assert not client.exists(keys.job(job_id))
        await story.press("escape")
        assert story.place == "QueuesScreen"


async def test_an_id_that_is_nowhere_says_so(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story, "nobody-at-all")
        assert "there is no job 'nobody-at-all'" in story.words


async def test_y_copies_the_id(client: redis.Redis) -> None:
    (job_id,) = seed.finished(client)
    async with dashboard(client) as story:
        await opened(story, job_id)
        await story.press("y")
        assert story.app.clipboard == job_id
