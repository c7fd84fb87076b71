"""A text in a place of its own size."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Caption(Static):
    """A text whose place does not depend on it, as its height is fixed: another text is painted, and nothing is laid out for it.

    To lay out a screen takes longer than all else that a key or a look changes.
    """

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(text, id=id, markup=False)
        self._said: Content | None = None

    def say(self, text: str | Content) -> None:
        """Show a text, where it is another than before; it has no markup."""
        said = Content(text) if isinstance(text, str) else text
        if self._said is None or not self._said.is_same(said):
            self._said = said
            self.update(said, layout=False)
