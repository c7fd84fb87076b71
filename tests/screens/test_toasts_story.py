"""What is said in passing covers nothing that is read while it is said."""

from __future__ import annotations

import pytest
import redis
from textual.widgets._toast import Toast

from qtui.dashboard import changes
from qtui.places import PLACES
from qtui.widgets.footer import Footer, Keys
from qtui.widgets.line_view import LineView
from qtui.widgets.row_table import RowTable
from tests.broker import seed
from tests.screens.support import dashboard, settle

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


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 60)], ids=str)
async def test_a_toast_covers_no_row_and_the_cursor_stays_in_sight(client: redis.Redis, size: tuple[int, int]) -> None:
    seed.everything(client)
    for _ in range(4):
        seed.failed(client, count=9)
    async with dashboard(client, size=size, toasts=True) as story:
        for keys in (["2", "G"], ["4", "tab"], ["3"], ["1", "G"]):
            await story.press(*keys)
            story.app.notify("payments was retried, and 20 jobs were skipped as they are running. " * 3, markup=False)
            await story.pilot.pause(0.1)
            (toast,) = story.app.screen.query(Toast)
            views = story.app.screen.query(LineView)
            assert views
            covered = [view.id for view in views if toast.region.overlaps(view.region)]
            assert not covered, keys
            for table in story.app.screen.query(RowTable):
                assert not table.total or table.cursor in table.in_view, keys
            story.app.clear_notifications()
            await settle(story.pilot)


async def test_what_was_said_goes_away_with_the_next_key_once_it_could_be_read(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed.everything(client)
    async with dashboard(client, size=(80, 24), toasts=True) as story:
        story.app.notify("3 retried", markup=False, timeout=60)
        await story.pilot.pause(0.1)
        await story.press("down")
        assert story.app.screen.query(Toast), "nobody can have read it yet"
        monkeypatch.setattr(changes, "READ", 0.0)
        await story.press("down")
        assert not story.app.screen.query(Toast)


@pytest.mark.parametrize("width", [60, 80, 200])
async def test_the_keys_that_are_shown_are_whole_and_help_is_one_of_them(client: redis.Redis, width: int) -> None:
    seed.everything(client)
    async with dashboard(client, size=(width, 24)) as story:
        for place in PLACES:
            await story.press(str(place.number))
            shown = story.app.screen.query_one(Keys).keys
            assert sum(key.width + 1 for key in shown) - 1 <= width, place.title
            assert {"Help", "Quit"} <= {key.description for key in shown}, place.title
