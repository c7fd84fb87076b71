"""Retry and remove: the question, the change in Redis, the notification."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from rq.job import Job

from qtui.broker.bulk.chunks import FIRST
from qtui.broker.lists.schedule import CronRow
from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from qtui.widgets.operation_line import OperationLine
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.seed import copies
from tests.screens.support import Story, dashboard, settle

FAILED = keys.registry("failed", "mail")


async def failed_jobs(story: Story, queue: str | None = "mail") -> None:
    """The failed jobs of a queue."""
    await story.app.push_screen(JobsScreen(queue, Status.FAILED))
    await settle(story.pilot)


def queued(client: redis.Redis, queue: str = "mail") -> set[str]:
    return {job_id.decode() for job_id in client.lrange(keys.queue(queue), 0, -1)}


async def test_retry_asks_with_the_number_and_the_connection_and_enter_alone_cancels(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, name="prod-eu") as story:
        await failed_jobs(story)
        await story.press("R")
        assert story.question() == "Retry 1 job on prod-eu?"
        assert "ValueError: message 0" in story.text
        assert story.focused == "no"
        await story.press("enter")
        assert story.place == "JobsScreen"
        assert queued(client) == set()
        assert story.ids == [job_id]


async def test_y_retries_the_job_and_it_leaves_the_failed_tab(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("j")
        chosen, others = story.ids[1], {story.ids[0], story.ids[2]}
        await story.press("R", "y")
        assert queued(client) == {chosen}
        assert Job.fetch(chosen, connection=client).get_status() == "queued"
        assert set(story.ids) == others
        assert "✗ failed 2" in story.text
        assert story.app.said == ["1 retried"]


async def test_a_retried_job_runs_again_and_its_end_is_seen(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("R", "y")
        assert story.ids == []
        seed.work(client, "mail")
        await story.look()
        assert story.ids == [job_id]


async def test_escape_and_n_cancel(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        for key in ("escape", "n"):
            await story.press("D", key)
            assert story.place == "JobsScreen"
        assert client.zcard(FAILED) == 1


async def test_the_button_is_reached_with_an_arrow_and_does_it(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("R", "right")
        assert story.focused == "yes"
        await story.press("enter")
        assert queued(client) == {job_id}


async def test_marked_jobs_are_retried_and_the_marks_are_gone(client: redis.Redis) -> None:
    seed.failed(client, count=6)
    async with dashboard(client) as story:
        await failed_jobs(story)
        marked = {story.ids[0], *story.ids[2:5]}
        await story.press("space", "j", "space", "j", "v", "R")
        assert story.question() == "Retry 4 jobs on test?"
        await story.press("y")
        assert queued(client) == marked
        assert len(story.ids) == 2
        assert story.table.marked == set()
        assert story.app.said == ["4 retried"]


async def test_marks_stay_when_an_operation_is_cancelled(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("space", "R", "escape")
        assert len(story.table.marked) == 1


async def test_remove_needs_more_than_a_letter_and_takes_job_result_and_entry(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("D")
        assert story.question() == "Remove 1 job on test?"
        await story.press("tab", "enter")
        assert client.exists(keys.job(job_id), keys.results(job_id), FAILED) == 0
        assert story.app.said == ["1 removed"]
        assert "No failed jobs here." in story.text


async def test_a_takes_all_of_the_tab_also_those_that_are_not_loaded(client: redis.Redis) -> None:
    (model,) = seed.failed(client)
    copies(client, model, 1_199)
    (kept,) = seed.failed(client, "media")
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a")
        assert "● 1,200 selected (all failed)" in story.text
        assert len(story.ids) < 1_200
        await story.press("D")
        assert story.question() == "Remove 1,200 failed jobs in mail on test?"
        await story.press("tab", *"1200", "enter")
        assert client.exists(FAILED) == 0
        assert list(client.scan_iter(f"{keys.JOB_PREFIX}*")) == [keys.job(kept).encode()]
        assert story.app.said == ["1,200 removed"]
        assert "selected" not in story.text


async def test_all_failed_jobs_of_all_queues_can_be_retried(client: redis.Redis) -> None:
    seed.failed(client, "mail", count=2)
    seed.failed(client, "media", count=1)
    async with dashboard(client) as story:
        await failed_jobs(story, None)
        await story.press("a", "R")
        assert story.question() == "Retry 3 failed jobs in all queues on test?"
        await story.press("y")
        assert (len(queued(client, "mail")), len(queued(client, "media"))) == (2, 1)


async def test_jobs_that_vanished_meanwhile_are_reported_as_not_done(client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a", "R")
        assert story.question() == "Retry 3 failed jobs in mail on test?"
        Job.fetch(ids[0], connection=client).requeue()
        Job.fetch(ids[1], connection=client).delete()
        await story.press("y")
        (said,) = story.app.said
        assert set(said.split("; ")) == {"1 retried", "1 × no longer failed", "1 × the job is gone"}
        assert queued(client) == {ids[0], ids[2]}


async def test_the_dialog_counts_what_cannot_be_done_and_offers_no_yes_where_nothing_can(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        Job.fetch(job_id, connection=client).requeue()
        await story.press("R")
        assert story.question() == "Nothing to retry on test."
        assert "1 × no longer failed" in story.text
        assert story.button("yes").disabled
        await story.press("y")
        assert story.place == "ConfirmScreen"


@contextmanager
def writes_wait(client: redis.Redis) -> Iterator[None]:
    """Meanwhile the server answers what only reads, and lets everything else wait."""
    client.client_pause(20_000, all=False)
    try:
        yield
    finally:
        client.client_unpause()


async def test_an_operation_under_way_shows_how_far_it_is_and_escape_stops_it_first(client: redis.Redis) -> None:
    (model,) = seed.failed(client)
    copies(client, model, 499)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a", "D", "tab", *"500")
        with writes_wait(client):
            await story.pilot.press("enter")
            line = story.app.screen.query_one(OperationLine)
            line.follow()
            assert "0 of 500  esc stops" in str(line.render())
            await story.pilot.pause()
            *_, above, lowest = story.text.splitlines()
            assert "0 of 500  esc stops" in above
            assert "q Quit" in lowest
            await story.pilot.press("escape")
            line.follow()
            assert "stopping …" in str(line.render())
        await settle(story.pilot)
        assert client.zcard(FAILED) == 500 - FIRST
        assert story.app.said == [f"{FIRST} removed; {500 - FIRST} × not tried: stopped before"]
        assert story.place == "JobsScreen"
        line.follow()
        assert not line.display


async def test_one_operation_runs_at_a_time(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("R")
        with writes_wait(client):
            await story.pilot.press("y", "D")
            assert story.place == "JobsScreen"
        await settle(story.pilot)
        assert story.app.said == ["Wait: a retry is under way.", "1 retried"]
        assert client.zcard(FAILED) == 1


async def test_keys_of_operations_that_a_status_does_not_allow_do_nothing(client: redis.Redis) -> None:
    seed.finished(client)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FINISHED))
        await settle(story.pilot)
        assert (story.can("R"), story.can("D")) == (False, True)
        await story.press("R")
        assert story.place == "JobsScreen"
        assert "Retry" not in story.text


async def test_a_read_only_connection_refuses_every_operation(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client, read_only=True) as story:
        await failed_jobs(story)
        assert "read-only" in story.text.splitlines()[0]
        assert (story.can("R"), story.can("D")) == (False, False)
        await story.press("R", "j", "C")
        assert (story.place, story.app.said) == ("JobsScreen", ["test is read-only."])
        story.app.screen.action_act("remove")
        assert story.app.said == ["test is read-only."] * 2
        assert client.zcard(FAILED) == 1


async def test_a_job_is_retried_and_removed_from_its_own_screen(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("enter", "R", "y")
        assert story.place == "JobScreen"
        assert "queued" in story.text.splitlines()[2]
        await story.press("D", "tab", "enter")
        assert client.exists(keys.job(job_id)) == 0
        assert story.place == "JobsScreen"


async def test_a_key_that_has_no_job_to_act_on_says_so(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("R", "q", "4", "S")
        assert story.app.said == ["Retry: there is no job in this list.", "Stop: nothing runs."]


async def test_a_key_that_cannot_act_on_this_job_says_why_and_what_can(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.press("4", "R")
        assert (
            story.app.said.pop()
            == "Retry is for failed or stopped jobs only; this one is started. Possible: S Stop, B Put back, F Fail."
        )
        await story.press("D")
        assert story.app.said.pop().startswith(
            "Remove is not for started, rate limited or created jobs; this one is started. Possible: S Stop"
        )
        await story.press("enter", "R", "S", "escape", "M")
        assert [said[:12] for said in story.app.said] == ["Retry is for", "Move is for "]
        story.app.said.clear()
        await story.press("q", "6")
        await story.look_until(lambda: story.table.total, "something is scheduled")
        while isinstance(story.table.cursor_row, CronRow):
            await story.press("j")
        await story.press("enter", "T")
        assert story.app.said.pop().startswith("Stack is for started jobs only; this one is scheduled. Possible: ")
        await story.press("j", "L")
        assert not story.app.said
