"""How much is asked before a change follows from the change; words that somebody types by mistake change nothing."""

from __future__ import annotations

import time

import pytest
import redis
from rq import Queue
from textual import events

from qtui.broker.operations import OPERATIONS
from qtui.broker.status import Status
from qtui.presentation.questions import MANY
from qtui.screens.jobs import JobsScreen
from qtui.screens.parts.question import Question
from qtui.screens.parts.resource import ResourceScreen
from qtui_workers.records import replace
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.seed import copies
from tests.broker.tasks import add
from tests.screens.support import Story, dashboard, make_app, settle
from tests.screens.test_acting_story import FAILED, failed_jobs, queued


@pytest.mark.parametrize("queue", ["mail", None])
@pytest.mark.parametrize("words", ["Deploy", "loadDirectory", "DylanDyDy", "aDy", "Reload"])
async def test_words_typed_by_mistake_change_nothing(client: redis.Redis, words: str, queue: str | None) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await failed_jobs(story, queue)
        await story.press(*words)
        assert client.zcard(FAILED) == 3
        assert queued(client) == set()


async def test_any_letter_but_y_and_n_closes_the_dialog_and_does_nothing_else(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        for key in ("e", "Q", "2", "q", "space", "question_mark"):
            await story.press("R", key)
            assert (story.place, len(story.app.screen_stack)) == ("JobsScreen", 2), key
        for key in ("y", "e"):
            await story.press("D", key)
            assert story.place == "JobsScreen"
        assert client.zcard(FAILED) == 1


async def test_a_dialog_with_nothing_to_agree_to_shows_no_yes(client: redis.Redis) -> None:
    ids = seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("z")
        assert "nothing in the trash" in story.question()
        assert ("Yes" in story.text, "Close" in story.text, "No " in story.text) == (False, True, False)
        await story.press("tab", "enter")
        assert story.place == "JobsScreen"
        client.delete(keys.job(ids[0]))
        await story.press("R")
        assert "Nothing to retry" in story.question()
        assert "Yes" not in story.text


async def test_a_value_that_is_wrong_takes_yes_away_until_it_is_another(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(add, 1, 2)
    async with dashboard(client) as story:
        await story.press("enter", "M")
        assert "Yes, move" in story.text
        await story.press("enter")
        assert "Yes" not in story.text
        await story.press(*"media", "enter")
        assert "Yes, move" in story.text


async def test_what_takes_jobs_away_needs_tab_and_enter(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("D")
        assert (story.focused, story.can("y")) == ("no", False)
        assert "tab, enter: yes" in story.text
        await story.press("enter")
        assert client.zcard(FAILED) == 1
        await story.press("D", "tab", "enter")
        assert client.zcard(FAILED) == 0


def early(key: str) -> events.Key:
    """A key that was pressed now, and reaches the dashboard later."""
    return events.Key(key, key)


@pytest.mark.parametrize("pressed", [["y"], ["enter"], ["right", "enter"], ["tab", "enter"], ["x"]])
async def test_keys_from_before_the_dialog_was_seen_are_ignored(client: redis.Redis, pressed: list[str]) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        came_before = [early(key) for key in pressed]
        await story.press("R")
        for event in came_before:
            story.app.post_message(event)
            await settle(story.pilot)
        assert (story.place, story.focused) == ("ConfirmScreen", "no")
        assert client.zcard(FAILED) == 1
        await story.press("y")
        assert client.zcard(FAILED) == 0


async def many(story: Story, client: redis.Redis) -> None:
    """The list of one more failed job than may be retried with a letter, all of them selected."""
    (model,) = seed.failed(client)
    copies(client, model, MANY)
    await failed_jobs(story)
    await story.press("a")


async def test_more_than_100_jobs_need_their_number(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await many(story, client)
        digits = early("1"), early("0"), early("1")
        await story.press("R")
        for digit in digits:
            story.app.post_message(digit)
        await settle(story.pilot)
        assert (story.focused, story.can("y"), story.button("yes").disabled) == ("answer", False, True)
        assert "type 101" in story.text
        assert "number, enter: yes" in story.text
        await story.press(*"100", "enter")
        assert (story.place, client.zcard(FAILED)) == ("ConfirmScreen", MANY + 1)
        assert "not 101: nothing done" in story.text
        await story.press("backspace")
        assert "number, enter: yes" in story.text
        await story.press("y")
        assert (story.place, client.zcard(FAILED)) == ("JobsScreen", MANY + 1)
        await story.press("R", *"101")
        assert not story.button("yes").disabled
        await story.press("enter")
        assert client.zcard(FAILED) == 0


async def test_more_than_100_jobs_that_would_be_lost_need_tab_and_their_number(client: redis.Redis) -> None:
    async with dashboard(client) as story:
        await many(story, client)
        await story.press("D")
        assert story.focused == "no"
        await story.press("1")
        assert (story.place, client.zcard(FAILED)) == ("JobsScreen", MANY + 1)
        assert story.app.said == ["Remove: nothing was done. To do it: tab, number, enter."]
        await story.press("D", "tab", *"101", "enter")
        assert client.zcard(FAILED) == 0


async def test_a_context_may_ask_for_the_number_of_a_single_job(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        story.app.session.context = replace(story.app.session.context, confirm="number")
        await failed_jobs(story)
        await story.press("R", "y")
        assert client.zcard(FAILED) == 1
        await story.press("R", "1", "enter")
        assert client.zcard(FAILED) == 0


async def test_a_context_may_ask_for_its_name_before_any_change(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client, name="prod-eu") as story:
        story.app.session.context = replace(story.app.session.context, confirm="name")
        await failed_jobs(story)
        await story.press("R", "y", "enter")
        assert (story.place, client.zcard(FAILED)) == ("ConfirmScreen", 1)
        await story.press("backspace", *"prod-e", "enter")
        assert client.zcard(FAILED) == 1
        await story.press("u", "enter")
        assert client.zcard(FAILED) == 0
        await story.press("1", "P", "y", "enter")
        assert story.place == "ConfirmScreen"
        await story.press("backspace", *"prod-eu", "enter")
        assert len(client.smembers("rq:qtui:paused")) == 1


async def test_what_cannot_be_taken_back_needs_tab_besides_the_name(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client, name="prod-eu") as story:
        story.app.session.context = replace(story.app.session.context, confirm="name")
        await failed_jobs(story)
        await story.press("D", "p")
        assert story.focused == "no"
        await story.press(*"prod-eu", "enter")
        assert client.zcard(FAILED) == 1


async def test_a_worker_is_not_stopped_by_typing_words(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.press("5", "X")
        assert "Shut down worker w1" in story.question()
        assert not story.can("y")
        await story.press("y")
        closed = "Shut down: nothing was done. To do it: tab, enter."
        assert (story.place, story.app.said) == ("WorkersScreen", [closed])
        await story.press("X", "tab", "enter")
        assert story.app.said == [closed, "w1: it hears no commands"]


async def test_the_keys_of_a_read_only_connection_say_why_they_do_nothing(client: redis.Redis) -> None:
    seed.everything(client)
    async with dashboard(client, name="prod", read_only=True) as story:
        await story.press("P", "5", "X", "4", "S")
        assert story.app.said == ["prod is read-only."] * 3
        await story.app.push_screen(JobsScreen("mail", Status.QUEUED))
        await settle(story.pilot)
        await story.press("C", "j")
        assert story.app.said == ["prod is read-only."] * 4
        assert client.exists(keys.PAUSED) == 0


def test_every_operation_that_ends_what_it_is_done_to_is_lasting() -> None:
    assert {name for name, operation in OPERATIONS.items() if operation.lasting or operation.deletes} >= {"remove", "stop"}


async def test_the_dialog_says_where_how_old_who_listens_and_the_command_that_does_the_same(client: redis.Redis) -> None:
    ids = seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("R")
        assert "in mail from" in story.text
        assert "mail: nobody listens; the jobs will wait" in story.text
        assert f"c copies  qtui retry {ids[0]}" in story.text
        await story.press("c")
        assert story.app.clipboard == f"qtui retry {ids[0]}"
        assert (story.place, story.app.said) == ("ConfirmScreen", [])
        assert "Copied  qtui retry" in story.text
        await story.press("y")
        assert queued(client) == set(ids)


async def test_what_is_only_removed_needs_nobody_who_listens(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("D", "c")
        assert "listens" not in story.text
        assert story.app.clipboard.startswith("qtui remove ")
        assert story.place == "ConfirmScreen"


async def test_notifications_wait_until_the_dialog_is_closed(client: redis.Redis) -> None:
    seed.failed(client)
    app = make_app(client)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        story = Story(app, pilot)
        await failed_jobs(story)
        app.notify("what was said before")
        await settle(pilot)
        assert "what was said before" in story.text
        await story.press("R")
        app.notify("what is said meanwhile")
        await settle(pilot)
        assert "what is said meanwhile" not in story.text
        await story.press("n")
        assert "what was said before" in story.text
        assert "what is said meanwhile" in story.text


@pytest.mark.parametrize(("keys", "command"), [("P", "qtui pause mail"), ("5X", "qtui worker w1 shutdown")])
async def test_other_changes_have_their_commands_too(client: redis.Redis, keys: str, command: str) -> None:
    seed.everything(client)
    async with dashboard(client) as story:
        await story.look_until(lambda: "mail" in story.text, "the queues")
        story.table.cursor = next(at for at, row in enumerate(story.table.rows) if row.name == "mail")
        await story.press(*keys)
        assert command in story.words


async def test_a_fault_of_ours_is_not_told_as_one_of_redis(client: redis.Redis) -> None:
    def ask(_: str | None) -> Question:
        raise AttributeError("no \x1b such thing")

    async with dashboard(client) as story:
        screen = story.app.screen
        assert isinstance(screen, ResourceScreen)
        screen.ask_about("Retry", ask)
        await settle(story.pilot)
        assert "qtui has a fault here (AttributeError: no ␛ such thing); please report it." in story.words
        assert "answers, but not as Redis does" not in story.words


def typed(words: str) -> list[events.Key]:
    """Keys that somebody types fluently: a tenth of a second between two of them."""
    now = time.monotonic()
    names = ["enter" if each == "\n" else each for each in words]
    keys = [events.Key(name, None if name == "enter" else name) for name in names]
    for place, key in enumerate(keys):
        key.time = now + place / 10
    return keys


@pytest.mark.parametrize("at_once", [True, False], ids=["burst", "after the answer"])
@pytest.mark.parametrize(("words", "left"), [("yes\n", 0), ("yes", 0), ("no\n", 1), ("no", 1)])
async def test_the_rest_of_a_word_that_answered_a_dialog_does_nothing_below_it(
    client: redis.Redis, words: str, left: int, at_once: bool
) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        jobs = story.app.screen
        assert isinstance(jobs, JobsScreen)
        sort = jobs.filtered.sort
        await story.press("R")
        first, *others = typed(words)
        story.app.post_message(first)
        if not at_once:
            await settle(story.pilot)
        for key in others:
            story.app.post_message(key)
        await settle(story.pilot)
        assert (story.place, len(story.app.screen_stack)) == ("JobsScreen", 2)
        assert (client.zcard(FAILED), jobs.filtered.sort) == (left, sort)


async def test_keys_that_are_pressed_fast_after_an_answer_are_not_lost(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        await failed_jobs(story)
        for words, cursor in (("nj", 1), ("nk", 0), ("nG", 2)):
            await story.press("R")
            for key in typed(words):
                story.app.post_message(key)
            await settle(story.pilot)
            assert (story.place, story.table.cursor) == ("JobsScreen", cursor)
        await story.press("g", "space", "R")
        for key in typed("ye"):
            story.app.post_message(key)
        await settle(story.pilot)
        assert story.place == "EditScreen"


async def test_the_letters_of_a_dialog_are_those_of_the_config_file(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    async with dashboard(client) as story:
        story.app.set_keymap({"confirm.yes": "j", "confirm.way": "w", "confirm.copy": "x", "confirm.cancel": "escape,k"})
        await failed_jobs(story)
        for key in ("y", "k"):
            await story.press("R", key)
            assert (story.place, client.zcard(FAILED)) == ("JobsScreen", 3), key
        await story.press("space", "space", "R")
        assert "j: yes" in story.text
        assert "x copies" in story.text
        assert "w ●" in story.words
        before = story.question()
        await story.press("x", "w")
        assert story.question() != before
        await story.press("escape", "escape", "R", "j")
        assert client.zcard(FAILED) == 2
