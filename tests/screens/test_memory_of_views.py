"""What is held of views that were closed."""

from __future__ import annotations

import gc

import redis
from textual.strip import Strip

from qtui.broker.status import Status
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from tests.broker import seed
from tests.screens.support import dashboard, settle


def strips(*, collected: bool = True) -> int:
    """Lines that were drawn and are still held; without `collected` also by circles."""
    if collected:
        gc.collect()
    return sum(isinstance(held, Strip) for held in gc.get_objects())


async def test_of_a_job_that_was_closed_nothing_that_was_drawn_is_held(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        held = []
        for _ in range(6):
            await story.press("enter")
            assert isinstance(story.app.screen, JobScreen)
            await story.press("escape")
            held.append(strips())
        # The last view may still be closing when it is looked for.
        assert min(held[3:]) <= min(held[:3]) + 10


async def test_most_of_what_was_drawn_is_let_go_of_before_circles_are_collected(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await story.app.push_screen(JobsScreen("mail", Status.FAILED))
        await settle(story.pilot)
        await story.press("enter", "escape")
        before = strips()
        gc.disable()
        try:
            await story.press("enter")
            drawn = strips(collected=False) - before
            await story.press("escape")
            left = strips(collected=False) - before
        finally:
            gc.enable()
        assert left < drawn / 2, (left, drawn)
