"""Short texts one behind the other, none of which is broken at the end of a line."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from qtui.presentation import formatting


def packed(items: Sequence[str], gap: int, width: int) -> list[str]:
    """The lines of so many cells into which the items fit; one that is wider than a line begins one of its own, and is broken."""
    lines: list[str] = []
    for item in items:
        longer = f"{lines[-1]}{' ' * gap}{item}" if lines else item
        if lines and formatting.cells(longer) <= width:
            lines[-1] = longer
        else:
            lines += wrap(item, width) if formatting.cells(item) > width > 0 else [item]
    return lines


class Items(Widget):
    """Items side by side, on as many lines as they need."""

    DEFAULT_CSS = "Items { width: 1fr; height: auto; }"

    items: reactive[tuple[str, ...]] = reactive((), layout=True)

    def __init__(self, items: Sequence[str] = (), *, gap: int, id: str) -> None:
        """`gap`: cells between two of them."""
        super().__init__(id=id)
        self.gap = gap
        self.set_reactive(Items.items, tuple(items))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The lines that they need."""
        return len(packed(self.items, self.gap, width))

    def render(self) -> Content:
        """The lines."""
        return Content("\n".join(packed(self.items, self.gap, self.content_size.width)))
