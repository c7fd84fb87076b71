"""The smaller widgets: what they show, what they keep, and that nothing from outside is taken for markup."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from textual.color import Color

from qtui.broker.models import Overview, Progress, ServerInfo, TimelineStep
from qtui.broker.status import STATUSES, Status
from qtui.presentation.colours import TONES
from qtui.widgets.banner import Banner
from qtui.widgets.header import Header
from qtui.widgets.progress_line import ProgressLine
from qtui.widgets.status_tabs import StatusTabs
from qtui.widgets.theme import FEW_COLOURS, THEMES
from qtui.widgets.timeline import Timeline
from tests.screens.widget_host import HOSTILE, NOW, SHOWN, Host, until


def luminance(color: Color) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(variables: dict[str, str], text: str, ground: str) -> float:
    """The contrast ratio of WCAG 2.2 between two colours of a theme."""
    low, high = sorted(luminance(Color.parse(variables[name])) for name in (text, ground))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("tone", TONES)
def test_every_tone_can_be_read_on_every_background(theme: Any, tone: Any) -> None:
    variables = theme.to_color_system().generate() | theme.variables
    grounds = ["background", "surface", "panel", "primary-muted", "block-cursor-blurred-background"]
    least = 4.2 if (theme, tone) == (FEW_COLOURS, "bad") else 4.5  # of 16 colours none is both red and lighter
    for ground in grounds:
        assert contrast(variables, TONES[tone].removeprefix("$"), ground) >= least, ground


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_a_banner_can_be_read_on_each_of_its_backgrounds(theme: Any) -> None:
    variables = theme.to_color_system().generate() | theme.variables
    for ground in ("error-muted", "warning-muted", "success-muted"):
        assert contrast(variables, "foreground", ground) >= 4.5, ground


def test_no_two_statuses_share_a_glyph_so_that_colour_is_never_needed() -> None:
    assert len({fact.glyph for fact in STATUSES.values()}) == len(STATUSES)


COUNTS = {
    Status.QUEUED: 12_431,
    Status.STARTED: 8,
    Status.FAILED: 2_113,
    Status.SCHEDULED: 0,
    Status.DEFERRED: 0,
    Status.READY_TO_ENQUEUE: 0,
    Status.FINISHED: 98_112,
    Status.CANCELED: 0,
}


async def test_tabs_show_words_and_counts_and_what_is_not_known_as_a_dash() -> None:
    app = Host(StatusTabs(list(STATUSES)))
    async with app.run_test(size=(200, 5)) as pilot:
        app.widget.show(COUNTS)
        await pilot.pause()
        assert "✗ failed 2,113" in app.text()
        assert "✓ finished 98,112" in app.text()
        assert "… 7 others (i)" in app.text()
        assert "stopped" not in app.text()
        app.widget.all_shown = True
        await pilot.pause()
        assert "■ stopped –" in app.text()
        assert "others" not in app.text()


async def test_what_is_left_of_a_line_tells_the_words_of_failed_jobs_first() -> None:
    many = (Status.QUEUED, Status.STARTED, Status.FAILED, Status.SCHEDULED, Status.DEFERRED, Status.CANCELED, Status.FINISHED)
    app = Host(StatusTabs(list(STATUSES)))
    async with app.run_test(size=(80, 5)) as pilot:
        app.widget.show(dict.fromkeys(many, 311))
        await pilot.pause()
        assert "· queued 311  ▸ started 311  ✗ failed 311  ◷ 311  ⋯ 311" in app.text()
        await pilot.resize_terminal(74, 5)
        assert "· queued 311  ▸ 311  ✗ failed 311  ◷ 311" in app.text()


@pytest.mark.parametrize("active", STATUSES)
@pytest.mark.parametrize("width", [30, 80, 120])
async def test_the_active_tab_is_always_whole_and_in_view(active: Status, width: int) -> None:
    app = Host(StatusTabs(list(STATUSES), active=active))
    async with app.run_test(size=(width, 5)) as pilot:
        app.widget.show(dict.fromkeys(STATUSES, 1_234_567))
        await pilot.pause()
        assert f"{STATUSES[active].glyph} {STATUSES[active].title} 1,234,567 " in app.text().split("\n")[0]


async def test_moving_goes_round_the_statuses_that_have_jobs_or_round_all_where_all_are_shown() -> None:
    app = Host(StatusTabs([Status.QUEUED, Status.SCHEDULED, Status.STOPPED, Status.FINISHED]))
    async with app.run_test() as pilot:
        tabs = app.widget
        tabs.show(COUNTS)
        tabs.move(1)
        assert tabs.active is Status.FINISHED
        tabs.move(1)
        assert tabs.active is Status.QUEUED
        tabs.move(-1)
        assert tabs.active is Status.FINISHED
        tabs.all_shown = True
        tabs.move(-1)
        await pilot.pause()
        assert app.changes == [Status.FINISHED, Status.QUEUED, Status.FINISHED, Status.STOPPED]


async def test_no_tab_moves_when_its_status_becomes_empty_or_another_gets_jobs() -> None:
    app = Host(StatusTabs(list(STATUSES), active=Status.DEFERRED))
    async with app.run_test(size=(120, 5)) as pilot:
        tabs = app.widget
        tabs.show({Status.QUEUED: 3, Status.FINISHED: 5})
        assert tabs.tabs == [Status.QUEUED, Status.DEFERRED, Status.FINISHED]
        tabs.show({Status.QUEUED: 0, Status.STARTED: 2, Status.FINISHED: 5})
        assert tabs.tabs == [Status.QUEUED, Status.DEFERRED, Status.FINISHED, Status.STARTED]
        tabs.active = Status.FINISHED
        await pilot.pause()
        assert "· queued 0  ⋯ deferred –  ✓ finished 5  ▸ started 2  … 7 others (i)" in app.text()
        await pilot.click(StatusTabs, offset=(app.text().index("others"), 0))
        assert tabs.tabs == list(STATUSES)


async def test_a_click_opens_the_tab_under_the_mouse() -> None:
    app = Host(StatusTabs(list(STATUSES)))
    async with app.run_test(size=(80, 5)) as pilot:
        app.widget.show(COUNTS)
        await pilot.pause()
        await pilot.click(StatusTabs, offset=(app.text().index("98,112"), 0))
        assert app.changes == [Status.FINISHED]


async def test_the_banner_is_hidden_until_there_is_something_to_say() -> None:
    app = Host(Banner())
    async with app.run_test() as pilot:
        assert not app.widget.display
        app.widget.show(f"prod does not answer {HOSTILE}", "bad")
        await pilot.pause()
        assert f"✗ prod does not answer {SHOWN}" in app.text()
        app.widget.show("")
        await pilot.pause()
        assert not app.widget.display


def overview(**server: Any) -> Overview:
    facts = {"memory_used": 3 * 1024**3, "memory_max": None, "operations_per_second": 1_204}
    return Overview(ServerInfo("valkey", "9.1.2", **(facts | server)), (), 4, False, NOW)


async def test_the_header_says_where_and_how_and_when() -> None:
    app = Host(Header("prod-eu", clock=lambda: NOW, read_only=True))
    async with app.run_test(size=(120, 5)) as pilot:
        app.widget.show(overview(memory_max=4 * 1024**3))
        await pilot.pause()
        line = app.text().split("\n")[0]
        assert "qtui  ● prod-eu  valkey 9.1.2  mem 3.0 GiB of 4.0 GiB  1,204 ops/s" in line
        assert line.endswith("read-only  08:26:40 UTC ")
        app.widget.away()
        await pilot.pause()
        assert "○ prod-eu away  valkey 9.1.2" in app.text()


async def test_a_narrow_header_keeps_the_connection_and_the_clock() -> None:
    app = Host(Header("prod-eu", clock=lambda: NOW, read_only=True))
    async with app.run_test(size=(45, 5)) as pilot:
        app.widget.show(overview())
        await pilot.pause()
        line = app.text().split("\n")[0]
        assert "● prod-eu " in line
        assert "ops/s" not in line
        assert line.endswith("read-only  08:26:40 UTC ")


async def test_the_clock_of_the_header_goes_on() -> None:
    ticks = count(NOW)
    app = Host(Header("here", clock=lambda: next(ticks)))
    async with app.run_test(size=(80, 5)):
        first = app.text()
        await until(lambda: app.text() != first, "another second is shown")


async def test_progress_is_hidden_for_a_job_that_tells_none() -> None:
    app = Host(ProgressLine())
    async with app.run_test(size=(100, 5)) as pilot:
        assert not app.widget.display
        app.widget.show(Progress(31, 50, f"page 31 {HOSTILE}"))
        await pilot.pause()
        assert "62 %  31 of 50  page 31 " + SHOWN in app.text()
        app.widget.show(Progress(31, 0))
        await pilot.pause()
        assert "31 done" in app.text()


async def test_a_timeline_tells_each_moment_and_the_time_between() -> None:
    app = Host(Timeline())
    moments = [
        TimelineStep(NOW - 100, "created", Status.CREATED),
        TimelineStep(NOW - 100, f"queued {HOSTILE}", Status.QUEUED),
        TimelineStep(NOW - 88, "attempt 1 on web-3", Status.STARTED),
    ]
    async with app.run_test(size=(80, 20)) as pilot:
        app.widget.show(moments, NOW)
        await pilot.pause()
        lines = [line.strip() for line in app.text().split("\n") if line.strip()]
        assert lines == [
            "2025-11-22",
            "08:25:00  ○ created",
            f"08:25:00  · queued {SHOWN}",
            "│ 12.0 s",
            "08:25:12  ▸ attempt 1 on web-3",
            "│ 1m 28s so far",
        ]
        app.widget.show([*moments, TimelineStep(NOW, "finished", Status.FINISHED)], NOW + 500)
        await pilot.pause()
        assert "so far" not in app.text()


async def test_a_finished_job_whose_last_progress_was_not_reported_has_no_unfinished_bar() -> None:
    line = ProgressLine()
    app = Host(line)
    async with app.run_test(size=(100, 5)) as pilot:
        line.show(Progress(91, 100, "step 91 of 100"))
        await pilot.pause()
        assert "finished" not in app.text()
        line.show(Progress(91, 100, "step 91 of 100"), finished=True)
        await pilot.pause()
        assert app.text().split("\n")[0].strip() == "finished  last reported: 91 %, 91 of 100  step 91 of 100"
