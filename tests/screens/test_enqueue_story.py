"""The form: its fields, what it refuses, and what it puts into Redis."""

from __future__ import annotations

import pytest
import redis
from textual import events
from textual.widgets import Checkbox, Input, OptionList, Static

from qtui.screens.enqueue import NotEnqueued
from qtui.widgets.payload_form import FormField
from qtui_workers.define.decorator import MAIN_QUEUE
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput
from qtui_workers.server import keys
from tests.screens.support import Story, dashboard, settle
from tests.screens.widget_host import until


async def opened(story: Story, processor: str = "test_job") -> None:
    """The form of a processor."""
    await story.press("8")
    choices = story.app.screen.query_one("#list", OptionList)
    choices.highlighted = choices.get_option_index(processor)
    await settle(story.pilot)


def field(story: Story, name: str) -> FormField:
    """A field of the form by its name."""
    (found,) = [each for each in story.app.screen.query(FormField) if each.field.name == name]
    return found


async def fill(story: Story, **values: str) -> None:
    """Paste values into fields."""
    for name, text in values.items():
        entry = field(story, name).query_one(Input)
        entry.focus()
        await settle(story.pilot)
        entry.clear()
        await story.paste(text)


def error(story: Story, name: str) -> str:
    """What is said to be wrong with a field; '' where nothing is."""
    each = field(story, name)
    return str(each.query_one(".error", Static).render()) if each.has_class("-bad") else ""


async def test_the_form_is_made_from_the_payloads_schema(client: redis.Redis) -> None:
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story)
        names = [each.field.name for each in story.app.screen.query(FormField)]
        assert names == ["message", "seconds", "fail", "fail_first", "count", "queue", "priority", "delay", "attempts"]
        assert "How long it takes, in seconds. (a number, default 0)" in story.words
        await opened(story, "report")
        assert "title" in [each.field.name for each in story.app.screen.query(FormField)]
        assert "Its heading." in story.text


async def test_what_the_form_says_is_enqueued_exactly_and_the_job_can_be_opened(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        await fill(story, message="hello world", seconds="1.5")
        assert "$ qtui enqueue test_job 'message=hello world' seconds=1.5" in story.text
        await story.press("ctrl+e")
        (job_id,) = (raw.decode() for raw in client.lrange(keys.queue(MAIN_QUEUE), 0, -1))
        state = QueueService(client).status(job_id)
        assert state.payload == {"message": "hello world", "seconds": 1.5}
        assert f"✓ job {job_id} in {MAIN_QUEUE}" in story.text
        await story.press("ctrl+o")
        assert (story.place, story.app.screen.job_id) == ("JobScreen", job_id)


async def test_a_bad_value_shows_its_reason_at_the_field_and_enqueues_nothing(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        await fill(story, seconds="soon")
        assert "number" in error(story, "seconds")
        assert error(story, "message") == ""
        await story.press("ctrl+e")
        assert "Nothing was enqueued" in story.text
        assert story.app.focused is field(story, "seconds").query_one(Input)
        assert client.keys("*") == []
        await fill(story, seconds="0")
        assert error(story, "seconds") == ""


def outcome(story: Story) -> str:
    """What is said about what was enqueued last."""
    return str(story.app.screen.query_one("#outcome", Static).render())


async def test_what_is_enqueued_before_the_form_is_there_waits_for_it(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        for key in ("8", "ctrl+e"):
            story.app.post_message(events.Key(key, None))
        await settle(story.pilot)
        await until(lambda: outcome(story), "it is said what came of it")
        (job_id,) = (raw.decode() for raw in client.lrange(keys.queue(MAIN_QUEUE), 0, -1))
        assert outcome(story) == f"✓ job {job_id} in {MAIN_QUEUE}  (ctrl+o opens)"
        assert QueueService(client).status(job_id).payload == {}


async def test_what_is_enqueued_is_the_processor_under_the_cursor_at_that_time(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        choices = story.app.screen.query_one("#list", OptionList)
        choices.highlighted = choices.get_option_index("report")
        story.app.screen.action_enqueue()
        await settle(story.pilot)
        await until(lambda: outcome(story), "it is said what came of it")
        (job_id,) = (raw.decode() for raw in client.lrange(keys.queue(MAIN_QUEUE), 0, -1))
        assert (client.hget(keys.job(job_id), "description") or b"").startswith(b"report(")


async def test_a_refusal_names_the_field_and_goes_with_the_form_it_was_about(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        await fill(story, seconds="soon", count="0")
        await story.press("ctrl+e")
        assert outcome(story).startswith("Nothing was enqueued (and 1 more): ")
        assert "seconds: must be a valid number" in outcome(story)
        await fill(story, seconds="1")
        await story.press("ctrl+e")
        assert outcome(story) == "Nothing was enqueued: count: must be from 1 to 10,000, not 0"
        await fill(story, count="1", seconds="soon")
        await story.press("ctrl+e")
        await story.press("escape", "1", "8")
        assert outcome(story) == ""
        assert error(story, "seconds") != ""
        await story.press("ctrl+e")
        await fill(story, seconds="1")
        assert outcome(story) == ""
        await fill(story, seconds="soon")
        await story.press("ctrl+e")
        assert outcome(story) != ""
        await opened(story, "email")
        assert outcome(story) == ""
        await story.press("ctrl+e")
        assert outcome(story).startswith("Nothing was enqueued (and 2 more): to: ")
        await fill(story, count="2")
        assert error(story, "to") != "", "what was said stays while another field is edited"


async def test_a_bad_option_is_refused_like_a_bad_field(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        await fill(story, count="0", delay="soonish", attempts="many", queue="no spaces please")
        assert error(story, "count") == "must be from 1 to 10,000, not 0"
        assert "soonish" in error(story, "delay")
        assert error(story, "attempts") == "must be a whole number, not 'many'"
        await story.press("ctrl+e")
        assert client.keys("*") == []
        await fill(story, count="1", delay="5s", attempts="2")
        await story.press("ctrl+e")
        assert "Nothing was enqueued" in story.text
        assert "no spaces please" in story.text
        assert client.keys("*") == []


async def test_each_reason_is_at_its_own_field_whatever_its_text_says(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QTUI_PROCESSORS", "tests.screens.odd_payload")
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, "odd")
        await fill(story, docs="mine")
        assert error(story, "docs") == "see the docs; field 'name' is what you mean: try that"
        await fill(story, docs="", name_of_parent="too long")
        assert "at most 5 characters" in error(story, "name_of_parent")
        await fill(story, name_of_parent="", depth="{", height="1")
        assert "is not valid JSON" in error(story, "depth")
        await fill(story, depth='{"a": "b"}', height="[")
        assert "is not valid JSON" in error(story, "height")
        await fill(story, name_of_parent="too long")
        assert "at most 5 characters" in error(story, "name_of_parent")
        assert "is not valid JSON" in error(story, "height")
        await fill(story, name_of_parent="", height="")
        assert error(story, "depth").startswith("a: must be a valid integer")
        assert [name for name in ("name", "name_of_parent", "docs", "height") if error(story, name)] == []


async def test_a_reason_about_the_whole_payload_is_at_no_field_but_above_them(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QTUI_PROCESSORS", "tests.screens.odd_payload")
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, "whole")
        await story.press("ctrl+e")
        assert error(story, "flag") == ""
        assert str(story.app.screen.query_one("#payload .whole").render()) == "these do not go together"
        assert story.app.focused is field(story, "flag").query_one(Checkbox)
        assert client.keys("*") == []


async def test_a_count_of_25_enqueues_25_into_the_queue_that_was_named(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story, "report")
        await fill(story, title="Sales", count="25", queue="reports")
        await story.press("ctrl+e")
        ids = [raw.decode() for raw in client.lrange(keys.queue("reports"), 0, -1)]
        assert len(ids) == len(set(ids)) == 25
        assert {QueueService(client).status(job_id).payload["title"] for job_id in ids} == {"Sales"}
        assert "✓ 25 jobs in reports" in story.text


async def test_a_delay_schedules_the_job(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        await fill(story, delay="1h")
        await story.press("ctrl+e")
        ((_, due),) = client.zrange(keys.registry("scheduled", MAIN_QUEUE), 0, -1, withscores=True)
        assert 3_590 < due - client.time()[0] <= 3_601


async def test_typing_q_and_digits_in_a_field_types_them(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        await fill(story, message="")
        await story.press("q", "1", "question_mark", "colon", "r")
        assert story.place == "EnqueueScreen"
        assert field(story, "message").query_one(Input).value == "q1?:r"


async def test_escape_leaves_a_field_and_then_the_screen(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        await fill(story, message="hello")
        await story.press("escape")
        assert story.focused == "list"
        await story.press("1")
        assert story.place == "QueuesScreen"
        await story.press("8", "escape")
        assert story.place == "QueuesScreen"


async def test_a_box_shows_without_colour_whether_it_is_checked(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        box = field(story, "fail").query_one(Checkbox)
        box.focus()
        assert "X" not in str(box.render())
        await story.press("space")
        assert "X" in str(box.render())


async def test_a_reason_that_is_found_while_enqueuing_is_at_its_field(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await opened(story)
        story.app.screen.post_message(NotEnqueued(InvalidInput("delay is too long", {"delay": "is too long"})))
        await settle(story.pilot)
        assert error(story, "delay") == "is too long"
        assert story.app.focused is field(story, "delay").query_one(Input)


async def test_a_read_only_connection_enqueues_nothing(client: redis.Redis) -> None:
    async with dashboard(client, read_only=True) as story:
        await opened(story)
        assert story.button("enqueue").disabled
        await story.press("ctrl+e")
        assert (client.keys("*"), story.app.said) == ([], ["test is read-only."])


async def test_a_secret_is_hidden_while_it_is_typed_and_not_repeated_in_the_command(client: redis.Redis) -> None:
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, "webhook")
        await fill(story, secret="whsec_c2VjcmV0")
        assert "c2VjcmV0" not in story.text
        assert "secret=…" in story.words


async def test_a_required_field_is_no_error_until_it_was_touched_or_the_form_is_sent(client: redis.Redis) -> None:
    async with dashboard(client, size=(120, 40)) as story:
        await opened(story, "audit_log")
        await fill(story, org_id="acme")
        assert (error(story, "org_id"), error(story, "action")) == ("", "")
        await story.press("ctrl+e")
        assert (error(story, "org_id"), error(story, "action")) == ("", "is required")
