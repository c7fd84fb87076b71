"""Jobs that no list holds: found from the palette, put back only when asked."""

from __future__ import annotations

import redis
from textual.widgets import Static

from qtui.broker import audit
from qtui.screens.orphans import OrphansScreen
from qtui_workers.server import keys
from tests.broker.test_orphans import lost
from tests.screens.support import Story, dashboard


async def opened(story: Story) -> OrphansScreen:
    """The screen, opened from the palette."""
    await story.press("colon", *"orphans", "enter")
    screen = story.app.screen
    assert isinstance(screen, OrphansScreen)
    return screen


async def searched(story: Story, words: str) -> None:
    """Wait until the search has ended."""
    await story.look_until(lambda: words in title(story) or "read …" not in title(story), words)
    assert words in title(story)


def title(story: Story) -> str:
    """The line above the table."""
    return str(story.app.screen.query_one("#crumb", Static).render())


async def test_orphans_are_found_from_the_palette_and_put_back_when_asked(client: redis.Redis) -> None:
    ids = lost(client, 3)
    async with dashboard(client, size=(80, 24)) as story:
        await opened(story)
        await searched(story, "3 in no list, of 3 jobs read")
        assert story.ids == ids
        assert client.llen(keys.queue("mail")) == 0
        await story.press("B")
        assert story.question() == "Put back 1 job on test?"
        assert "qtui orphans --put-back" in story.words
        await story.press("y")
        await searched(story, "2 in no list")
        await story.press("a", "B")
        assert story.question() == "Put back 2 jobs on test?"
        await story.press("y")
        await searched(story, "0 in no list, of 3 jobs read")
        assert "Every job that waits is in its queue or its schedule." in story.text
    assert sorted(each.decode() for each in client.lrange(keys.queue("mail"), 0, -1)) == sorted(ids)
    assert [(entry.what, entry.jobs) for entry in audit.load(client, 10)] == [("orphans", 2), ("orphans", 1)]


async def test_orphans_are_only_shown_on_a_read_only_connection(client: redis.Redis) -> None:
    lost(client)
    async with dashboard(client, read_only=True) as story:
        await opened(story)
        await searched(story, "1 in no list")
        assert not story.can("B")
