"""Dialogs on small terminals: how to answer is read whole, and what has no room can be scrolled to."""

from __future__ import annotations

import pytest
import redis
from rq import Queue

from qtui.broker.status import Status
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui_workers.records import replace
from tests.broker import seed, tasks
from tests.broker.seed import Worker, copies
from tests.screens.support import Story, dashboard, settle
from tests.screens.test_acting_story import failed_jobs

SMALL = (60, 20)


def rows(story: Story) -> list[str]:
    """The lines of the dialog."""
    framed = [line for line in story.text.splitlines() if line.count("│") >= 2]
    return [line[line.index("│") + 1 : line.rindex("│")].strip() for line in framed]


def box(story: Story) -> str:
    """What the dialog shows, with every run of blanks as one."""
    return " ".join(" ".join(rows(story)).split())


@pytest.mark.parametrize(("key", "how"), [("R", "number, enter: yes"), ("D", "tab, number, enter")])
async def test_how_to_answer_and_what_is_done_are_read_whole(client: redis.Redis, key: str, how: str) -> None:
    (model,) = seed.failed(client)
    copies(client, model, 300)
    async with dashboard(client, size=SMALL) as story:
        await failed_jobs(story)
        await story.press("a", key)
        assert how in box(story)
        assert "type 301" in box(story)
        assert f"qtui {'retry' if key == 'R' else 'remove'} --all --status failed --queue mail" in box(story)
        assert "more" not in story.text


async def test_no_way_of_retrying_is_broken_at_the_end_of_a_line(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client, size=SMALL) as story:
        await failed_jobs(story)
        await story.press("a", "R")
        (first,) = [line for line in rows(story) if "●now" in line]
        assert first.endswith("canary 5, over 30 min")


async def test_a_text_that_has_no_room_says_so_and_keys_scroll_it(client: redis.Redis) -> None:
    mail = Queue("mail", connection=client)
    for n in range(4):
        mail.enqueue(tasks.add, n)
    for name in ("one", "two"):
        Worker([mail], connection=client, name=name).register_birth()
    async with dashboard(client, size=(60, 15)) as story:
        await story.app.push_screen(JobsScreen("mail", Status.QUEUED))
        await settle(story.pilot)
        await story.press("H", "enter")
        assert "↑ ↓ more" in story.text
        assert "--to held" not in box(story)
        await story.press("pagedown", "pagedown")
        assert "they are no qtui-workers: they go on running such jobs." in box(story)
        assert "--to held" in box(story)
        assert story.place == "ConfirmScreen"
        await story.press("pageup", "pageup")
        assert "Hold tests.broker.tasks.add" in box(story)


async def test_an_example_or_a_key_of_the_filter_is_never_broken_and_an_error_is_read_whole(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client, size=SMALL) as story:
        await failed_jobs(story)
        await story.press("slash")
        assert "empty shows all" in "|".join(rows(story))
        assert '"two words"' in "|".join(rows(story))
        await story.press(*"age>foo", "enter")
        assert "such as 5s or 1h30m (at character 5)" in box(story)
        assert "empty shows all" in box(story)


async def test_a_program_that_cannot_be_started_says_so_whole(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, size=SMALL) as story:
        await story.app.push_screen(JobScreen(job_id))
        await settle(story.pilot)
        await story.press("vertical_line")
        assert "for 30 s at most esc closes" in box(story)
        await story.press(*"no-such-program", "enter")
        await story.look_until(lambda: "could not" in box(story), "how it ended")
        assert "could not be started: No such file or directory; esc closes" in box(story)


async def test_the_footer_of_a_form_says_how_a_field_is_left(client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    async with dashboard(client, size=SMALL) as story:
        await story.app.push_screen(JobScreen(job_id))
        await settle(story.pilot)
        await story.press("e")
        assert "esc Leave" in story.text.splitlines()[-1]
        assert "^e Enqueue" in story.text.splitlines()[-1]
        await story.press("escape")
        assert story.place == "JobScreen"
        await story.press("8", "enter")
        assert "esc Leave" in story.text.splitlines()[-1]
        await story.press("escape")
        assert story.focused == "list"


@pytest.mark.parametrize("name", ["prod-eu-central-1", "production-eu-central-1-payments-primary"])
@pytest.mark.parametrize("size", [SMALL, (80, 24)])
async def test_where_a_name_has_to_be_typed_both_buttons_and_how_to_answer_are_whole(
    client: redis.Redis, name: str, size: tuple[int, int]
) -> None:
    seed.failed(client)
    async with dashboard(client, size=size, name=name) as story:
        story.app.session.context = replace(story.app.session.context, confirm="name")
        await failed_jobs(story)
        for key, how, yes in (("R", "name, enter: yes", "Yes, retry"), ("D", "tab, name, enter", "Yes, remove")):
            await story.press(key)
            assert [line.split()[0] for line in rows(story) if yes in line] == ["No"]
            assert (f"type {name}" in box(story)) or ("type its name" in box(story))
            assert how in rows(story)
            await story.press("escape")
