"""The field of one line into which a person types."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class LineInput(Input):
    """Textual's, but keys act in the order in which they were pressed, and several lines can be pasted.

    Textual does what a key is bound to only once the key has reached the App. Characters that arrived with it, as they do over
    ssh, are typed before that: `ctrl+u` and a text would leave nothing.
    """

    async def _on_key(self, event: events.Key) -> None:
        """Do at once what a key of the field is bound to, where that applies: what scrolls goes on to the dialog."""
        for binding in () if event.is_printable else self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.prevent_default()
                event.stop()

    def _on_paste(self, event: events.Paste) -> None:
        """Take all lines as one, without control characters."""
        event.prevent_default()
        event.stop()
        text = " ".join(line for line in event.text.splitlines() if line.strip()).replace("\t", " ")
        self.replace("".join(filter(str.isprintable, text)), *self.selection)
