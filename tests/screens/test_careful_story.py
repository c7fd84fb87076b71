"""Retrying with care in the dashboard: a few first, over a time, and taken back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import redis

from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from qtui.widgets.operation_line import OperationLine
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.test_careful import worker_that
from tests.screens.support import Story, dashboard, settle
from tests.screens.test_acting_story import FAILED, failed_jobs, queued
from tests.screens.test_stuck_story import type_key

SCHEDULED = keys.registry("scheduled", "mail")


async def until(predicate: Callable[[], object], story: Story) -> None:
    """Go on while the operation runs; the test's own limit ends what never comes."""
    while not predicate():
        await story.pilot.pause(0)
        await asyncio.sleep(0.01)
        story.app.screen.query_one(OperationLine).follow()


async def test_p_asks_about_one_way_of_retrying_after_the_other(client: redis.Redis) -> None:
    seed.failed(client, count=8)
    client.set(keys.scheduler_lock("mail"), "scheduler")
    async with dashboard(client, name="prod") as story:
        await failed_jobs(story)
        await story.press("a", "R")
        assert story.question() == "Retry 8 failed jobs in mail on prod?"
        assert "p ●now canary 5 canary 5, over 30 min over 30 min 50/s" in story.words
        await story.press("p")
        assert story.question() == "Retry 8 failed jobs in mail (canary 5, then at once) on prod?"
        assert "stops by itself where more than 10 % of the retried jobs fail again" in story.words
        assert "qtui retry --canary 5" in story.words
        await story.press("p", "p")
        assert story.question() == "Retry 8 failed jobs in mail (over 30 min) on prod?"
        await story.press("p", "p")
        assert story.question() == "Retry 8 failed jobs in mail on prod?"
        await story.press("escape")
        assert client.zcard(FAILED) == 8


async def test_p_pressed_faster_than_it_looks_closes_nothing(client: redis.Redis) -> None:
    seed.failed(client, count=8)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a")
        for key in ("R", "p", "p", "p"):
            type_key(story.app, key)
        await settle(story.pilot)
        assert story.place == "ConfirmScreen"


async def test_the_keys_of_the_dialog_work_while_a_number_is_to_be_typed(client: redis.Redis) -> None:
    (model,) = seed.failed(client)
    seed.copies(client, model, 100)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a", "R", "p")
        assert story.question() == "Retry 101 failed jobs in mail (canary 5, then at once) on test?"
        await story.press("c")
        assert story.app.clipboard.startswith("qtui retry --canary 5 --all")
        await story.press("n")
        assert story.place == "JobsScreen"
        with worker_that(client, "finished"):
            await story.press("R", "p", *"101", "enter")
        assert story.app.said[-1] == "101 retried"


async def test_there_is_one_way_to_retry_one_job(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("R")
        assert "canary" not in story.text
        await story.press("p")
        assert story.place == "JobsScreen"


async def test_the_others_follow_a_canary_that_finishes(client: redis.Redis) -> None:
    seed.failed(client, count=8)
    async with dashboard(client) as story:
        await failed_jobs(story)
        with worker_that(client, "finished"):
            await story.press("a", "R", "p", "y")
        assert client.zcard(FAILED) == 0
        assert story.app.said == ["8 retried"]


async def test_nothing_follows_a_canary_that_fails_again_and_the_figures_say_why(client: redis.Redis) -> None:
    seed.failed(client, count=8)
    async with dashboard(client) as story:
        await failed_jobs(story)
        with worker_that(client, "failed"):
            await story.press("a", "R", "p", "y")
        assert client.zcard(FAILED) == 8
        (said,) = story.app.said
        why = r"5 retried; 3 × not tried: (\d) of \1 retried jobs failed again, more than 10 %"
        assert re.fullmatch(why, said), "it stops at the first that it sees"


async def test_a_canary_shows_what_it_waits_for_and_escape_stops_it(client: redis.Redis) -> None:
    seed.failed(client, count=8)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a", "R", "p")
        await story.pilot.press("y")
        line = story.app.screen.query_one(OperationLine)
        await until(lambda: "5 of 8  canary: 0 of 5 finished, waiting for the others  esc stops" in str(line.render()), story)
        await story.pilot.press("escape")
        await settle(story.pilot)
        assert len(queued(client)) == 5
        assert story.app.said == ["5 retried; 3 × not tried: stopped before"]
        assert story.place == "JobsScreen"
        assert story.app.session.watched is not None
        assert len(story.app.session.watched) == 5, "the others were not tried"


async def test_w_watches_the_jobs_of_the_retry_that_runs_as_they_are_done(client: redis.Redis) -> None:
    before = seed.failed(client, "media", 2)
    seed.failed(client, count=8)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("media", Status.FAILED))
        await settle(story.pilot)
        await story.press("a", "R", "y", "w")
        assert sorted(story.ids) == sorted(before)
        await story.press("escape", "escape")
        await failed_jobs(story)
        await story.press("a", "R", "p")
        await story.pilot.press("y")
        line = story.app.screen.query_one(OperationLine)
        await until(lambda: "canary: 0 of 5 finished" in str(line.render()), story)
        assert story.app.session.running is not None
        await story.pilot.press("w")
        await until(lambda: "5 of 8 jobs retried 1–5" in story.words, story)
        assert sorted(story.ids) == sorted(queued(client))
        assert "0 % · queued 5" in story.words
        with worker_that(client, "finished"):
            await until(lambda: story.app.session.running is None, story)
            await story.look_until(lambda: "100 % ✓ finished 8" in story.words, "all have ended")
        assert "8 jobs retried 1–8" in story.words


async def test_nothing_is_spread_where_no_scheduler_lives(client: redis.Redis) -> None:
    seed.failed(client, count=8)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a", "R", "p", "p", "p")
        assert story.question().startswith("no scheduler is alive for mail")
        assert story.button("yes").disabled
        await story.press("y")
        assert client.zcard(FAILED) == 8
        await story.press("p")
        assert "(50 a second)" in story.question()


async def test_what_was_spread_is_taken_back_by_z_and_before_that_by_its_batch(client: redis.Redis) -> None:
    seed.failed(client, count=8)
    client.set(keys.scheduler_lock("mail"), "scheduler")
    async with dashboard(client, name="prod") as story:
        await failed_jobs(story)
        await story.press("a", "R", "p", "p", "p", "y")
        assert client.zcard(SCHEDULED) == 8
        batch = story.app.session.spread
        await story.press("z")
        assert story.question() == f"Take back 8 scheduled jobs in all queues that fit batch:{batch} on prod?"
        assert f"qtui cancel --batch {batch}" in story.words
        await story.press("escape")
        story.app.action_take_back()
        await settle(story.pilot)
        assert story.question() == "Take back: which one?"
        await story.press("enter", "y")
        assert client.zcard(FAILED) == 8
        assert client.zcard(SCHEDULED) == 0
        assert story.app.said[-1] == "8 taken back, and failed again as before"
        await story.press("z")
        assert story.question().startswith("there is nothing in the trash")
