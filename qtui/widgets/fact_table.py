"""A few rows in columns, only to be read: no cursor, no focus."""

from __future__ import annotations

from collections.abc import Sequence

from qtui.presentation.cells import Column, Row
from qtui.widgets.row_view import RowView


class FactTable(RowView[Row], can_focus=False):
    """All rows are held; those that do not fit are cut off. Its title stands in its upper border."""

    def __init__(self, columns: Sequence[Column[Row]], empty: str, *, id: str | None = None) -> None:
        super().__init__(columns, lambda _row: "", empty, id=id, classes=None)

    @property
    def cursor_number(self) -> int:
        return -1

    def show(self, rows: Sequence[Row] | None, title: str) -> None:
        """Replace the rows and the title; the rows are None while they are not known."""
        if title != self.border_title:  # every change paints all of it
            self.border_title = title
        self._hold(rows or (), 0, len(rows or ()))
        self._loaded = rows is not None
        self.repaint()
