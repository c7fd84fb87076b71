"""The virtual table, driven by keys and mouse over a real list of a million rows."""

from __future__ import annotations

from dataclasses import replace

from qtui.widgets.row_table import RowTable
from tests.screens.table_host import MILLION, Host, Item, Many, name, press


async def test_keys_move_the_cursor_and_keep_it_in_the_list() -> None:
    app = Host(Many(1_000))
    async with app.run_test(size=(60, 21)) as pilot:
        await press(pilot, "j", "down", "k")
        assert name(app) == "job-1"
        await press(pilot, "up", "up", "k")
        assert name(app) == "job-0"
        await press(pilot, "pagedown")
        assert name(app) == "job-19"
        await press(pilot, "ctrl+u")
        assert name(app) == "job-0"
        await press(pilot, "G")
        assert name(app) == "job-999"
        await press(pilot, "j", "ctrl+d")
        assert name(app) == "job-999"
        await press(pilot, "g")
        assert name(app) == "job-0"


async def test_a_million_rows_are_paged_by_asking_for_windows_around_the_view() -> None:
    app = Host(Many(MILLION))
    async with app.run_test(size=(60, 21)) as pilot:
        await press(pilot, "end")
        assert name(app) == "job-999999"
        assert "999,999" in app.lines()[-1]
        await press(pilot, *["pageup"] * 12)
        assert all("job-" in line for line in app.lines()[1:])
        wanted = app.of(RowTable.WindowWanted)
        assert len(wanted) < 8
        assert all(isinstance(m, RowTable.WindowWanted) and m.limit == 100 for m in wanted)


async def test_rows_that_are_not_held_are_placeholders_until_they_arrive() -> None:
    app = Host(Many(MILLION), answers=False)
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.show(app.source[0:100], 0, MILLION)
        await press(pilot, "G")
        assert all("…" in line for line in app.lines()[1:])
        assert app.table.cursor_row is None
        await press(pilot, "enter", "space")
        assert not app.of(RowTable.Selected)
        assert not app.table.marked
        offset, limit = app.table.window
        app.table.show(app.source[offset : offset + limit], offset, MILLION)
        await pilot.pause()
        assert name(app) == "job-999999"


async def test_a_burst_of_moves_asks_once() -> None:
    app = Host(Many(MILLION), answers=False)
    async with app.run_test(size=(60, 21)) as pilot:
        app.table.show(app.source[0:100], 0, MILLION)
        for _ in range(50):
            app.table.action_page(1)
        await pilot.pause()
        await pilot.pause()
        (wanted,) = app.of(RowTable.WindowWanted)
        assert isinstance(wanted, RowTable.WindowWanted)
        assert wanted.offset <= app.table.top < app.table.top + 20 <= wanted.offset + wanted.limit


async def test_a_source_with_fewer_rows_than_it_says_is_read_only_once() -> None:
    app = Host([], answers=True)
    async with app.run_test(size=(60, 21)) as pilot:
        app.answers = False
        app.table.show([], 0, 500)
        await pilot.pause()
        for _ in range(3):
            app.table.show([], 0, 500)
            await pilot.pause()
        assert len(app.of(RowTable.WindowWanted)) == 1


async def test_an_answer_for_another_place_is_followed_by_another_question() -> None:
    app = Host(Many(MILLION), answers=False)
    async with app.run_test(size=(60, 21)) as pilot:
        app.table.show(app.source[0:100], 0, MILLION)
        await press(pilot, "G")
        app.table.show(app.source[0:100], 0, MILLION)
        await pilot.pause()
        assert len(app.of(RowTable.WindowWanted)) == 2


async def test_the_cursor_stays_on_its_row_when_others_come_before_it() -> None:
    app = Host([Item(f"old-{i}") for i in range(50)])
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, *["down"] * 20)
        line = next(y for y, text in enumerate(app.lines()) if "old-20" in text)
        app.source = [Item(f"new-{i}") for i in range(5)] + list(app.source[0:50])
        app.load()
        await pilot.pause()
        assert name(app) == "old-20"
        assert app.table.cursor == 25
        assert "old-20" in app.lines()[line]


async def test_new_rows_appear_at_the_top_while_the_view_is_there() -> None:
    app = Host([Item(f"old-{i}") for i in range(50)])
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "down")
        app.source = [Item("new"), *app.source[0:50]]
        app.load()
        await pilot.pause()
        assert "new" in app.lines()[1]
        assert name(app) == "old-1"


async def test_the_cursor_takes_the_next_row_when_its_own_is_gone() -> None:
    app = Host([Item(f"job-{i}") for i in range(5)])
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "down", "down")
        app.source = [Item(f"job-{i}") for i in (0, 1, 3, 4)]
        app.load()
        await pilot.pause()
        assert name(app) == "job-3"
        app.source = [Item("job-0")]
        app.load()
        await pilot.pause()
        assert name(app) == "job-0"


async def test_the_view_ends_with_a_list_that_has_become_shorter() -> None:
    app = Host(Many(1_000))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "G")
        app.source = Many(15)
        app.load()
        await pilot.pause()
        assert name(app) == "job-14"
        assert all("job-" in line for line in app.lines()[1:])


async def test_highlighted_says_a_move_and_a_change_of_the_row_and_nothing_else() -> None:
    rows = [Item(f"job-{i}") for i in range(5)]
    app = Host(rows)
    async with app.run_test(size=(60, 11)) as pilot:
        app.heard.clear()
        app.load()
        await pilot.pause()
        assert not app.heard
        await press(pilot, "down")
        app.source = [*rows[:1], replace(rows[1], note="changed"), *rows[2:]]
        app.load()
        await pilot.pause()
        assert [(m.row.name, m.row.note) for m in app.of(RowTable.Highlighted)] == [("job-1", ""), ("job-1", "changed")]


async def test_enter_selects_the_row_under_the_cursor() -> None:
    app = Host(Many(10))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "down", "enter")
        assert [m.row.name for m in app.of(RowTable.Selected)] == ["job-1"]


async def test_marks_survive_a_refresh_and_leaving_the_window() -> None:
    app = Host(Many(MILLION))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "space", "space", "G")
        app.load()
        await press(pilot, "g")
        assert app.table.marked == {"job-0", "job-1"}
        assert app.table.cursor == 0
        assert [("●" in line) for line in app.lines()[1:4]] == [True, True, False]
        await press(pilot, "space")
        assert app.table.marked == {"job-1"}
        app.table.unmark(["job-1", "unknown"])
        assert app.table.marked == set()


async def test_a_range_goes_from_the_last_mark_to_the_cursor_in_both_directions() -> None:
    app = Host(Many(100))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, *["down"] * 5, "space", "down", "down", "v")
        assert app.table.marked == {"job-5", "job-6", "job-7", "job-8"}
        await press(pilot, *["up"] * 5, "v")
        assert app.table.marked == {f"job-{i}" for i in range(3, 9)}


async def test_a_range_from_a_mark_that_is_not_held_begins_anew_and_says_so() -> None:
    app = Host(Many(MILLION))
    async with app.run_test(size=(60, 11), notifications=True) as pilot:
        await press(pilot, "space", "G", "v")
        assert app.table.marked == {"job-0", "job-999999"}
        assert len(app._notifications) == 1


async def test_escape_takes_marks_away_and_otherwise_goes_on_to_the_screen() -> None:
    app = Host(Many(100))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "space", "escape")
        assert (app.table.marked, app.escapes) == (set(), 0)
        await press(pilot, "escape")
        assert app.escapes == 1
        assert [len(m.marked) for m in app.of(RowTable.MarksChanged)] == [1, 0]
