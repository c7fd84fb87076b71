"""The line of keys at the bottom."""

from __future__ import annotations

from textual import widgets


class Footer(widgets.Footer):
    """Textual's, which keeps every key that it has ever shown, as one that listens to it, until what they listen to changes."""

    async def recompose(self) -> None:
        """Show the keys of now, and have the footer forget those before."""
        await super().recompose()
        self.mutate_reactive(widgets.Footer.compact)
