"""The cursor stays on its job while the list grows, and a key acts on the job that was seen when it was pressed."""

from __future__ import annotations

import pytest
import redis
from rq import Queue
from rq.job import Job
from textual import events

from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from qtui.widgets.row_cursor import HeldRows, Position, SeenRows, follow
from tests.broker import tasks
from tests.screens.support import Story, dashboard, settle


def held(*numbers: int, offset: int = 0, total: int = 1_000) -> HeldRows:
    return HeldRows([f"job-{number}" for number in numbers], offset, total)


BEFORE = held(*range(10, 20), offset=10)
"""Rows 10 to 19 of 1,000; the cursor is on job-15."""


@pytest.mark.parametrize(
    ("now", "place"),
    [
        (BEFORE, Position(15)),
        (held(*range(5, 15), offset=12), Position(22)),  # seven new ones came above, and it is below what is held
        (held(*range(8, 18), offset=10), Position(17)),  # two new ones
        (held(*range(16, 26), offset=10), Position(9)),  # six above left, and it is above what is held
        (held(12, 13, 14, 16, 17, offset=12), Position(15, left=True)),
        (held(12, 13, 14, 18, 19, offset=12), Position(15, left=True)),  # and the next two with it
        (held(11, 12, 13, 14, offset=0, total=4), Position(3, left=True)),  # it was the last
        (held(*range(300, 310), offset=10, total=1_290), Position(305)),  # nothing of before is held: the list grew by 290
        (held(*range(300, 310), offset=10), Position(15, left=True)),
        (HeldRows(), Position(0, left=True)),
    ],
)
def test_a_row_is_followed_by_its_key_its_neighbours_or_the_growth_of_the_list(now: HeldRows, place: Position) -> None:
    assert follow("job-15", 15, BEFORE, now) == place


def test_a_row_is_seen_until_the_one_in_its_place_is_painted() -> None:
    seen = SeenRows()
    assert seen.at(1.0) is None
    seen.replaced("first")
    assert seen.at(5.0) == "first"
    seen.painted(6.0)
    seen.replaced("second")
    assert [seen.at(moment) for moment in (6.0, 6.1, 9.0)] == ["first", "second", "second"]
    seen.painted(7.0)
    assert [seen.at(moment) for moment in (6.0, 6.1, 7.1)] == ["first", "second", None]
    seen.forget()
    assert seen.at(6.0) is None


def enqueue(client: redis.Redis, number: int) -> list[str]:
    """Jobs at the end of the queue, so at the top of the list; their ids, newest first."""
    queue = Queue("mail", connection=client)
    return [job.id for job in queue.enqueue_many([Queue.prepare_data(tasks.add, (n,)) for n in range(number)])][::-1]


async def queued_jobs(story: Story) -> JobsScreen:
    screen = JobsScreen("mail", Status.QUEUED)
    await story.app.push_screen(screen)
    await settle(story.pilot)
    return screen


def under_cursor(story: Story) -> str | None:
    row = story.table.cursor_row
    return row.id if row else None


def line_of_cursor(story: Story) -> int:
    return next(y for y, line in enumerate(story.text.splitlines()) if "▌" in line)


async def test_the_cursor_on_the_first_row_follows_the_newest(client: redis.Redis) -> None:
    enqueue(client, 60)
    async with dashboard(client) as story:
        await queued_jobs(story)
        for _ in range(3):
            newest, *_others = enqueue(client, 70)
            await story.look()
            assert (under_cursor(story), story.table.cursor, story.table.top) == (newest, 0, 0)


async def test_elsewhere_it_stays_on_its_job_and_on_its_line_however_fast_the_list_grows(client: redis.Redis) -> None:
    ids = enqueue(client, 60)
    async with dashboard(client) as story:
        await queued_jobs(story)
        await story.press("j", "j", "j")
        line = line_of_cursor(story)
        for grown in (1, 70, 70, 900):
            enqueue(client, grown)
            await story.look()
            assert (under_cursor(story), line_of_cursor(story)) == (ids[3], line)
        await story.press("g")
        assert story.table.cursor == 0


async def test_a_job_that_leaves_the_list_is_said_and_the_cursor_takes_the_next(client: redis.Redis) -> None:
    ids = enqueue(client, 5)
    async with dashboard(client) as story:
        await queued_jobs(story)
        await story.press("j", "j")
        Job.fetch(ids[2], connection=client).cancel()
        await story.look()
        assert under_cursor(story) == ids[3]
        assert f"add {ids[2][:8]} has left this list: it is no longer queued" in story.words
        await story.press("j")
        assert "has left" not in story.text


async def press_late(story: Story, *late: events.Key) -> None:
    """Keys that were pressed before the screen changed, and reach the dashboard only now."""
    for event in late:
        story.app.post_message(event)
        await settle(story.pilot)


async def test_a_key_acts_on_the_job_that_was_seen_when_it_was_pressed(client: redis.Redis) -> None:
    seen, *_others = enqueue(client, 5)
    async with dashboard(client) as story:
        await queued_jobs(story)
        late = events.Key("C", "C")
        newer, *_others = enqueue(client, 3)
        await story.look()
        assert under_cursor(story) == newer
        await press_late(story, late)
        assert story.question() == "Cancel 1 job on test?"
        await story.press("y")
        assert {job_id: Job.fetch(job_id, connection=client).get_status() for job_id in (seen, newer)} == {
            seen: "canceled",
            newer: "queued",
        }


@pytest.mark.parametrize("key", ["enter", "space"])
async def test_so_do_enter_and_a_mark(client: redis.Redis, key: str) -> None:
    seen, *_others = enqueue(client, 5)
    async with dashboard(client) as story:
        await queued_jobs(story)
        late = events.Key(key, " " if key == "space" else None)
        enqueue(client, 3)
        await story.look()
        await press_late(story, late)
        assert (story.app.screen.job_id if key == "enter" else story.table.marked) == (seen if key == "enter" else {seen})


async def test_a_key_moves_from_the_job_that_was_seen_and_the_next_key_acts_on_where_it_went(client: redis.Redis) -> None:
    _first, second, *_others = enqueue(client, 5)
    async with dashboard(client) as story:
        await queued_jobs(story)
        late = events.Key("j", "j"), events.Key("space", " ")
        enqueue(client, 3)
        await story.look()
        await press_late(story, *late)
        assert story.table.marked == {second}


async def test_a_key_for_a_job_that_has_left_the_list_does_nothing_and_says_so(client: redis.Redis) -> None:
    seen, *_others = enqueue(client, 5)
    async with dashboard(client) as story:
        await queued_jobs(story)
        late = events.Key("C", "C")
        Job.fetch(seen, connection=client).cancel()
        await story.look()
        await press_late(story, late)
        assert story.place == "JobsScreen"
        assert story.app.said == ["Nothing was done: what was under the cursor has just left the list."]
        await story.press("C")
        assert story.question() == "Cancel 1 job on test?"
