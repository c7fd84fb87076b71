"""The virtual table under the mouse, and what it paints."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events
from textual.geometry import Region
from textual.strip import get_line_length

from qtui.widgets.row_table import RowTable
from tests.screens.table_host import COLUMNS, MILLION, Host, Item, Many, name, press


async def test_a_click_moves_the_cursor_a_second_one_selects_and_the_gutter_marks() -> None:
    app = Host(Many(100))
    async with app.run_test(size=(60, 11)) as pilot:
        await pilot.click(RowTable, offset=(10, 4))
        assert (name(app), app.of(RowTable.Selected)) == ("job-3", [])
        await pilot.click(RowTable, offset=(10, 4))
        await pilot.click(RowTable, offset=(1, 6))
        await pilot.click(RowTable, offset=(10, 0))
        await pilot.pause()
        assert [m.row.name for m in app.of(RowTable.Selected)] == ["job-3"]
        assert app.table.marked == {"job-5"}


async def test_the_wheel_takes_the_cursor_along_and_a_click_on_the_thumb_goes_far() -> None:
    app = Host(Many(MILLION))
    async with app.run_test(size=(60, 11)) as pilot:
        await pilot._post_mouse_events([events.MouseScrollDown], RowTable, button=0)
        await pilot.pause()
        assert app.table.top == app.table.cursor > 0
        await pilot.mouse_down(RowTable, offset=(59, 10))
        await pilot.mouse_up(RowTable, offset=(59, 10))
        await pilot.pause()
        assert "job-999999" in app.lines()[-1]
        assert app.lines()[-1].endswith("▐")


async def test_an_empty_list_says_so_in_its_own_words_and_before_the_first_answer_waits() -> None:
    app = Host([], answers=False)
    async with app.run_test(size=(60, 11)) as pilot:
        assert "…" in "".join(app.lines())
        app.load()
        await press(pilot, "down", "G", "space", "v", "enter", "pagedown")
        assert "No jobs [here]." in "".join(app.lines())
        assert app.table.cursor == 0


async def test_another_list_begins_at_its_top_without_marks() -> None:
    app = Host(Many(1_000))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "space", "G")
        app.table.reset(COLUMNS[:1], empty="None.")
        app.load()
        await pilot.pause()
        assert (app.table.cursor, app.table.top, app.table.marked) == (0, 0, set())
        assert "SIZE" not in app.lines()[0]


@pytest.mark.parametrize(("width", "titles"), [(80, "NAME SIZE NOTE"), (40, "NAME SIZE"), (25, "NAME"), (9, "NAME"), (3, "")])
async def test_less_important_columns_vanish_where_there_is_little_room(width: int, titles: str) -> None:
    app = Host(Many(10))
    async with app.run_test(size=(width, 11)):
        assert app.lines()[0].split() == titles.split()
        assert {get_line_length(app.table.render_line(y)) for y in range(11)} == {width}


HOSTILE = [
    Item("[red]not markup[/]", 1, "[@click=app.quit]x[/]"),
    Item("\x1b[31mred\x1b[0m", 2, "a\nb\tc\x07"),
    Item("表示が崩れる文字列のテスト", 3, "👩‍👩‍👧‍👦 é \u202eabc"),
    Item("e\u0301" * 30, 4, "\udcff\udcfe"),
    Item("x" * 5_000_000, 5, ""),
]


async def test_hostile_text_is_shown_as_what_it_is_and_moves_no_column() -> None:
    app = Host(HOSTILE)
    async with app.run_test(size=(60, 11)):
        lines = app.lines()[1:6]
        assert "[red]not mark…" in lines[0]
        assert "[@click=app.quit]" in lines[0]
        assert "␛[31mred␛[0m" in lines[1]
        assert "a␊b␉c␇" in lines[1]
        assert "\\xff\\xfe" in lines[3]
        assert not any(c in text for c in "\x1b\n\t\x07\u202e" for text in lines)
        strips = [app.table.render_line(y) for y in range(1, 6)]
        assert {get_line_length(strip) for strip in strips} == {60}
        assert [strip.crop(27, 30).text for strip in strips] == [f" {n} " for n in range(1, 6)]


async def test_a_refresh_paints_only_the_lines_that_look_different() -> None:
    rows = [Item(f"job-{i}", i) for i in range(50)]
    app = Host(rows)
    async with app.run_test(size=(60, 21)) as pilot:
        await pilot.pause()
        painted: list[int] = []
        original = app.table.refresh

        def refresh(*regions: Region, **options: bool) -> RowTable[Item]:
            painted.extend(region.y if region.height == 1 else -1 for region in regions)
            if not regions:
                painted.append(-1)
            return original(*regions, **options)

        app.table.refresh = refresh
        app.source = [replace(row, note="changed") if i in (3, 7, 40) else replace(row) for i, row in enumerate(rows)]
        app.load()
        await pilot.pause()
        assert painted == [4, 8]
        painted.clear()
        await press(pilot, "down")
        assert painted == [1, 2]


async def test_a_change_of_theme_colours_the_table_anew() -> None:
    app = Host(Many(10))
    async with app.run_test(size=(60, 11)) as pilot:
        before = app.table.render_line(1)
        app.theme = "textual-light"
        await pilot.pause()
        assert app.table.render_line(1) != before
        assert app.table.render_line(1).text == before.text
