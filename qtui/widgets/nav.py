"""The bar of top-level screens, each with the key that opens it."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from qtui.presentation.bars import is_tight, labels


class Nav(Horizontal):
    """Numbers and titles; the active one is marked, a click opens another."""

    DEFAULT_CSS = """
    Nav { height: 1; padding: 0 1; background: $panel; }
    Nav > Static { width: auto; padding: 0 1; color: $text-muted; }
    Nav > Static:hover { color: $foreground; text-style: underline; }
    Nav > .-active { color: $foreground; background: $primary 40%; text-style: bold; }
    Nav.-tight { padding: 0; }
    Nav.-tight > Static { padding: 0 1 0 0; }
    """

    def __init__(self, active: str) -> None:
        """`active`: the name of a mode."""
        super().__init__()
        self._active = active

    def compose(self) -> ComposeResult:
        """A label for each."""
        width = self.app.size.width
        self.set_class(is_tight(width), "-tight")
        for name, label in labels(width, self._active):
            yield _ScreenLabel(label, name, active=name == self._active)

    def on_resize(self, event: events.Resize) -> None:
        """With less blank between the labels where they do not fit, and with fewer words."""
        self.set_class(is_tight(event.size.width), "-tight")
        for place, (_, label) in zip(self.query(_ScreenLabel), labels(event.size.width, self._active), strict=True):
            place.say(label)


class _ScreenLabel(Static):
    def __init__(self, label: str, name: str, *, active: bool) -> None:
        super().__init__(label, markup=False, classes="-active" if active else "")
        self._mode, self._label = name, label

    def say(self, label: str) -> None:
        """Show another label, where it is another."""
        if label != self._label:
            self._label = label
            self.update(label)

    async def on_click(self) -> None:
        await self.run_action(f"app.open_place('{self._mode}')")
