"""What is said in passing covers nothing that is read while it is said."""

from __future__ import annotations

import pytest
import redis
from textual.widgets._toast import Toast

from qtui.places import PLACES
from qtui.widgets.footer import Footer
from tests.broker import seed
from tests.screens.support import dashboard

READ = "#verdict, #step, #selection, #looked, #command, #actions"
"""The lines that say what is under the cursor, and what can be done."""


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)], ids=str)
async def test_a_toast_covers_no_line_that_says_what_is_under_the_cursor(client: redis.Redis, size: tuple[int, int]) -> None:
    seed.everything(client)
    async with dashboard(client, size=size, toasts=True) as story:
        for place in PLACES:
            await story.press(str(place.number))
            story.app.notify("payments was retried, and 20 jobs were skipped as they are running. " * 3, markup=False)
            await story.pilot.pause(0.1)
            toasts = story.app.screen.query(Toast)
            assert toasts, "nothing is said"
            for line in (*story.app.screen.query(READ), story.app.screen.query_one(Footer)):
                covered = [toast.region.overlaps(line.region) for toast in toasts if line.region]
                assert not any(covered), f"{place.title}: a toast covers {line}"
            story.app.clear_notifications()
