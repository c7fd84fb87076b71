"""The virtual table, driven by keys and mouse over a real list of a million rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.pilot import Pilot
from textual.strip import get_line_length

from qtui.theme import DARK
from qtui.widgets.row_table import Column, RowTable

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the tests."""

    name: str
    size: int = 0
    note: str = ""


class Many:
    """A list that makes its rows when they are asked for."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> list[Item]:
        return [Item(f"job-{i}", i, "fine") for i in range(*part.indices(self.length))]


COLUMNS = [
    Column[Item]("NAME", lambda row: row.name, width=14),
    Column[Item]("SIZE", lambda row: f"{row.size:,}", width=10, align="right", priority=1),
    Column[Item]("NOTE", lambda row: row.note, minimum=12, tone="muted", priority=2),
]


class Host(App[None]):
    """A table, its data source, and what the table said."""

    def __init__(self, source: Many | list[Item], *, answers: bool = True) -> None:
        super().__init__()
        self.source = source
        self.answers = answers
        self.heard: list[Message] = []
        self.escapes = 0
        self.register_theme(DARK)
        self.theme = DARK.name

    BINDINGS: ClassVar = [("escape", "escape", "Back")]

    def action_escape(self) -> None:
        self.escapes += 1

    def compose(self) -> ComposeResult:
        yield RowTable(COLUMNS, key=lambda row: row.name, empty="No jobs [here].")

    @property
    def table(self) -> RowTable[Item]:
        return self.query_one(RowTable)

    def load(self) -> None:
        offset, limit = self.table.window
        self.table.show(self.source[offset : offset + limit], offset, len(self.source))

    def on_mount(self) -> None:
        if self.answers:
            self.load()

    def on_row_table_window_wanted(self, message: RowTable.WindowWanted) -> None:
        self.heard.append(message)
        if self.answers:
            self.table.show(self.source[message.offset : message.offset + message.limit], message.offset, len(self.source))

    def on_row_table_selected(self, message: RowTable.Selected[Item]) -> None:
        self.heard.append(message)

    def on_row_table_highlighted(self, message: RowTable.Highlighted[Item]) -> None:
        self.heard.append(message)

    def on_row_table_marks_changed(self, message: RowTable.MarksChanged) -> None:
        self.heard.append(message)

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.heard if isinstance(message, kind)]

    def lines(self) -> list[str]:
        """What the screen shows, the header first."""
        return [self.table.render_line(y).text for y in range(self.table.size.height)]


def name(app: Host) -> str | None:
    row = app.table.cursor_row
    return row.name if row else None


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


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


async def test_a_source_with_fewer_rows_than_it_says_is_asked_only_once() -> None:
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
