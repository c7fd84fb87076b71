"""Moving jobs from the dashboard: the question, what is refused, and that typing into the field does not answer the question."""

from __future__ import annotations

import redis
from rq import Queue

from qtui.broker.status import Status
from qtui.screens.jobs import JobsScreen
from tests.broker import tasks
from tests.screens.support import Story, dashboard, settle


async def waiting_jobs(story: Story) -> None:
    """The jobs that wait in a queue."""
    await story.app.push_screen(JobsScreen("mail", Status.QUEUED))
    await settle(story.pilot)


def enqueue(client: redis.Redis, count: int) -> list[str]:
    mail = Queue("mail", connection=client)
    return [mail.enqueue(tasks.add, number).id for number in range(count)]


def queued(client: redis.Redis, queue: str) -> list[str]:
    return Queue(queue, connection=client).get_job_ids()


async def test_the_queue_is_typed_then_the_question_asked_then_y_moves_the_job(client: redis.Redis) -> None:
    enqueue(client, 3)
    async with dashboard(client, name="prod-eu") as story:
        await waiting_jobs(story)
        assert "M Move" in story.text
        chosen = story.ids[0]
        await story.press("M")
        assert (story.question(), story.focused) == ("Move: to which queue?", "value")
        assert "QUEUE: The queue that it goes to" in story.text
        assert story.button("yes").disabled
        await story.press(*"bulky", "backspace", "enter")
        assert story.question() == "Move 1 job to bulk on prod-eu?"
        assert "bulk: nobody listens; the jobs will wait" in story.text
        assert story.focused == "no"
        await story.press("y")
        assert queued(client, "bulk") == [chosen]
        assert len(queued(client, "mail")) == 2
        assert story.app.said == ["1 moved"]
        assert chosen not in story.ids


async def test_all_jobs_of_the_tab_are_moved(client: redis.Redis) -> None:
    ids = enqueue(client, 3)
    async with dashboard(client) as story:
        await waiting_jobs(story)
        await story.press("a", "M", *"bulk", "enter")
        assert story.question() == "Move 3 queued jobs in mail to bulk on test?"
        await story.press("y")
        assert queued(client, "bulk") == ids
        assert "No queued jobs here." in story.text


async def test_letters_that_answer_questions_are_text_while_the_queue_is_typed(client: redis.Redis) -> None:
    ids = enqueue(client, 1)
    async with dashboard(client) as story:
        await waiting_jobs(story)
        await story.press("M", *"yhnl")
        assert (story.place, story.focused) == ("ConfirmScreen", "value")
        await story.press("enter")
        assert story.question() == "Move 1 job to yhnl on test?"
        await story.press("enter")
        assert (story.place, queued(client, "mail")) == ("JobsScreen", ids)


async def test_a_name_that_no_queue_may_have_is_refused_where_it_was_typed(client: redis.Redis) -> None:
    ids = enqueue(client, 1)
    async with dashboard(client) as story:
        await waiting_jobs(story)
        await story.press("M", "enter")
        assert story.question() == "move needs a QUEUE: the queue that it goes to."
        await story.press("a", "space", "b", "enter")
        assert story.question().startswith("queue name 'a b' is not allowed: use 1 to 200 letters")
        assert (story.focused, story.button("yes").disabled) == ("value", True)
        await story.press("escape")
        assert (story.place, queued(client, "mail")) == ("JobsScreen", ids)


async def test_another_value_takes_the_question_back(client: redis.Redis) -> None:
    ids = enqueue(client, 1)
    async with dashboard(client) as story:
        await waiting_jobs(story)
        await story.press("M", *"bulk", "enter")
        assert not story.button("yes").disabled
        await story.press("shift+tab", "x")
        assert story.question() == "Move: to which queue?"
        assert "nobody listens" not in story.text
        assert story.button("yes").disabled
        await story.press("tab", "y")
        assert (story.place, queued(client, "mail")) == ("ConfirmScreen", ids)


async def test_where_nothing_can_be_moved_there_is_no_yes(client: redis.Redis) -> None:
    ids = enqueue(client, 1)
    async with dashboard(client) as story:
        await waiting_jobs(story)
        await story.press("M", *"mail", "enter")
        assert story.question() == "Nothing to move on test."
        assert "1 × it is in that queue already" in story.text
        await story.press("y")
        assert (story.place, queued(client, "mail")) == ("ConfirmScreen", ids)


async def test_a_read_only_connection_does_not_even_ask(client: redis.Redis) -> None:
    ids = enqueue(client, 1)
    async with dashboard(client, read_only=True) as story:
        await waiting_jobs(story)
        assert not story.can("M")
        story.app.screen.action_act("move")
        assert (story.place, story.app.said) == ("JobsScreen", ["test is read-only."])
        assert queued(client, "mail") == ids
