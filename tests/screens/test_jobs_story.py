"""The jobs of a queue: tabs, rows, marks, and a list too long to hold."""

from __future__ import annotations

import redis
from rq import Queue

from qtui.broker.models import JobRow
from qtui.broker.status import STATUSES, Status
from qtui.screens.jobs import JobsScreen
from qtui.widgets.status_tabs import StatusTabs
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle


async def opened(story: Story, queue: str = "mail", status: Status | None = Status.FAILED) -> JobsScreen:
    """The jobs of a queue, on the tab of a status."""
    screen = JobsScreen(queue, status)
    await story.app.push_screen(screen)
    await settle(story.pilot)
    return screen


async def test_each_tab_shows_the_jobs_of_its_status(client: redis.Redis) -> None:
    seeded = seed.everything(client)
    mine = {s: {i for i in ids if client.hget(keys.job(i), "origin") == b"mail"} for s, ids in seeded.ids.items()}
    async with dashboard(client) as story:
        screen = await opened(story)
        for status in STATUSES:
            screen.query_one(StatusTabs).active = status
            await settle(story.pilot)
            assert {row.id for row in story.table.rows if row.status is status} == mine[status], status


async def test_tab_and_brackets_go_to_the_next_status_that_holds_jobs(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    seed.finished(client, count=1)
    async with dashboard(client) as story:
        screen = await opened(story)
        seen = []
        for key in ("tab", "shift+tab", "right_square_bracket", "left_square_bracket"):
            await story.press(key)
            seen.append((screen.status, len(story.ids)))
        assert seen[0] != seen[1]
        assert seen[1] == (Status.FAILED, 2)
        assert seen == [seen[0], seen[1], seen[0], seen[1]]


async def test_a_click_on_a_tab_opens_it(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    ids = seed.finished(client, count=1)
    async with dashboard(client) as story:
        screen = await opened(story)
        place = story.text.splitlines()[screen.query_one(StatusTabs).region.y].index("finished")
        await story.pilot.click(StatusTabs, offset=(place, 0))
        await settle(story.pilot)
        assert screen.status is Status.FINISHED
        assert story.ids == ids


async def test_the_failed_tab_shows_each_jobs_error(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client) as story:
        await opened(story)
        assert "ERROR" in story.text
        assert "ValueError: message 0" in story.text
        assert "ValueError: message 1" in story.text


async def test_a_queue_opens_on_a_tab_that_holds_jobs(client: redis.Redis) -> None:
    ids = seed.finished(client, count=2)
    async with dashboard(client) as story:
        screen = await opened(story, status=None)
        assert screen.status is Status.FINISHED
        assert sorted(story.ids) == sorted(ids)


async def test_an_empty_tab_says_what_its_status_means(client: redis.Redis) -> None:
    seed.finished(client)
    async with dashboard(client) as story:
        await opened(story)
        assert "No failed jobs here." in story.text
        assert STATUSES[Status.FAILED].hint in story.words


async def test_enter_opens_the_job_under_the_cursor(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await opened(story)
        wanted = story.ids[1]
        await story.press("j", "enter")
        assert story.place == "JobScreen"
        assert story.app.screen.job_id == wanted


async def test_the_jobs_of_all_queues_are_on_screen_2_with_their_queue(client: redis.Redis) -> None:
    seed.failed(client, "mail")
    seed.failed(client, "media")
    async with dashboard(client) as story:
        await story.press("2")
        assert story.app.screen.status is Status.FAILED
        assert {row.queue for row in story.table.rows} == {"mail", "media"}
        assert " mail " in story.text
        assert " media " in story.text


async def test_marks_survive_a_refresh_and_escape_takes_them_away_before_it_goes_back(client: redis.Redis) -> None:
    seed.failed(client, count=5)
    async with dashboard(client) as story:
        await opened(story)
        marked = {story.ids[0], *story.ids[2:5]}
        await story.press("space", "j", "space", "j", "v")
        assert story.table.marked == marked
        assert "● 4 selected" in story.text
        seed.failed(client, count=1)
        await story.look()
        assert (len(story.ids), story.table.marked) == (6, marked)
        await story.press("escape")
        assert (story.place, story.table.marked) == ("JobsScreen", set())
        await story.press("escape")
        assert story.place == "QueuesScreen"


async def test_escape_lets_go_of_all_before_it_goes_back(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await opened(story)
        await story.press("a")
        assert "● 3 selected (all failed)" in story.text
        await story.press("escape")
        assert story.place == "JobsScreen"
        assert "selected" not in story.text
        await story.press("escape")
        assert story.place == "QueuesScreen"


async def test_the_cursor_stays_on_its_job_when_new_ones_arrive(client: redis.Redis) -> None:
    older = seed.failed(client, count=4)
    client.zadd(keys.registry("failed", "mail"), dict.fromkeys(older, client.time()[0] + 9))  # RQ's scores are whole seconds
    async with dashboard(client) as story:
        await opened(story)
        await story.press("j")
        watched = story.table.cursor_row.id
        newest = seed.failed(client, count=3)
        await story.look()
        assert set(story.ids[:3]) == set(newest)
        assert story.table.cursor_row.id == watched
        assert story.table.cursor == 4


async def test_a_preview_of_the_job_under_the_cursor_stands_beside_a_wide_table(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client, size=(200, 60)) as story:
        await opened(story)
        assert "payload" in story.text
        assert "raise ValueError(message)" in story.text
        before = story.text
        await story.press("j")
        assert story.text != before
        assert f'"{story.table.cursor_row.error.removeprefix("ValueError: ")}"' in story.text


async def test_a_list_of_100_000_jobs_scrolls_to_its_end_and_shows_its_oldest(client: redis.Redis) -> None:
    (oldest,) = seed.failed(client)
    registry = keys.registry("failed", "mail")
    client.zadd(registry, {oldest: 1})
    for start in range(2, 100_001, 10_000):
        client.zadd(registry, {f"ghost-{n}": n for n in range(start, min(start + 10_000, 100_001))})
    async with dashboard(client) as story:
        await opened(story)
        assert "failed 100,000" in story.text
        assert story.ids[0] == "ghost-100000"
        await story.press("G")
        row: JobRow = story.table.cursor_row
        assert (story.table.cursor, row.id) == (99_999, oldest)
        assert "ValueError: message 0" in story.text
        assert "ghost-2 " in story.text
        assert len(story.ids) < 500
        await story.press("g")
        assert story.table.cursor_row.id == "ghost-100000"


async def test_the_waiting_jobs_are_those_of_the_queues_list(client: redis.Redis) -> None:
    ids = [Queue("mail", connection=client).enqueue(tasks.add, n).id for n in range(3)]
    async with dashboard(client) as story:
        await opened(story, status=None)
        assert story.ids == ids[::-1]
        assert "tasks.add" in story.text
