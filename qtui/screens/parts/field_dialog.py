"""A dialog with one field, and below it what is wrong with the text that was typed there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from qtui.screens.parts.dialog import LOW, Dialog
from qtui.widgets.items import Items


class FieldDialog(Dialog):
    """A question, the field for the answer, and lines of help; a subclass handles `Input.Submitted`."""

    CSS_PATH = Path(__file__).with_name("field_dialog.tcss")  # a name alone would be looked for beside the subclass

    def __init__(self, question: str, keys: Sequence[str], examples: Sequence[str] = ()) -> None:
        """`keys` says what each key does; `examples` what may be typed."""
        super().__init__()
        self._question, self._keys, self._examples = question, keys, examples

    def field(self) -> Input:
        """The field as it is at first."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The question, the field, what is wrong, and the help."""
        with Vertical(id="dialog"):
            yield Static(self._question, id="title", markup=False)
            yield self.field()
            yield Static(id="wrong", markup=False)
            if self._examples:
                yield Items(self._examples, gap=3, id="examples")
            yield Items(self._keys, gap=3, id="keys")

    def on_resize(self, event: events.Resize) -> None:
        """Where there are few lines, none of them is blank around the text."""
        self.set_class(event.size.height < LOW, "-low")

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one(Input).focus()

    def on_input_changed(self) -> None:
        """What was wrong may be right now."""
        self.say_wrong("")

    def say_wrong(self, reason: str) -> None:
        """Say what is wrong with the text, until it is changed."""
        self.set_class(bool(reason), "-wrong").query_one("#wrong", Static).update(reason)
