"""A text in a place of its own size."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from qtui.presentation.paragraphs import laid_out


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


class Paragraphs(Caption):
    """Several texts below each other; a long one takes the lines that others leave blank."""

    def __init__(self, usual: Sequence[int], styles: Sequence[str], *, id: str) -> None:
        """The usual number of lines of each text, and its style: "$text-muted", or "" for that of the place."""
        super().__init__(id=id)
        self._usual, self._styles = usual, styles
        self._texts: Sequence[str] = [""] * len(usual)

    def say_all(self, *texts: str) -> None:
        """Show these texts, one for each place; '' leaves its place blank."""
        self._texts = texts
        width = self.content_size.width or self.app.size.width
        pairs = zip(laid_out(texts, self._usual, width), self._styles, strict=True)
        self.say(Content("\n").join([Content.styled(line, style) for lines, style in pairs for line in lines]))

    def on_resize(self, _event: events.Resize) -> None:
        """The lines are longer now, or shorter."""
        self.say_all(*self._texts)
