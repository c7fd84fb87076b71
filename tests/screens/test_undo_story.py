"""Removing in the dashboard, taking it back, and what is recorded of it."""

from __future__ import annotations

import redis
from textual.widgets import Static

from qtui.broker import audit
from qtui.broker.bulk import trash
from qtui.screens.audit import AuditScreen
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.seed import copies
from tests.broker.watching import digest
from tests.screens.support import dashboard, settle
from tests.screens.test_acting_story import FAILED, failed_jobs, writes_wait
from tests.screens.widget_host import until


def without_records(client: redis.Redis) -> dict[str, object]:
    return {name: value for name, value in digest(client).items() if not name.startswith((keys.AUDIT, keys.TRASH))}


async def test_z_puts_back_what_was_removed_last(client: redis.Redis) -> None:
    seed.failed(client, count=3)
    before = without_records(client)
    async with dashboard(client, name="prod-eu") as story:
        await failed_jobs(story)
        await story.press("z")
        assert story.question().startswith("there is nothing in the trash")
        await story.press("escape", "space", "j", "space", "D")
        assert "kept in the trash for 1d (z puts back)" in story.words
        await story.press("tab", "enter")
        assert client.zcard(FAILED) == 1
        await story.press("z")
        assert story.question().startswith("Put 2 jobs back on prod-eu? Removed ")
        assert "@" in story.question()
        await story.press("y")
        assert without_records(client) == before
        assert story.app.said == ["2 removed", "2 put back"]
        assert len(story.ids) == 3


async def test_an_undo_after_a_retry_says_how_a_retry_is_called_off(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("z")
        assert "retry" not in story.text
        await story.press("escape", "R", "y", "z")
        assert "there is nothing in the trash" in story.question()
        assert "z takes no retry back. w shows its jobs; C cancels those that still wait." in story.words
        await story.press("escape", "D", "tab", "enter", "z")
        assert "Put 1 job back" in story.question()
        assert "z takes no retry back" in story.words
        await story.press("escape", "w", "C", "y")
        assert client.zcard(keys.registry("canceled", "mail")) == 1


async def test_p_asks_about_deleting_for_good_and_back(client: redis.Redis) -> None:
    seed.failed(client)
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("D", "p")
        assert story.question() == "Remove 1 job on test? This cannot be taken back."
        assert "freed now, for good" in story.words
        await story.press("p")
        assert story.question() == "Remove 1 job on test?"
        await story.press("p", "tab", "enter")
        assert client.zcard(FAILED) == 0
        assert trash.batches(client) == []


async def test_where_memory_is_scarce_deleting_for_good_is_offered_first(client: redis.Redis) -> None:
    seed.failed(client)
    used = client.info("memory")["used_memory"]
    client.config_set("maxmemory", int(used * 1.1))
    try:
        async with dashboard(client) as story:
            await failed_jobs(story)
            await story.press("D")
            assert story.question() == "Remove 1 job on test? This cannot be taken back."
            assert "of the memory is used" in story.words
            await story.press("p")
            assert story.question() == "Remove 1 job on test?"
    finally:
        client.config_set("maxmemory", 0)


async def test_of_many_jobs_the_question_comes_at_once_and_is_filled_in(client: redis.Redis) -> None:
    (model,) = seed.failed(client)
    copies(client, model, 1_500)
    client.hset(keys.job(model), "status", "started")
    async with dashboard(client) as story:
        await failed_jobs(story)
        await story.press("a", "R")
        assert story.question() == "Retry 1,501 failed jobs in mail on test?"
        assert "1 × no longer failed" in story.text
        assert story.question() == "Retry 1,501 failed jobs in mail on test?"
        await story.press(*"1501", "enter")
        assert client.llen(keys.queue("mail")) == 1_500


async def test_what_was_done_is_recorded_and_shown(client: redis.Redis) -> None:
    seed.failed(client, count=2)
    async with dashboard(client, name="prod-eu") as story:
        await failed_jobs(story)
        await story.press("R", "y")
        await story.press("1", "P", "y")
        await story.app.push_screen(AuditScreen())
        await settle(story.pilot)
        assert [row.what for row in story.table.rows] == ["pause", "retry"]
        assert "prod-eu: pause" in str(story.app.screen.query_one("#entry", Static).render())
    paused, retried = audit.load(client, 10)
    assert (paused.connection, retried.jobs, retried.done, len(retried.ids)) == ("prod-eu", 1, 1, 1)
    assert (paused.what, paused.outcome) == ("pause", story.app.said[-1])


async def test_an_operation_that_is_left_in_the_middle_says_how_to_go_on(client: redis.Redis) -> None:
    (model,) = seed.failed(client)
    copies(client, model, 300)
    async with dashboard(client, name="prod-eu") as story:
        await failed_jobs(story)
        await story.press("a", "R", *"301")
        with writes_wait(client):
            await story.pilot.press("enter")
            running = story.app.session.running
            assert running is not None
            await story.app.action_leave()
            await story.app.action_leave()
    await until(lambda: running.outcome is not None, "its chunk has ended")
    assert 0 < client.llen(keys.queue("mail")) < 301
    assert "not tried: stopped before. To go on: qtui retry --all --status failed --queue mail" in running.ending()
    (entry,) = audit.load(client, 10)
    assert entry.left.startswith("qtui retry --all")
