"""What is typed fast, or pasted, into the fields of the dashboard."""

from __future__ import annotations

import pytest
import redis
from textual import events
from textual.keys import key_to_character
from textual.widgets import Input

from tests.broker import seed
from tests.screens.support import Story, dashboard, settle
from tests.screens.test_acting_story import failed_jobs

FIELDS = {
    "filter": ("slash",),
    "find": ("4", "ctrl+f"),
    "pipe": ("enter", "vertical_line"),
    "value": ("H",),
    "edit": ("e",),
    "palette": ("colon",),
}


async def burst(story: Story, *keys: str) -> None:
    """Keys that reach the dashboard all at once, as over a slow line."""
    for key in keys:
        story.app.post_message(events.Key(key, key_to_character(key)))
    await settle(story.pilot)


def field(story: Story) -> Input:
    """The field that has the focus."""
    assert isinstance(story.app.focused, Input), story.app.focused
    return story.app.focused


async def to_field(story: Story, name: str) -> Input:
    """Open the list of failed jobs, and from it what has the field."""
    await failed_jobs(story)
    await story.press(*FIELDS[name])
    return field(story)


@pytest.mark.parametrize("name", FIELDS)
async def test_keys_of_a_field_act_in_the_order_in_which_they_are_pressed(client: redis.Redis, name: str) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        value = await to_field(story, name)
        await burst(story, "end", "x", "ctrl+u", *"one two", "ctrl+w", *"three", "backspace", "home", *"ab", "ctrl+k", *"cd")
        assert value.value == "abcd"
        await burst(story, "ctrl+u", *"one two", "ctrl+a", *"no", "delete", "left", "left", *"x ")
        assert value.value == "x none two"


@pytest.mark.parametrize("name", FIELDS)
async def test_several_lines_and_odd_bytes_are_pasted_as_one_line(client: redis.Redis, name: str) -> None:
    seed.everything(client)
    async with dashboard(client, size=(60, 20)) as story:
        value = await to_field(story, name)
        await burst(story, "end", "ctrl+u")
        await story.paste("\r\n\none\t\x1b[31m\x00two\n\n  three\u202e\n")
        assert value.value == "one [31mtwo   three"
        await story.paste("ä" * 10_000)
        assert len(value.value) == 10_019
        await burst(story, "ctrl+u", "x")
        assert value.value == "x"
