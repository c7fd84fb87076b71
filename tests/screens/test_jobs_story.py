"""The jobs of a queue: tabs, rows, marks, and a list too long to hold."""

from __future__ import annotations

import pytest
import redis
from rq import Queue
from rq.job import Job
from textual import events
from textual.widgets import Input, Static

from qtui.broker.models import JobDetail, JobRow
from qtui.broker.one_job import job
from qtui.broker.search import reading
from qtui.broker.status import STATUSES, Status
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts import filtered
from qtui.widgets.status_tabs import StatusTabs
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.broker.test_jobs import kept_for
from tests.broker.test_requeue import lost
from tests.screens.support import Story, dashboard, settle


async def opened(story: Story, queue: str = "mail", status: Status | None = Status.FAILED) -> JobsScreen:
    """The jobs of a queue, on the tab of a status."""
    screen = JobsScreen(queue, status)
    await story.app.push_screen(screen)
    await settle(story.pilot)
    return screen


async def typed(story: Story, text: str) -> None:
    """Type a filter, and press enter."""
    await story.press("slash")
    story.app.screen.query_one(Input).value = text
    await story.press("enter")


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
        assert "Failed: it raised, timed out or lost its worker, and has no attempts left." in story.words


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


def title(story: Story) -> str:
    return " ".join(str(story.app.screen.query_one("#crumb", Static).render()).split())


def about(story: Story) -> str:
    return str(story.app.screen.query_one("#about", Static).render())


async def test_the_title_says_which_rows_are_in_view_and_how_many_newer_ones_wait_above(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    queue.enqueue_many([Queue.prepare_data(tasks.add, (n,)) for n in range(300)])
    async with dashboard(client, size=(80, 24)) as story:
        await opened(story, status=Status.QUEUED)
        assert title(story) == "mail 1–16 of 300"
        await story.press("j")
        queue.enqueue_many([Queue.prepare_data(tasks.add, (n,)) for n in range(41)])
        await story.look()
        assert title(story) == "mail 42–57 of 341 ▲ 41 newer (g)"
        await story.press("pageup")
        assert title(story) == "mail 27–42 of 341 ▲ 26 newer (g)"
        queue.enqueue(tasks.add, 1)
        await story.look()
        assert title(story) == "mail 28–43 of 342 ▲ 27 newer (g)"
        await story.press("g")
        assert title(story) == "mail 1–16 of 342"
        newest = queue.enqueue(tasks.add, 1).id
        await story.look()
        assert (title(story), story.table.cursor_row.id) == ("mail 1–16 of 343", newest)


async def test_jobs_that_are_kept_for_different_times_come_newest_first_and_the_title_says_how_far(client: redis.Redis) -> None:
    ids = kept_for(client, (60, 86_400), {"mail": [float(n) for n in range(2_000)]})
    async with dashboard(client, size=(80, 24)) as story:
        screen = await opened(story)
        assert story.ids[:100] == ids[:100]
        assert screen.data
        number = screen.data.window.in_order
        assert number
        assert f"newest {number:,} by end, then by expiry" in title(story)


async def test_the_column_of_the_queue_is_there_only_where_the_rows_are_of_several(client: redis.Redis) -> None:
    seed.failed(client, "mail")
    seed.finished(client, "mail")
    seed.finished(client, "media")
    async with dashboard(client) as story:
        await story.press("2")
        assert story.app.screen.status is Status.FAILED
        assert title(story) == "all queues, all in mail 1–1 of 1"
        assert "QUEUE " not in story.text
        await story.press("tab")
        assert title(story) == "all queues 1–2 of 2"
        assert "QUEUE " in story.text


async def test_the_error_under_the_cursor_is_whole_on_two_lines_below(client: redis.Redis) -> None:
    words = " ".join(f"word{n}" for n in range(20))
    Queue("mail", connection=client).enqueue(tasks.fail, words)
    seed.work(client, "mail")
    async with dashboard(client, size=(80, 24)) as story:
        await opened(story)
        assert " ".join(about(story).split()) == f"ValueError: {words}"
        assert "word19" in story.text
        await story.press("space")
        assert about(story).startswith("● 1 selected\nValueError: word0")


async def test_a_sort_reads_the_list_on_demand_keeps_the_marks_and_says_how_far_it_went(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = seed.failed(client, count=5)
    for number, job_id in enumerate(ids):
        client.hset(keys.job(job_id), keys.FIELD_ATTEMPT, (3, 1, 5, 4, 2)[number])
    async with dashboard(client) as story:
        await opened(story)
        await story.press("space")
        marked = set(story.table.marked)
        await story.press("s")
        assert title(story) == "mail 1–5 of 5 by took ↓"
        await story.press("s")
        assert [row.attempts for row in story.table.rows] == [5, 4, 3, 2, 1]
        assert title(story) == "mail 1–5 of 5 by attempts ↓"
        await story.press("o")
        assert [row.attempts for row in story.table.rows] == [1, 2, 3, 4, 5]
        assert (story.table.cursor, story.table.marked) == (0, marked)
        await typed(story, "attempts>2")
        assert [row.attempts for row in story.table.rows] == [3, 4, 5]
        assert title(story) == "mail 1–3 of 3 by attempts ↑ 2 hidden filter: attempts>2"
        await typed(story, "")
        monkeypatch.setattr(filtered, "SORTED", 2)
        monkeypatch.setattr(reading, "FIRST", 2)
        await story.press("s")
        assert title(story) == "mail 1–2 of 2 by function ↑ among the newest 2 of 5"
        await story.press("a")
        assert "● 5 selected (all failed)" in story.text
        await story.press("R")
        assert story.question().startswith("Retry 5 failed jobs")


async def test_the_column_by_which_a_list_is_sorted_is_there_also_on_a_narrow_terminal(client: redis.Redis) -> None:
    seed.failed(client, "mail")
    seed.failed(client, "media")
    async with dashboard(client, size=(80, 24)) as story:
        await story.press("2")
        assert "TRY" not in story.text
        await story.press("s")
        assert "TOOK ↓" in story.text
        await story.press("s", "o")
        assert "TRY ↑" in story.text
        await story.press(*"sss")
        assert "WORKER ↑" in story.text
        assert "ERROR" in story.text


async def test_the_oldest_come_first_without_a_search(client: redis.Redis) -> None:
    ids = [Queue("mail", connection=client).enqueue(tasks.add, n).id for n in range(5)]
    async with dashboard(client) as story:
        screen = await opened(story, status=Status.QUEUED)
        await story.press("o")
        assert (story.ids, title(story)) == (ids, "mail 1–5 of 5 oldest first")
        assert not screen.filtered.is_on
        await story.press("tab")
        await story.press("o")
        assert story.ids == ids[::-1]


@pytest.mark.parametrize(("key", "back"), [("right_square_bracket", "left_square_bracket"), ("tab", "shift+tab")])
async def test_a_held_key_goes_round_the_tabs_and_ends_where_it_must(client: redis.Redis, key: str, back: str) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        screen = await opened(story, status=Status.QUEUED)
        tabs = screen.query_one(StatusTabs).tabs
        assert tabs == [status for status in STATUSES if status in tabs]
        assert Status.CREATED not in tabs
        for pressed, expected in ((key, tabs[25 % len(tabs)]), (back, Status.QUEUED)):
            for _ in range(25):
                story.app.post_message(events.Key(pressed, None))
            await settle(story.pilot)
            assert screen.status is screen.query_one(StatusTabs).active is expected
        await story.press("i", *[key] * (list(STATUSES).index(Status.CREATED)))
        assert screen.status is Status.CREATED
        assert len(story.ids) == 1


async def test_a_lost_job_is_marked_in_the_results_of_filters_and_sorts(client: redis.Redis) -> None:
    lost(client)
    async with dashboard(client, size=(120, 30)) as story:
        await opened(story, status=Status.STARTED)
        for step in (typed(story, "func:add"), story.press("s")):
            await step
            assert "no sign of life for" in story.words


async def test_the_preview_is_read_once_for_a_job_that_has_ended(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    seed.failed(client, count=3)
    read: list[str] = []
    real = job.load

    def load(client: redis.Redis, job_id: str) -> JobDetail:
        read.append(job_id)
        return real(client, job_id)

    monkeypatch.setattr(job, "load", load)
    async with dashboard(client, size=(200, 60)) as story:
        await opened(story)
        await story.look()
        await story.look()
        assert read == story.ids[:1]
        await story.press("j")
        assert read == story.ids[:2]
        Job.fetch(story.ids[1], connection=client).requeue()
        await story.look()
        assert read == [read[0], read[1], story.ids[1]]


async def test_the_preview_shows_who_ran_it_the_end_of_the_traceback_and_the_payload_within_its_room(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, size=(200, 24)) as story:
        await opened(story)
        shown = [line.partition("│")[2].strip() for line in story.text.splitlines()]
        for text in (job_id, "worker   burst", "raise ValueError(message)", "ValueError: message 0", "payload"):
            assert any(text in line for line in shown), text
        assert any(line.startswith("… ") and line.endswith(" lines above") for line in shown)


async def test_in_a_narrow_terminal_the_bottom_line_has_what_can_be_done_to_marked_jobs(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client, size=(80, 24)) as story:
        await story.press("2")
        assert all(key in story.text.splitlines()[-1] for key in ("R Retry", "D Remove", "tab Next tab", "/ Filter", "a All"))
        await story.press("space")
        foot = story.text.splitlines()[-1]
        assert all(key in foot for key in ("space Mark", "esc Clear marks", "R Retry", "D Remove", "? Help", "q Quit"))
