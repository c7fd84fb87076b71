"""The keys that work everywhere: places, back, help, palette, quit."""

from __future__ import annotations

import pytest
import redis
from textual import events
from textual.widgets import Static

from qtui.screens.jobs import JobsScreen
from qtui.screens.live import LiveScreen
from qtui.screens.schedule import ScheduleScreen
from qtui.widgets.footer import Keys
from tests.broker import seed
from tests.screens.support import Story, dashboard, settle


async def choose(story: Story, text: str) -> None:
    """Open the palette, type, and take the first of what it finds."""
    await story.press("colon")
    await take_first(story, text)


async def take_first(story: Story, text: str) -> None:
    """Type into the palette, and take the first of what it finds, with one enter or two."""
    await story.paste(text)
    await story.press("enter")
    if story.place == "CommandPalette":
        await story.press("enter")


async def test_digits_open_the_screens_and_the_bar_marks_where_one_is(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        for key, place in (("2", "Jobs"), ("4", "Live"), ("5", "Workers"), ("8", "Enqueue"), ("1", "Queues")):
            await story.press(key)
            assert story.place == f"{place}Screen"
            assert str(story.app.screen.query_one("Nav .-active").render()) == f"{key} {place}"


async def test_the_keys_at_the_bottom_are_those_of_the_moment_and_a_click_presses_one(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client, size=(100, 10)) as story:
        assert "P Pause" in story.text.splitlines()[-1]
        await story.press("P", "y")
        line = story.text.splitlines()[-1]
        assert "P Resume" in line
        await story.pilot.hover("Footer Keys", offset=(line.index("? Help"), 0))
        assert story.app.screen.query_one(Keys).tooltip == "The keys of this screen"
        await story.pilot.click("Footer Keys", offset=(line.index("P Resume") + 3, 0))
        assert story.question().startswith("Resume")
        await story.press("escape")
        await story.pilot.click("Footer Keys", offset=(line.index("P Resume") - 1, 0))
        assert story.place == "QueuesScreen"


async def test_a_click_on_a_key_that_is_dimmed_does_nothing(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client, size=(100, 10), read_only=True) as story:
        await story.pilot.click("Footer Keys", offset=(story.text.splitlines()[-1].index("P Pause"), 0))
        assert story.place == "QueuesScreen"


async def test_q_goes_back_screen_by_screen_and_quits_from_the_lowest(client: redis.Redis) -> None:
    seed.failed(client, hours_ago=1)
    async with dashboard(client) as story:
        await story.press("enter", "enter")
        await story.press("q")
        assert story.place == "JobsScreen"
        await story.press("q")
        assert story.place == "QueuesScreen"
        assert not story.app._exit
        await story.pilot.press("q")
        assert story.app._exit


@pytest.mark.parametrize(("key", "words"), [("1", "Next order"), ("2", "Put it back into its queue"), ("8", "Enqueue what")])
async def test_help_lists_the_keys_of_the_screen_below(client: redis.Redis, key: str, words: str) -> None:
    seed.failed(client)
    async with dashboard(client, size=(100, 60)) as story:
        await story.press(key)
        below = story.place
        await story.press("question_mark")
        assert story.place == "HelpScreen"
        assert words in story.words
        assert "The keys of this screen" in story.words
        await story.press("escape")
        assert story.place == below


async def test_the_palette_finds_a_queue_by_its_name(client: redis.Redis) -> None:
    seed.failed(client, "publishing-builds")
    seed.failed(client, "mail")
    async with dashboard(client) as story:
        await choose(story, "publish")
        assert story.place == "JobsScreen"
        assert story.app.screen.queue == "publishing-builds"


async def test_the_palette_opens_a_job_by_its_id(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        await choose(story, job_id)
        assert story.place == "JobScreen"
        assert story.app.screen.job_id == job_id


async def test_the_palette_opens_a_job_by_the_8_characters_that_lists_show(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client) as story:
        for typed, place in ((job_id[:8], "JobScreen"), ("nosuchjob", "QueuesScreen")):
            await choose(story, typed)
            assert story.place == place
            if place == "JobScreen":
                assert story.app.screen.job_id == job_id
                await story.press("q")
        assert story.app.said == ["there is no job 'nosuchjob': it may have expired, or been removed."]


async def test_the_palette_has_the_operations_that_are_possible_here_and_they_ask(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client, size=(100, 70)) as story:  # room for all, in whatever order they are found
        await story.press("2", "colon")
        assert "Put it back into its queue, with fresh attempts" in story.words
        assert "Take it away with its result and log" in story.words
        assert "Call it off before it runs" not in story.words
        await take_first(story, "Retry")
        assert story.question() == "Retry 1 job on test?"


@pytest.mark.parametrize(("key", "read_only"), [("1", False), ("2", True)])
async def test_the_palette_has_no_operations_where_none_is_possible(client: redis.Redis, key: str, read_only: bool) -> None:
    seed.failed(client)
    async with dashboard(client, size=(100, 40), read_only=read_only) as story:
        await story.press(key, "colon")
        assert story.place == "CommandPalette"
        assert "Put it back into its queue" not in story.words


async def test_f_freezes_the_refresh_and_goes_on_with_it(client: redis.Redis) -> None:
    seed.failed(client, "mail")
    async with dashboard(client) as story:
        await story.press("f")
        assert "Frozen. Press f to go on." in story.text
        seed.failed(client, "media")
        story.app.screen.tick()
        await story.press("j")
        assert [row.name for row in story.table.rows] == ["mail"]
        await story.press("f")
        assert "Frozen" not in story.text
        assert [row.name for row in story.table.rows] == ["mail", "media"]


async def test_the_palette_says_at_once_that_nothing_fits_and_what_may_be_typed(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await story.press("colon")
        await story.paste("qqq zzz qqq")
        assert "Nothing found." in story.text
        assert "jobs [QUEUE] [FILTER] [@CONTEXT]" in story.words
        await story.press("enter")
        assert story.place == "CommandPalette"


async def test_a_filter_from_the_palette_is_among_those_that_were_typed(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await choose(story, "jobs mail status:failed error:x")
        assert story.place == "JobsScreen"
        assert story.app.session.memory.now.filters[-1:] == ("status:failed error:x",)


async def test_ctrl_c_says_what_quits_and_help_has_that_key(client: redis.Redis) -> None:
    async with dashboard(client, size=(100, 60)) as story:
        await story.press("ctrl+c")
        assert story.app.said == ["q goes back, and quits from the lowest screen; ctrl+q quits at once."]
        await story.press("question_mark")
        assert "^q Quit At once, from anywhere" in story.words


async def test_p_while_the_retry_is_still_looked_at_asks_for_the_next_way(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await story.press("2")
        await story.press("a")
        came_before = events.Key("p", "p")
        await story.press("R")
        assert "●now" in str(story.app.screen.query_one("#ways").render())
        story.app.post_message(came_before)
        await settle(story.pilot)
        assert "●now" not in str(story.app.screen.query_one("#ways").render())


async def test_escape_undoes_the_innermost_thing_first(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.press("4", "space", "ctrl+f", *"mail", "enter", "slash", *"queue:mail", "enter", "tab")
        live = story.app.screen
        assert {"n N: mail", "filter: queue:mail"} <= set(map(str.strip, title(story).split("·")))
        await story.press("escape")
        assert (live.table.marked, "n N: mail" in title(story)) == (set(), True)
        await story.press("escape")
        assert ("n N:" in title(story), "filter: queue:mail" in title(story)) == (False, True)
        await story.press("escape")
        assert ("filter:" in title(story), live.table.has_focus) == (False, False)
        await story.press("escape")
        assert (story.place, live.table.has_focus) == ("LiveScreen", True)
        await story.press("escape")
        assert story.place == "QueuesScreen"


def title(story: Story) -> str:
    """What the stream of Live says of itself."""
    return str(story.app.screen.query_one("#stream-title", Static).render())


async def test_escape_ends_the_filter_that_was_typed_on_a_list_and_not_the_one_that_it_was_opened_with(
    client: redis.Redis,
) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.press("colon", *"jobs status:failed error:gateway", "enter")
        jobs = story.app.screen
        before = jobs.filtered.expression.text
        assert before
        await story.press("slash", "ctrl+u", *"func:fail", "enter", "a", "space", "escape")
        assert not jobs.all_selected
        assert jobs.filtered.expression.text == "func:fail"
        await story.press("escape")
        assert (story.place, jobs.filtered.expression.text) == ("JobsScreen", before)
        await story.press("escape")
        assert story.place == "QueuesScreen"


async def test_the_palette_says_that_a_queue_was_meant_and_looks_for_the_word_in_quotes(client: redis.Redis) -> None:
    seed.failed(client, "payments")
    async with dashboard(client) as story:
        await story.press("colon", *"jobs paymnts status:failed", "enter")
        assert (story.place, story.app.said[-1:]) == (
            "QueuesScreen",
            ["There is no queue 'paymnts': did you mean 'payments'? In quotes it is a word to look for."],
        )
        await story.press("colon", *'jobs "paymnts" status:failed', "enter")
        assert story.place == "JobsScreen"


async def test_the_palette_has_only_what_means_something_here(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        titles = {command.title for command in story.app.get_system_commands(story.app.screen)}
        assert {"Help", "Theme", "Quit", "Save as text"} <= titles
        assert not titles & {"Keys", "Maximize", "Minimize", "Screenshot"}
        await story.press("colon", *"help", "enter")
        assert story.place == "HelpScreen"


async def test_a_screen_that_is_being_opened_says_which_keys_apply(client: redis.Redis) -> None:
    async with dashboard(client):
        for screen in (LiveScreen(), ScheduleScreen(), JobsScreen()):
            assert screen.acts_on is None
            assert isinstance(screen.applies("act", ("remove",)), bool)
