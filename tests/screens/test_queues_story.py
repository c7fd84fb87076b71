"""The queues: what an operator sees first."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis
from rq import Queue
from textual.geometry import Region

from qtui.broker.status import Status
from qtui.widgets.caption import Caption
from qtui_workers import QueueService, records
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle


def names(story: Story) -> list[str]:
    return [row.name for row in story.table.rows]


def idle(client: redis.Redis, number: int) -> None:
    for place in range(number):
        client.sadd(keys.QUEUES, keys.queue(f"idle-{place}"))


async def test_every_queue_is_listed_with_its_counts_and_the_most_troubled_first(client: redis.Redis) -> None:
    seed.finished(client, "calm", 4)
    seed.failed(client, "broken", 3, hours_ago=1)
    for _ in range(7):
        Queue("unattended", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        rows = story.table.rows
        assert names(story) == ["unattended", "broken", "calm"]
        assert [(row.count(Status.QUEUED), row.count(Status.FAILED), row.count(Status.FINISHED)) for row in rows] == [
            (7, 0, 0),
            (0, 3, 0),
            (0, 0, 4),
        ]
        (line,) = [line for line in story.text.splitlines() if " broken " in line]
        assert line.split()[:2] == ["broken", "0"]
        assert "3" in line.split()


async def test_the_verdict_is_that_of_the_queue_under_the_cursor(client: redis.Redis) -> None:
    seed.failed(client, "broken", 3, hours_ago=1)
    Queue("unattended", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        assert "unattended: nobody listens and 1 job waits" in story.words
        await story.press("j")
        assert (
            "broken: nothing waits, nothing runs; no worker listens. 3 failed, 3 × ValueError: message <n> (new)." in story.words
        )


async def test_s_takes_the_next_order_and_o_its_other_end(client: redis.Redis) -> None:
    seed.failed(client, "zebra", 1)
    seed.failed(client, "ant", 2)
    async with dashboard(client) as story:
        assert names(story) == ["ant", "zebra"]
        await story.press("s", "o")
        assert names(story) == ["zebra", "ant"]
        assert "· by name, reversed" in story.words
        await story.press("o", "s", "s", "s")
        assert names(story) == ["ant", "zebra"]
        assert "· by" not in story.words


async def test_enter_opens_the_jobs_of_a_queue_on_the_tab_that_matters(client: redis.Redis) -> None:
    ids = seed.failed(client, "broken", 2, hours_ago=1)
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


async def test_until_a_key_is_pressed_the_cursor_is_on_the_queue_in_most_trouble(client: redis.Redis) -> None:
    seed.failed(client, "broken", 1, hours_ago=1)
    async with dashboard(client) as story:
        Queue("alone", connection=client).enqueue(tasks.add, 1)
        story.app.screen.reload()
        await settle(story.pilot)
        assert (names(story)[0], story.table.cursor_row.name) == ("alone", "alone")


async def test_what_failed_just_before_the_dashboard_was_opened_is_trouble_and_what_failed_long_ago_is_none(
    client: redis.Redis,
) -> None:
    seed.failed(client, "burning", 3)
    seed.failed(client, "burnt", 4, hours_ago=1)
    seed.finished(client, "half", 1)
    seed.failed(client, "half", 1)
    async with dashboard(client) as story:
        assert names(story) == ["burning", "half", "burnt"]
        assert "burning: every attempt fails, 3 × ValueError" in story.words
        assert "50 % fail" in story.words
        assert story.words.count("every attempt fails") == 2, "in its row and below"


async def test_enter_on_a_queue_where_every_attempt_fails_opens_its_causes(client: redis.Redis) -> None:
    seed.failed(client, "broken", 1)
    async with dashboard(client) as story:
        seed.failed(client, "broken", 2)
        await story.look()
        assert "broken: every attempt fails, 3 × ValueError: message <n> (new). 3 failed. Enter its causes" in story.words
        await story.press("enter")
        assert (story.place, story.app.screen.queue) == ("FailuresScreen", "broken")
        await story.press("escape")
        assert story.place == "QueuesScreen"


async def test_idle_queues_are_one_line_that_is_never_acted_on(client: redis.Redis) -> None:
    seed.failed(client, "broken", 1)
    idle(client, 3)
    async with dashboard(client) as story:
        assert names(story) == ["broken"]
        assert "… 3 idle queues (i shows them)" in story.words
        await story.press("j", "G")
        assert story.table.cursor_row.name == "broken"
        await story.press("i")
        assert names(story) == ["broken", "idle-0", "idle-1", "idle-2"]
        assert "idle queues" not in story.words
        await story.press("2", "1")
        assert len(names(story)) == 4, "it was forgotten that they are to be seen"
        await story.press("j", "j", "i")
        assert names(story) == ["broken", "idle-1"], "the queue under the cursor went away"
        assert story.table.cursor_row.name == "idle-1"
        await story.press("k")
        await story.look()
        assert names(story) == ["broken"]


async def test_the_line_for_the_idle_queues_is_seen_below_a_list_that_is_longer_than_the_screen(client: redis.Redis) -> None:
    for number in range(40):
        Queue(f"q{number:02}", connection=client).enqueue(tasks.add, 1)
    idle(client, 2)
    async with dashboard(client) as story:
        assert "2 idle queues" not in story.words
        await story.press("G")
        assert "… 2 idle queues (i shows them)" in story.words
        assert story.table.cursor_row.name == "q39"


async def test_where_all_queues_are_idle_it_is_said(client: redis.Redis) -> None:
    idle(client, 2)
    async with dashboard(client) as story:
        assert "… 2 idle queues (i shows them)" in story.words
        assert "Nothing waits, runs or has failed in any queue." in story.words
        await story.press("enter", "P", "space")
        assert story.place == "QueuesScreen"


async def test_columns_that_are_0_in_every_row_are_not_shown_and_stay_once_they_were(client: redis.Redis) -> None:
    seed.failed(client, "broken", 1)
    async with dashboard(client, size=(200, 60)) as story:
        assert {"DEFER", "SCHED", "CANCEL"}.isdisjoint(story.words.split())
        assert {"WAIT", "FAILED", "FAIL/s", "OUT/s", "WRK", "OLDEST", "WHY"} <= set(story.words.split())
        parent = Queue("broken", connection=client).enqueue(tasks.add, 1)
        child = Queue("broken", connection=client).enqueue(tasks.add, 1, depends_on=parent)
        await story.look()
        assert "DEFER" in story.words.split()
        child.delete()
        await story.look()
        assert "DEFER" in story.words.split()


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (149, 39), (200, 60)], ids=str)
async def test_what_decides_is_shown_at_every_size(client: redis.Redis, size: tuple[int, int]) -> None:
    Queue("a-queue-with-a-long-name", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client, size=size) as story:
        assert {"WAIT", "FAILED", "WHY"} <= set(story.words.split())
        assert "⚠ nobody listens" in story.words
        assert "a-queue-with-a-lon" in story.words
        assert "Start a worker: rq worker a-queue-with-a-long-name" in story.words


async def test_where_there_is_room_the_queue_under_the_cursor_is_explained(client: redis.Redis) -> None:
    seed.everything(client)
    Queue("other", connection=client).enqueue(tasks.add, 1)
    client.hset(keys.worker("w1"), "queues", "mail,other")
    client.sadd(keys.queue_workers("other"), keys.worker("w1"))
    async with dashboard(client, size=(200, 60)) as story:
        await story.onto("mail")
        assert "causes of 4 failed" in story.words
        assert re.search(r"✱ 3 (now|\d+s ago) ValueError: message <n>", story.words)
        assert "─1 worker─" in story.words
        assert "▸ w1 tasks.add" in story.words
        assert "last 10 minutes" in story.words
        await story.onto("other")
        assert " of mail " in story.words, "it is not said that its worker is busy with a job of another queue"
        assert "Nothing has failed." in story.words


@pytest.mark.parametrize(("size", "most"), [((80, 24), 4), ((120, 30), 7)], ids=str)
async def test_a_closer_look_uses_the_room_that_rows_leave_and_hides_none_of_them(
    client: redis.Redis, size: tuple[int, int], most: int
) -> None:
    for number in range(most):
        seed.failed(client, f"broken-{number}", 1, hours_ago=1)
    async with dashboard(client, size=size) as story:
        assert "causes of 1 failed" in story.words
        assert ("last 10 minutes" in story.words) == (size[0] >= 100), "where it is wide enough, with the chart"
        seed.failed(client, "one-more", 1, hours_ago=1)
        await story.look()
        assert "causes" not in story.words
        assert all(f"broken-{number}" in story.words for number in range(most))
        assert "one-more" in story.words
        await story.pilot.resize_terminal(120, 40)
        await settle(story.pilot)
        assert "causes of 1 failed" in story.words


async def test_where_there_is_no_queue_or_little_room_there_is_no_closer_look(client: redis.Redis) -> None:
    async with dashboard(client, size=(120, 30)) as story:
        assert "No queues yet." in story.words
        assert "causes" not in story.words
        seed.failed(client, "broken", 1)
        await story.look()
        assert "causes of 1 failed" in story.words
        await story.pilot.resize_terminal(80, 23)
        await settle(story.pilot)
        assert "causes" not in story.words


async def test_a_look_costs_at_most_two_round_trips_more_where_there_is_room(client: redis.Redis) -> None:
    seed.failed(client, "mail", 5)
    calls: list[str] = []
    real = client.connection_pool.get_connection

    def get_connection(*arguments: Any, **options: Any) -> Any:
        calls.append("")
        return real(*arguments, **options)

    numbers = []
    for size in ((80, 20), (200, 60)):
        async with dashboard(client, size=size) as story:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(client.connection_pool, "get_connection", get_connection)
                for look in (story.app.screen.reload, story.app.screen.action_reload):
                    calls.clear()
                    look()
                    await settle(story.pilot)
                    numbers.append(len(calls))
    assert numbers == [3, 5, 3, 5], "the overview takes two; what is known of unchanged failures is read again by r only"


async def test_the_failed_parent_of_deferred_jobs_is_reported_and_opened_from_the_queue(client: redis.Redis) -> None:
    parent = Queue("exports", connection=client).enqueue(tasks.fail, "x")
    for _ in range(2):
        Queue("exports", connection=client).enqueue(tasks.add, 1, depends_on=parent)
    seed.work(client, "exports")
    seed.age(client, [parent.id], hours=1)
    async with dashboard(client) as story:
        assert "⋯ 2 wait for others" in story.words
        assert (
            f"exports: 2 deferred jobs stay: what they wait for will not finish by itself, such as {parent.id[:8]}" in story.words
        )
        assert "p Parent" in story.words
        await story.press("p")
        assert (story.place, story.app.screen.job_id) == ("JobScreen", parent.id)


async def test_a_verdict_that_is_longer_than_its_two_lines_ends_with_an_ellipsis(client: redis.Redis) -> None:
    name = f"nightly-{'x' * 40}"
    Queue(name, connection=client).enqueue("shop.charge")
    client.set("rq:suspended", 1)
    async with dashboard(client, size=(60, 20)) as story:
        verdict = story.app.screen.query_one("#verdict", Caption)
        shown = [line.text.strip() for line in verdict.render_lines(Region(0, 0, *verdict.outer_size))]
        assert shown[-1].endswith("…"), shown
        await story.pilot.resize_terminal(200, 60)
        await settle(story.pilot)
        assert "…" not in "".join(line.text for line in verdict.render_lines(Region(0, 0, *verdict.outer_size)))


async def test_a_command_that_is_longer_than_a_line_takes_the_one_that_the_verdict_leaves(client: redis.Redis) -> None:
    QueueService(client).enqueue("test_job", {"message": "hello"}, queue="mail")
    options = ("--url", "redis://operator@redis-7.frankfurt.example:6379/3")
    async with dashboard(client, size=(80, 24)) as story:
        story.app.session.context = records.replace(story.app.session.context, options=options)
        await story.look()
        assert f"mail: nobody listens and 1 job waits. Start a worker: qtui-worker mail {' '.join(options)} ─" in story.words
