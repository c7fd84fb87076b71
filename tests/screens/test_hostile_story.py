"""What no healthy program would have written, on the screen: shown as what it is, never obeyed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import redis
from rq import Queue

from qtui.broker.status import Status
from qtui.screens.job import JobScreen
from qtui.screens.jobs import JobsScreen
from qtui.widgets.panes import Panes
from qtui_workers.server import keys
from tests.broker import seed, tasks
from tests.screens.support import Story, dashboard, lines, settle

NAME = "\x1b[31mred [bold]queue[/] \u202e\u7d66\u8207\x07"
"""A queue's name with an escape code, markup, a direction override, wide characters and a bell."""

MARKUP = "[red]not red[/red] [@click=app.quit]quit[/]"


def unsafe(story: Story) -> set[str]:
    """The characters on the terminal that could steer it."""
    return {c for line in lines(story.app) for c in line if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c == "\u202e"}


async def test_a_hostile_queue_is_named_in_symbols_on_every_screen(client: redis.Redis) -> None:
    Queue(NAME, connection=client).enqueue(tasks.add, 1)
    async with dashboard(client) as story:
        assert "␛[31mred" in story.text
        for keys_pressed in ("enter", "enter", "1", "2", "4", "5", "8", "1"):
            await story.press(keys_pressed)
            assert unsafe(story) == set(), story.place
        await story.press("enter")
        assert "␛[31mred [bold]queue[/]" in story.text.splitlines()[2]
        await story.press("D")
        assert story.place == "ConfirmScreen"
        assert unsafe(story) == set()


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_list_of_hostile_jobs_shows_each_as_what_it_is(
    client: redis.Redis, tmp_path: Path, size: tuple[int, int]
) -> None:
    mark = tmp_path / "it ran"
    seed.hostile(client, command=f"touch '{mark}'")
    async with dashboard(client, size=size) as story:
        await story.app.push_screen(JobsScreen("hostile", Status.FAILED))
        await settle(story.pilot)
        assert set(story.ids) == {*seed.HOSTILE, "good"}
        for _ in story.ids:
            assert unsafe(story) == set()
            await story.press("j")
        assert "the job's hash is gone" in story.text or size == (80, 24)
        assert not mark.exists()


@pytest.mark.parametrize("job_id", [*seed.HOSTILE, "good"])
async def test_a_hostile_job_opens_on_every_tab(client: redis.Redis, tmp_path: Path, job_id: str) -> None:
    mark = tmp_path / "it ran"
    seed.hostile(client, command=f"touch '{mark}'")
    async with dashboard(client) as story:
        await story.app.push_screen(JobScreen(job_id))
        await settle(story.pilot)
        assert "please report it" not in story.words
        panes = story.app.screen.query_one(Panes)
        for name in panes.names:
            panes.open(name)
            await settle(story.pilot)
            assert unsafe(story) == set(), name
        assert not mark.exists()


async def test_the_markup_of_a_job_is_text_and_cannot_be_clicked(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.fail, MARKUP, description=MARKUP)
    seed.work(client, "mail")
    async with dashboard(client, size=(200, 60)) as story:
        await story.press("enter")
        shown = story.text.splitlines()
        places = [(line.index("quit[/]") + 1, row) for row, line in enumerate(shown) if MARKUP in line]
        assert len(places) >= 2
        for offset in places[::-1]:
            await story.pilot.click(offset=offset)
            await settle(story.pilot)
            assert not story.app._exit
        await story.press("R")
        assert MARKUP in story.text


async def test_a_hostile_error_is_shown_in_symbols_by_the_dialog(client: redis.Redis) -> None:
    Queue("mail", connection=client).enqueue(tasks.fail, "\x1b[2J[red]\nTraceback \x9b31m")
    seed.work(client, "mail")
    async with dashboard(client) as story:
        await story.press("enter", "R")
        assert story.place == "ConfirmScreen"
        assert unsafe(story) == set()
        await story.press("escape", "enter")
        assert "␛[2J[red]" in story.text
        assert unsafe(story) == set()


async def test_a_damaged_worker_does_not_hide_the_others(client: redis.Redis) -> None:
    client.sadd(keys.WORKERS, keys.worker("\x1b[1mgone"), keys.worker("odd"), b"no worker \xff")
    client.set(keys.worker("odd"), "not a hash")
    seeded = seed.everything(client)
    async with dashboard(client) as story:
        await story.press("5")
        assert seeded.worker is not None
        assert {each.worker.name for each in story.table.rows} >= {"\x1b[1mgone", "odd", seeded.worker.name}
        assert "␛[1mgone" in story.text
        assert unsafe(story) == set()
