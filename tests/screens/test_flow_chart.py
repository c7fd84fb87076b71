"""The chart of what entered and left a queue."""

from __future__ import annotations

from qtui.presentation import chart
from qtui.presentation.chart import Series
from qtui.widgets.fact_table import FactTable
from qtui.widgets.flow_chart import FlowChart
from qtui.widgets.row_table import Column
from tests.screens.widget_host import HOSTILE, SHOWN, Host

MINUTE = (None, 0.0, 1.0, 4.0)


async def test_bands_share_a_scale_and_fill_the_width_and_what_is_not_known_is_blank() -> None:
    app = Host(FlowChart(15.0))
    async with app.run_test(size=(42, 5)) as pilot:
        app.widget.show([Series("in", "idle", MINUTE, 4.0), Series("ok", "good", (0.0, 0.0, 0.001, 2.0), 2.0)])
        await pilot.pause()
        lines = app.text().split("\n")
        assert lines[:4] == [
            f"{' in':34}{'█' * 8}",
            f"{' 4.0/s':18}{'▁' * 8}{'▄' * 8}{'█' * 8}",
            f"{' ok':42}",
            f"{' 2.0/s':10}{'▁' * 16}{'▂' * 8}{'█' * 8}",
        ]
        assert lines[4].split() == ["1m", "ago", "30s", "ago", "now"]
        assert app.widget.border_title == "last 1 minutes · full height 4.0/s"


def test_the_full_height_is_no_lower_than_a_rate_beside_it() -> None:
    series = [Series("in", "idle", (0.0, 0.1), 0.2), Series("ok", "good", (0.0, 0.1), 0.1)]
    assert chart.title(series, 30.0) == "last 1 minutes · full height 0.2/s"


async def test_a_chart_of_nothing_and_one_without_room_are_empty() -> None:
    app = Host(FlowChart(30.0))
    async with app.run_test(size=(12, 5)) as pilot:
        assert app.text().strip() == ""
        app.widget.show([Series("in", "idle", MINUTE)])
        await pilot.pause()
        assert app.text().strip() == ""


async def test_facts_are_read_only_and_nothing_in_them_is_markup() -> None:
    table = FactTable([Column("WHAT", lambda row: row, minimum=10)], "Nothing.")
    app = Host(table)
    async with app.run_test(size=(60, 5)) as pilot:
        assert "…" in app.text()
        table.show([], "empty")
        await pilot.pause()
        assert "Nothing." in app.text()
        table.show([HOSTILE], "one")
        await pilot.pause()
        assert SHOWN in app.text()
        await pilot.press("j", "enter")
        assert app.focused is None
