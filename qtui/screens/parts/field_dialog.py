"""A dialog with one field, and below it what is wrong with the text that was typed there."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from qtui.screens.parts.dialog import Dialog


class FieldDialog(Dialog):
    """A question, the field for the answer, and lines of help; a subclass handles `Input.Submitted`."""

    CSS_PATH = Path(__file__).with_name("field_dialog.tcss")  # a name alone would be looked for beside the subclass

    def __init__(self, question: str, keys: str, examples: str = "") -> None:
        """`keys` says what the keys do; `examples` what may be typed."""
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
                yield Static(self._examples, id="examples", markup=False)
            yield Static(self._keys, id="keys", markup=False)

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one(Input).focus()

    def on_input_changed(self) -> None:
        """What was wrong may be right now."""
        self.say_wrong("")

    def say_wrong(self, reason: str) -> None:
        """Say what is wrong with the text, until it is changed."""
        self.query_one("#wrong", Static).update(reason)
