"""The smaller widgets: what they show, what they keep, and that nothing from outside is taken for markup."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.color import Color
from textual.widget import Widget
from textual.widgets import Static

from qtui.broker.models import LogLine, Moment, Overview, Progress, ServerInfo
from qtui.broker.status import STATUSES, Status
from qtui.theme import DARK, LIGHT, THEMES, TONES
from qtui.widgets.banner import Banner
from qtui.widgets.header import Header
from qtui.widgets.log_view import KEEP, LogView
from qtui.widgets.payload_view import PayloadView
from qtui.widgets.progress_line import ProgressLine
from qtui.widgets.status_tabs import StatusTabs
from qtui.widgets.timeline import Timeline
from qtui.widgets.traceback_view import TracebackView

NOW = 1_763_800_000.0
HOSTILE = "[red]x[/] [@click=app.quit]y[/] \x1b[31mz"
SHOWN = "[red]x[/] [@click=app.quit]y[/] ␛[31mz"


class Host(App[None]):
    """One widget alone."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.changes: list[Status] = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_status_tabs_changed(self, message: StatusTabs.Changed) -> None:
        self.changes.append(message.status)

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join("".join(s.text for s in line) for line in self.screen._compositor.render_strips())


async def until(predicate: Callable[[], object], description: str) -> None:
    for _ in range(500):
        if predicate():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"did not happen: {description}")


# -- theme -----------------------------------------------------------------


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
    for ground in grounds:
        assert contrast(variables, TONES[tone].removeprefix("$"), ground) >= 4.5, ground


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_a_banner_can_be_read_on_each_of_its_backgrounds(theme: Any) -> None:
    variables = theme.to_color_system().generate() | theme.variables
    for ground in ("error-muted", "warning-muted", "success-muted"):
        assert contrast(variables, "foreground", ground) >= 4.5, ground


def test_no_two_statuses_share_a_glyph_so_that_colour_is_never_needed() -> None:
    assert len({fact.glyph for fact in STATUSES.values()}) == len(STATUSES)


# -- status tabs -------------------------------------------------------------

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
        assert "■ stopped –" in app.text()


@pytest.mark.parametrize("active", STATUSES)
@pytest.mark.parametrize("width", [30, 80, 120])
async def test_the_active_tab_is_always_whole_and_in_view(active: Status, width: int) -> None:
    app = Host(StatusTabs(list(STATUSES), active=active))
    async with app.run_test(size=(width, 5)) as pilot:
        app.widget.show(dict.fromkeys(STATUSES, 1_234_567))
        await pilot.pause()
        assert f"{active.fact.glyph} {active.fact.title} 1,234,567 " in app.text().split("\n")[0]


async def test_moving_skips_the_statuses_that_are_known_to_be_empty() -> None:
    app = Host(StatusTabs([Status.QUEUED, Status.SCHEDULED, Status.STOPPED, Status.FINISHED]))
    async with app.run_test() as pilot:
        tabs = app.widget
        tabs.show(COUNTS)
        tabs.move(1)
        assert tabs.active is Status.STOPPED
        tabs.move(1)
        tabs.move(1)
        assert tabs.active is Status.QUEUED
        tabs.move(-1)
        await pilot.pause()
        assert app.changes == [Status.STOPPED, Status.FINISHED, Status.QUEUED, Status.FINISHED]


async def test_a_click_opens_the_tab_under_the_mouse() -> None:
    app = Host(StatusTabs(list(STATUSES)))
    async with app.run_test(size=(80, 5)) as pilot:
        app.widget.show(COUNTS)
        await pilot.pause()
        await pilot.click(StatusTabs, offset=(app.text().index("98,112"), 0))
        assert app.changes == [Status.FINISHED]


# -- one-liners ----------------------------------------------------------------


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


# -- timeline ------------------------------------------------------------------


async def test_a_timeline_tells_each_moment_and_the_time_between() -> None:
    app = Host(Timeline())
    moments = [
        Moment(NOW - 100, "created", Status.CREATED),
        Moment(NOW - 100, f"queued {HOSTILE}", Status.QUEUED),
        Moment(NOW - 88, "attempt 1 on web-3", Status.STARTED),
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
        app.widget.show([*moments, Moment(NOW, "finished", Status.FINISHED)], NOW + 500)
        await pilot.pause()
        assert "so far" not in app.text()


# -- traceback -------------------------------------------------------------------

TRACEBACK = """\
Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/rq/job.py", line 1400, in perform
    self._result = self._execute()
  File "/srv/shop/charge.py", line 41, in charge
    answer = gateway.post("[red]")  # \x1b[31m
             ^^^^^^^^^^^^^^^^^^^^^
TimeoutError: gateway did not answer [/]"""


def colours_of(app: Host, needle: str) -> set[str]:
    """The colours of the text segments in the line that contains the needle."""
    line = next(s for s in app.screen._compositor.render_strips() if needle in "".join(t.text for t in s))
    return {seg.style.color.name for seg in line if seg.text.strip() and seg.style and seg.style.color}


async def test_a_traceback_has_bright_frames_of_the_user_and_dim_ones_of_libraries() -> None:
    app = Host(TracebackView())
    async with app.run_test(size=(100, 20)) as pilot:
        assert "No traceback." in app.text()
        app.widget.show(TRACEBACK)
        await pilot.pause()
        shown = app.text()
        for line in TRACEBACK.replace("\x1b", "␛").split("\n"):
            assert line in shown
        muted = Color.parse(DARK.variables["text-muted"]).hex.lower()
        assert colours_of(app, "self._execute") == {muted}
        assert len(colours_of(app, "gateway.post") - {muted}) > 1
        assert colours_of(app, "TimeoutError") == {Color.parse(DARK.variables["text-error"]).hex.lower()}
        app.widget.show(None)
        await pilot.pause()
        assert "TimeoutError" not in app.text()


async def test_a_long_traceback_is_cut_in_the_middle_and_opens_at_the_error() -> None:
    app = Host(TracebackView())
    frame = '  File "/srv/a.py", line 1, in deep\n    deep()\n'
    async with app.run_test(size=(80, 20)) as pilot:
        app.widget.show("Traceback (most recent call last):\n" + frame * 50_000 + "RecursionError: " + "too deep " * 20)
        await pilot.pause()
        await pilot.pause()
        assert app.text().rstrip().endswith("too deep too deep")
        assert app.widget.query_one("#frames", Static).size.height == 2_000
        assert "98,002 lines left out" in app.widget.query_one("#frames", Static).render().plain


# -- payload ---------------------------------------------------------------------


async def test_a_payload_opens_what_is_small_and_shows_text_as_it_is() -> None:
    app = Host(PayloadView())
    async with app.run_test(size=(100, 30)) as pilot:
        value = {"title": HOSTILE, "n": 50, "ok": True, "none": None, "inner": {"a": [1, 2]}, "o": {"__object__": "m.C"}}
        app.widget.show(value)
        await pilot.pause()
        await pilot.pause()
        for text in (f'title  "{SHOWN}"', "n  50", "ok  true", "none  null", "▾ inner  {1}", "▸ a  [2]", "‹m.C›"):
            assert text in app.text()


@pytest.mark.parametrize(
    ("value", "text"),
    [("hi", '"hi"'), (None, "null"), (3.5, "3.5"), ([], "[]"), ({}, "{}"), ("", '""'), (10**5_000, "16,610 bits")],
    ids=["text", "null", "float", "list", "mapping", "empty", "huge"],
)
async def test_a_scalar_is_shown_alone(value: Any, text: str) -> None:
    app = Host(PayloadView())
    async with app.run_test() as pilot:
        app.widget.show(value)
        await pilot.pause()
        assert text in app.text()


async def test_a_huge_list_is_opened_a_batch_at_a_time() -> None:
    app = Host(PayloadView())
    async with app.run_test() as pilot:
        app.widget.show(list(range(1_000_000)))
        await pilot.pause()
        root = app.widget.root
        assert len(root.children) == 101
        assert "999,900 more" in str(root.children[-1].label)
        app.widget.focus()
        await pilot.press("G", "enter")
        await pilot.pause()
        assert len(root.children) == 201
        assert str(root.children[150].label).startswith("150")


async def test_a_text_of_megabytes_opens_into_bounded_lines() -> None:
    app = Host(PayloadView())
    async with app.run_test() as pilot:
        app.widget.show({"text": "x" * 5_000_000})
        await pilot.pause()
        assert "5,000,000 characters" in app.text()
        app.widget.root.children[0].expand()
        await pilot.pause()
        lines = app.widget.root.children[0].children
        assert len(lines) == 101
        assert len(str(lines[0].label)) == 100


async def test_data_of_any_depth_is_shown() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    app = Host(PayloadView())
    async with app.run_test() as pilot:
        app.widget.show(deep)
        app.widget.show([deep])
        await pilot.pause()
        assert "[1]" in app.text()


async def test_what_is_open_stays_open_when_the_value_changes() -> None:
    app = Host(PayloadView())
    async with app.run_test() as pilot:
        app.widget.show({"step": 1, "inner": {"a": {"b": 1}}})
        await pilot.pause()
        app.widget.root.children[1].children[0].expand()
        await pilot.pause()
        app.widget.show({"step": 2, "inner": {"a": {"b": 2}}})
        await pilot.pause()
        await pilot.pause()
        assert "b  2" in app.text()


# -- log -------------------------------------------------------------------------


def log(first: int, last: int, level: str = "INFO") -> list[LogLine]:
    return [LogLine(NOW + n, level, f"step {n}.") for n in range(first, last)]


async def test_a_log_follows_its_end_until_one_scrolls_up() -> None:
    app = Host(LogView())
    async with app.run_test(size=(80, 10)) as pilot:
        assert "No log lines." in app.text()
        app.widget.show(log(0, 100))
        await pilot.pause()
        assert "step 99." in app.text()
        app.widget.focus()
        await pilot.press("up")
        app.widget.show(log(20, 150))
        await pilot.pause()
        assert "step 98." in app.text()
        assert "step 149." not in app.text()
        await pilot.press("G")
        await pilot.pause()
        assert "step 149." in app.text()
        await pilot.press("f")
        app.widget.show(log(20, 160))
        await pilot.pause()
        assert "step 149." in app.text()
        assert "step 159." not in app.text()


async def test_a_fast_log_is_painted_in_bursts_and_bounded() -> None:
    app = Host(LogView())
    async with app.run_test(size=(80, 10)):
        for start in range(0, KEEP + 1_000, 100):
            app.widget.extend(log(start, start + 100))
        assert app.widget.line_count == KEEP
        await until(lambda: f"step {KEEP + 999}." in app.text(), "the newest line is painted")


async def test_log_lines_are_split_and_shown_as_they_are_and_scrolled_sideways() -> None:
    app = Host(LogView())
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.show([LogLine(NOW, "ERROR", f"first {HOSTILE}\nsecond " + "long " * 30), LogLine(NOW, "x\x1b", "third")])
        await pilot.pause()
        lines = app.text().split("\n")
        assert lines[0].startswith("08:26:40.000  ERROR     first [red]x[/]")
        assert lines[1].strip().startswith("ERROR     second long")
        assert "third" in lines[2]
        assert "\x1b" not in app.text()
        app.widget.focus()
        await pilot.press("right")
        assert "second" not in app.text()


async def test_colours_follow_the_theme() -> None:
    app = Host(LogView())
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.show(log(0, 1, "ERROR"))
        await pilot.pause()
        assert Color.parse(DARK.variables["text-error"]).hex.lower() in colours_of(app, "ERROR")
        app.theme = LIGHT.name
        await pilot.pause()
        assert Color.parse(LIGHT.variables["text-error"]).hex.lower() in colours_of(app, "ERROR")


async def test_the_wheel_ends_following_and_coming_to_the_end_begins_it_again() -> None:
    app = Host(LogView())
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.show(log(0, 100))
        await pilot.pause()
        await pilot._post_mouse_events([events.MouseScrollUp], LogView, button=0)
        await pilot.pause()
        assert (app.widget.top, app.widget.following) == (87, False)
        await pilot._post_mouse_events([events.MouseScrollDown], LogView, button=0)
        await pilot.pause()
        assert (app.widget.top, app.widget.following) == (90, True)
