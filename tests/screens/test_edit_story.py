"""A job is edited in a form, and enqueued as a new one."""

from __future__ import annotations

import redis
from rq import Queue
from rq.job import Job
from textual.widgets import Checkbox, Input

from qtui.broker.one_job.payload_fields import Field
from qtui.screens.edit import _filled
from qtui.widgets.panes import Panes
from qtui.widgets.payload_form import PayloadForm
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard
from tests.screens.test_job_story import opened
from tests.screens.widget_host import Host


def inputs(story: Story) -> list[Input]:
    return list(story.app.screen.query("#form Input").results(Input))


def copies(client: redis.Redis, job_id: str) -> list[str]:
    return (client.hget(keys.job(job_id), keys.FIELD_EDITED_AS) or b"").decode().split()


async def test_a_job_of_a_processor_is_edited_by_its_fields_and_the_new_one_opens(client: redis.Redis) -> None:
    old = QueueService(client).enqueue("test_job", {"message": "hello"}).id
    async with dashboard(client) as story:
        await opened(story, old)
        await story.press("e")
        assert story.place == "EditScreen"
        message = next(each for each in inputs(story) if each.value == "hello")
        assert inputs(story)[0].has_focus
        message.value = "bye"
        await story.press("ctrl+e")
        (new,) = copies(client, old)
        assert (story.place, story.app.screen.job_id) == ("JobScreen", new)
        assert QueueService(client).status(new).payload["message"] == "bye"
        story.app.screen.query_one(Panes).open("related")
        await story.look()
        assert "edited from" in story.text
        assert old[:8] in story.text
        await story.press("enter")
        assert story.app.screen.job_id == old
        story.app.screen.query_one(Panes).open("related")
        await story.look()
        assert "edited as" in story.text
        await story.press("escape", "escape")
        assert story.app.screen.job_id == old


async def test_a_wrong_field_is_said_and_nothing_is_enqueued(client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    async with dashboard(client) as story:
        await opened(story, old)
        await story.press("e")
        args, kwargs = inputs(story)
        assert (args.value, kwargs.value) == ('["message 0"]', "{}")
        args.value = '["message 0"'
        await story.press("ctrl+e")
        assert "is not valid JSON" in story.words
        args.value = '{"a": 1}'
        await story.press("ctrl+e")
        assert "must be a JSON list" in story.words
        assert (story.place, copies(client, old)) == ("EditScreen", [])
        args.value = '["other"]'
        await story.press("ctrl+e")
        (new,) = copies(client, old)
        assert Job.fetch(new, connection=client).args == ("other",)


async def test_unchanged_it_is_a_duplicate_and_a_reload_keeps_what_is_typed(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, 1, b=2)
    async with dashboard(client) as story:
        await opened(story, job.id)
        await story.press("e")
        assert "The old job is queued, and stays so." in story.text
        inputs(story)[0].value = "[7]"
        story.app.screen.reload()
        await story.press("tab")
        assert inputs(story)[0].value == "[7]"
        inputs(story)[0].value = "[1]"
        await story.press("ctrl+e")
        assert story.app.said == ["A duplicate is in mail."]
        assert len(copies(client, job.id)) == 1


async def test_what_cannot_be_edited_says_why(client: redis.Redis) -> None:
    job = Queue("mail", connection=client).enqueue(tasks.add, (1, 2))
    async with dashboard(client) as story:
        await opened(story, job.id)
        await story.press("e")
        assert "cannot be edited: args[0] is a tuple, which JSON cannot hold" in story.words
        await story.press("ctrl+e", "escape")
        assert (story.place, copies(client, job.id)) == ("JobScreen", [])


async def test_a_read_only_connection_edits_nothing(client: redis.Redis) -> None:
    (old,) = seed.failed(client)
    async with dashboard(client, name="prod", read_only=True) as story:
        await opened(story, old)
        await story.press("e")
        assert (story.place, story.app.said) == ("JobScreen", ["prod is read-only."])


async def test_the_job_under_the_cursor_of_a_list_is_edited(client: redis.Redis) -> None:
    old = QueueService(client).enqueue("test_job", {"message": "hello"}).id
    async with dashboard(client) as story:
        await story.press("2", "e")
        assert story.place == "EditScreen"
        await story.press("ctrl+e")
        (new,) = copies(client, old)
        assert (story.place, story.app.screen.job_id) == ("JobScreen", new)
        await story.press("escape")
        assert story.place == "JobsScreen"


async def test_a_box_has_the_value_of_the_job_and_names_the_default_of_the_processor(client: redis.Redis) -> None:
    old = QueueService(client).enqueue("test_job", {"fail": True}).id
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, old)
        await story.press("e")
        assert story.app.screen.query_one(Checkbox).value is True
        assert "Fail in every attempt. (yes or no, default false)" in story.words
        await story.press("ctrl+e")
        (new,) = copies(client, old)
        assert QueueService(client).status(new).payload == {"fail": True}


async def test_a_choice_has_the_value_of_the_job_and_names_the_default_of_the_processor() -> None:
    field = Field("colour", "choice", required=False, default="red", choices=("red", "blue"))
    app = Host(PayloadForm([_filled(field, "blue")]))
    async with app.run_test():
        (each,) = app.query_one(PayloadForm).form_fields
        assert (each.text, each.is_changed) == ("blue", False)
        assert each.field.hint == 'red or blue, default "red"'


async def test_what_is_enqueued_before_the_job_is_read_is_said_to_wait(client: redis.Redis) -> None:
    old = QueueService(client).enqueue("test_job").id
    async with dashboard(client) as story:
        await opened(story, old)
        await story.press("e")
        story.app.screen.data = None
        await story.press("ctrl+e")
        assert "Nothing was enqueued: the job is still being read. Press ctrl+e again." in story.words
        assert copies(client, old) == []
