"""Names and values, one pair a line, with problems above them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from qtui_workers.text import printable


class Facts(Static):
    """A small two-column list; text in it is never markup."""

    DEFAULT_CSS = "Facts { height: auto; }"

    def __init__(self) -> None:
        super().__init__(Content.styled("…", "$text-muted"))

    def show(self, facts: Sequence[tuple[str, str]], problems: Sequence[str] = ()) -> None:
        """Show pairs of name and value, and what is wrong."""
        width = max((len(name) for name, _ in facts), default=0)
        lines = [Content.styled(f"⚠ {printable(problem)}", "$text-warning") for problem in problems]
        lines += [Content.assemble((f"{printable(name):<{width}}  ", "$text-muted"), printable(value)) for name, value in facts]
        self.update(Content("\n").join(lines))
