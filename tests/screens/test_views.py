"""The widgets that show long things: tracebacks, payloads, logs."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.color import Color
from textual.widgets import Static

from qtui.widgets.log_view import LogView
from qtui.widgets.payload_view import PayloadView
from qtui.widgets.theme import DARK, LIGHT
from qtui.widgets.traceback_view import TracebackView
from qtui_workers.reporting.job_log import LogLine
from tests.screens.widget_host import HOSTILE, NOW, SHOWN, Host

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
        assert app.text().strip() == "…"
        app.widget.show(None)
        await pilot.pause()
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
        assert app.widget.query_one("#frames", Static).size.height == 2_001
        assert "98,001 lines left out" in app.widget.query_one("#frames", Static).render().plain


async def test_the_text_of_an_error_is_wrapped_and_red_to_its_end() -> None:
    app = Host(TracebackView())
    async with app.run_test(size=(80, 20)) as pilot:
        app.widget.show(TRACEBACK + ":\n  what is\n    its " + "cause " * 20 + "end")
        await pilot.pause()
        await pilot.pause()
        assert app.text().rstrip().endswith("cause end")
        assert app.widget.query_one("#frames", Static).render().plain.endswith("^")
        assert colours_of(app, "what is") == {Color.parse(DARK.variables["text-error"]).hex.lower()}


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


def log(first: int, last: int, level: str = "INFO") -> list[LogLine]:
    return [LogLine(NOW + n, level, f"step {n}.") for n in range(first, last)]


async def test_a_log_follows_its_end_until_one_scrolls_up() -> None:
    app = Host(LogView())
    async with app.run_test(size=(80, 10)) as pilot:
        assert app.text().strip() == "…"
        app.widget.show(())
        await pilot.pause()
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
