"""Holding a function from the dashboard, seeing what is held, letting one through, and releasing it."""

from __future__ import annotations

import redis
from rq import Queue

from qtui.broker.status import Status
from qtui.screens.failures import FailuresScreen
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui_workers.enqueue.holds import placed
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, settle


async def open_jobs(story: Story, status: Status) -> None:
    await story.app.push_screen(JobsScreen("mail", status))
    await settle(story.pilot)


async def test_the_function_under_the_cursor_is_held_and_released(client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    ids = [mail.enqueue(tasks.add, n, b=n % 2).id for n in range(4)]
    async with dashboard(client, name="prod-eu") as story:
        await open_jobs(story, Status.QUEUED)
        await story.press("H")
        assert story.question().startswith("Hold: which jobs?")
        await story.paste(" b=1 # gateway is down")
        await story.press("enter")
        assert story.question() == (
            "Hold tests.broker.tasks.add b=1 on prod-eu? 2 queued jobs and every new one wait until it is released."
        )
        await story.press("y")
        assert story.app.said == ["tests.broker.tasks.add b=1 is held from now on; 2 held"]
        (hold,) = placed(client)
        assert hold.reason == "gateway is down"
        assert mail.get_job_ids() == ids[::2]

        await open_jobs(story, Status.DEFERRED)
        assert "‖" in story.text
        assert "held by" in story.text
        assert "gateway is down" in story.text
        await story.press("E", "y")
        assert "1 put at the head of its queue; 1 × let through its hold, once" in story.app.said[-1]
        assert len(mail.get_job_ids()) == 3
        await story.press("H")
        assert (
            story.question()
            == "Release tests.broker.tasks.add b=1 on prod-eu? 1 held job would go back to the head of its queue."
        )
        await story.press("y")
        assert story.app.said[-1].startswith("tests.broker.tasks.add b=1 is released; 1 put back")
        assert client.exists(keys.HOLDS) == 0
        assert len(mail.get_job_ids()) == 4


async def test_a_held_job_says_so_and_what_to_press(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        await story.app.push_screen(JobScreen(job.id))
        await settle(story.pilot)
        await story.press("H", "enter", "y")
        await story.look()
        assert "‖ held" in story.text
        assert "held by" in story.text


async def test_the_function_of_a_cause_is_held(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await story.app.push_screen(FailuresScreen())
        await settle(story.pilot)
        await story.press("H", "enter")
        assert story.question().startswith("Hold tests.broker.tasks.fail on test? 0 queued jobs and every new one")
        await story.press("y")
        assert [hold.text for hold in placed(client)] == ["tests.broker.tasks.fail"]


async def test_what_is_typed_wrongly_is_said_in_place_of_the_question(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        await open_jobs(story, Status.QUEUED)
        await story.press("H")
        await story.paste(" customer")
        await story.press("enter")
        assert "is no value of a payload" in story.question()
        assert story.button("yes").disabled
        await story.press("escape")
        assert client.exists(keys.HOLDS) == 0


async def test_a_value_of_the_payload_is_held_from_the_counts_of_a_list(client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    for n in range(4):
        mail.enqueue(tasks.add, n, b=n % 2)
    async with dashboard(client) as story:
        await open_jobs(story, Status.QUEUED)
        await story.press("b", "H", "enter")
        assert story.question().startswith("Hold tests.broker.tasks.add on test? 4 queued jobs")
        await story.press("escape", "shift+tab", "H", "enter")
        assert story.question().startswith("Hold tests.broker.tasks.add b=")
        await story.press("y")
        assert story.app.said[-1].endswith("2 held")
