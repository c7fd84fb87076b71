"""Failures by cause, and lists of the jobs that fit a filter."""

from __future__ import annotations

import pytest
import redis
from rq import Queue
from textual.widgets import Input, Static

from qtui.broker.diagnosis import acknowledged
from qtui.broker.search.expression import parse
from qtui.broker.status import Status
from qtui.dashboard.palette import list_of
from qtui.screens.contents import ContentsScreen
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts.filtered import NONE_YET
from qtui.widgets.status_tabs import StatusTabs
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle


def two_causes(client: redis.Redis) -> tuple[list[str], str]:
    """Three jobs that failed alike, and one that failed otherwise."""
    ids = seed.failed(client, count=3)
    other = Queue("media", connection=client).enqueue(tasks.add, "x", 1).id
    seed.work(client, "media")
    return ids, other


async def typed(story: Story, text: str) -> None:
    """Type a filter, and press enter."""
    await story.press("slash")
    story.app.screen.query_one(Input).value = text
    await story.press("enter")


def line(story: Story, name: str) -> str:
    return str(story.app.screen.query_one(f"#{name}", Static).render())


async def test_causes_are_listed_and_enter_lists_the_jobs_of_one(client: redis.Redis) -> None:
    ids, other = two_causes(client)
    async with dashboard(client, size=(150, 40)) as story:
        await story.press("3")
        assert "ValueError: message <n>" in story.text
        assert "broker/tasks.py" in story.text
        assert line(story, "looked") == "4 failed, in 2 groups"
        assert "ValueError: message 2" in story.text  # the sample's traceback
        await story.press("down")
        assert "TypeError: " in story.words
        assert other[:8] in line(story, "sample")
        await story.press("up", "enter")
        assert story.place == "JobsScreen"
        assert sorted(story.ids) == sorted(ids)
        assert "1 hidden" in line(story, "crumb")
        await story.press("q")
        assert story.place == "FailuresScreen"


async def test_entries_without_a_job_are_in_no_group_and_counted(client: redis.Redis) -> None:
    two_causes(client)
    client.zadd(keys.registry("failed", "mail"), {"ghost-1": 9e9, "ghost-2": 9e9})
    async with dashboard(client, size=(150, 40)) as story:
        await story.press("3")
        assert line(story, "looked") == "4 failed, in 2 groups; 2 entries have no job that can be read"
        await story.app.push_screen(ContentsScreen(None, Status.FAILED))
        await settle(story.pilot)
        assert line(story, "looked").endswith("; 2 entries have no job that can be read")


async def test_an_operation_is_about_all_jobs_of_the_cause(client: redis.Redis) -> None:
    ids, other = two_causes(client)
    async with dashboard(client, size=(150, 40)) as story:
        await story.press("3", "R")
        assert story.question().startswith("Retry 3 failed jobs in all queues that fit cause:")
        await story.press("y")
        assert story.app.said[-1] == "3 retried"
        assert sorted(client.lrange(keys.queue("mail"), 0, -1)) == sorted(job_id.encode() for job_id in ids)
        assert client.zrange(keys.registry("failed", "media"), 0, -1) == [other.encode()]
        assert line(story, "looked") == "1 failed, in 1 group"


async def test_a_cause_is_acknowledged_and_forgotten(client: redis.Redis) -> None:
    two_causes(client)
    async with dashboard(client, size=(150, 40)) as story:
        await story.press("3")
        assert story.text.count("✱") == 2
        await story.press("A")
        assert story.question() == "Mark ValueError: message <n> as known?"
        await story.press("y")
        (known,) = acknowledged.load(client)
        assert story.table.cursor_row.value == known
        assert story.text.count("✱") == 1
        await story.press("A", "y")
        assert not acknowledged.load(client)
        assert story.text.count("✱") == 2


async def test_where_nothing_failed_it_says_so(client: redis.Redis) -> None:
    seed.finished(client)
    async with dashboard(client) as story:
        await story.press("3")
        assert "No failed jobs." in story.text
        await story.press("R", "enter", "A")
        assert story.place == "FailuresScreen"


async def test_a_filter_hides_and_says_how_many_and_all_means_all_that_fit(client: redis.Redis) -> None:
    ids, _ = two_causes(client)
    async with dashboard(client, size=(120, 30)) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await typed(story, '"message 1"')
        assert story.ids == [ids[1]]
        assert line(story, "crumb") == 'mail   1–1 of 1   2 hidden   filter: "message 1"'
        await story.press("a", "D")
        assert story.question().startswith('Remove 1 failed job in mail that fit "message 1"')
        await story.press("escape", "escape")
        await typed(story, "func:nothing")
        assert "No failed job fits the filter." in story.text
        await typed(story, "")
        assert sorted(story.ids) == sorted(ids)


async def test_the_title_names_the_queue_of_this_filter_not_of_the_one_before(client: redis.Redis) -> None:
    seed.failed(client, "mail", 2)
    seed.failed(client, "media", 3)
    seed.failed(client, "other", 4)
    async with dashboard(client, size=(120, 30)) as story:
        await story.app.push_screen(JobsScreen(None, Status.FAILED))
        await settle(story.pilot)
        await typed(story, "queue:ma*")
        assert line(story, "crumb") == "all queues, all in mail   1–2 of 2   7 hidden   filter: queue:ma*"
        await typed(story, "queue:me*")
        assert line(story, "crumb") == "all queues, all in media   1–3 of 3   6 hidden   filter: queue:me*"
        await typed(story, "queue:m*")
        assert line(story, "crumb") == "all queues   1–5 of 5   4 hidden   filter: queue:m*"
        await typed(story, "queue:nothing")
        assert line(story, "crumb") == "all queues   9 hidden   filter: queue:nothing"


async def test_the_title_follows_the_one_queue_that_has_such_jobs(client: redis.Redis) -> None:
    seed.failed(client, "mail")
    async with dashboard(client, size=(120, 30)) as story:
        await story.app.push_screen(JobsScreen(None, Status.FAILED))
        await settle(story.pilot)
        assert line(story, "crumb").startswith("all queues, all in mail ")
        client.delete(keys.registry("failed", "mail"))
        seed.failed(client, "media")
        await story.look_until(lambda: line(story, "crumb").startswith("all queues, all in media "), "the other queue")


async def test_the_jobs_of_the_filter_before_are_not_shown_under_the_next_one(client: redis.Redis) -> None:
    seed.failed(client, "mail", 2)
    async with dashboard(client, size=(120, 30)) as story:
        screen = JobsScreen(None, Status.FAILED)
        await story.app.push_screen(screen)
        await settle(story.pilot)
        await typed(story, "queue:mail")
        before = screen.request()
        screen.filtered.expression = parse("queue:nothing")
        assert before.found is not None
        assert screen.request().found == NONE_YET
        assert not screen.is_wanted(before, screen.request())


async def test_a_filter_that_asks_for_another_status_says_which_key_goes_there(client: redis.Redis) -> None:
    seed.failed(client, "mail")
    seed.finished(client, "mail")
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client, size=(120, 30)) as story:
        await story.app.push_screen(JobsScreen(None, Status.QUEUED))
        await settle(story.pilot)
        await typed(story, "status:failed queue:ma*")
        assert story.app.screen.query_one(StatusTabs).tabs == [Status.QUEUED, Status.FAILED, Status.FINISHED]
        assert "No queued job fits the filter." in story.text
        assert "It asks for failed jobs: press ]." in story.text
        await typed(story, "status:finished")
        assert "It asks for finished jobs: press [." in story.text
        await story.press("left_square_bracket")
        assert len(story.ids) == 1
        await typed(story, "status:scheduled")
        assert "It asks" not in story.text


async def test_a_bad_filter_says_where_it_is_wrong_and_stays(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await story.press("2")
        await typed(story, "queue:mail fnc:x")
        assert story.place == "FilterScreen"
        assert "did you mean func?" in line(story, "wrong")
        assert story.app.screen.query_one(Input).cursor_position == 11
        await story.press("escape")
        assert story.place == "JobsScreen"


async def test_terms_are_completed_and_earlier_filters_come_back(client: redis.Redis) -> None:
    seed.failed(client, "mail")
    async with dashboard(client) as story:
        await story.press("2")
        await typed(story, "error:message")
        await typed(story, "func:fail")
        await story.press("slash", "up", "up")
        field = story.app.screen.query_one(Input)
        assert field.value == "error:message"
        await story.press("down")
        assert field.value == "func:fail"
        field.value = ""
        await story.press(*"-queue:m", "right")
        assert field.value == "-queue:mail"
        await story.press("space", *"stat", "right", *"fail", "right")
        assert field.value == "-queue:mail status:failed"
        await story.press("space", *"func:te", "right")
        assert field.value == "-queue:mail status:failed func:tests.broker.tasks.fail"


async def test_what_ends_meanwhile_is_found_at_the_next_look(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client, size=(120, 30)) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await typed(story, "func:fail")
        assert len(story.ids) == 2
        seed.failed(client, count=1)
        await story.look_until(lambda: len(story.ids) == 3, "the third one")


async def test_what_is_in_a_list_is_counted_by_one_value_after_the_other(client: redis.Redis) -> None:
    queue = Queue("mail", connection=client)
    for customer in (7, 7, 8):
        queue.enqueue(tasks.add, 1, b=customer)
    queue.enqueue(tasks.fail, message='"quoted"')
    async with dashboard(client, size=(120, 30)) as story:
        await story.press("2", "b")
        assert story.place == "ContentsScreen"
        assert [(group.value, group.count) for group in story.table.rows] == [
            ("tests.broker.tasks.add", 3),
            ("tests.broker.tasks.fail", 1),
        ]
        assert line(story, "by") == "by  function   queue   worker   payload.b   payload.message"
        assert line(story, "looked") == "4 queued, in 2 groups"
        await story.press("shift+tab", "shift+tab")
        assert [(group.value, group.count) for group in story.table.rows] == [("7", 2), (None, 1), ("8", 1)]
        await story.press("enter")
        assert story.place == "JobsScreen"
        assert len(story.ids) == 2
        await story.press("q", "C")
        assert story.question().startswith('Cancel 2 queued jobs in all queues that fit payload.b:"7"')
        await story.press("y")
        assert story.app.said[-1] == "2 canceled"
        assert [(group.value, group.count) for group in story.table.rows] == [(None, 1), ("8", 1)]
        await story.press("enter")
        assert line(story, "crumb").startswith("all queues, all in mail   1–1 of 1   1 hidden   filter: -payload.b:*")
        assert len(story.ids) == 1
        await story.press("q", "tab", "enter")
        filtered = 'all queues, all in mail   1–1 of 1   1 hidden   filter: payload.message:"\\"quoted\\""'
        assert line(story, "crumb").startswith(filtered)
        assert len(story.ids) == 1


async def test_a_list_that_was_written_down_is_opened_by_the_palette(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        known = ["mail", "media"]
        screen = list_of("mail status:failed error:message", known)
        assert (screen.queue, screen.status) == ("mail", Status.FAILED)
        assert screen.filtered.expression.text == "status:failed error:message"
        plain = list_of("media status:finished", known)
        assert (plain.queue, plain.status, plain.filtered.is_on) == ("media", Status.FINISHED, False)
        assert list_of("", known).queue is None
        with pytest.raises(InvalidInput, match="did you mean status"):
            list_of("mail staus:failed", known)
        await story.press("ctrl+p")
        await story.paste("jobs mail status:failed")
        await story.app.screen.workers.wait_for_complete()
        await story.press("enter")
        assert story.place == "JobsScreen"
