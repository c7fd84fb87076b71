"""The dialog that asks which program gets the payload."""

from __future__ import annotations

import shlex
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widgets import Input

from qtui.screens.output import Given, OutputScreen
from qtui.screens.parts.field_dialog import FieldDialog
from qtui.shared.session import session_of
from qtui.widgets.line_input import LineInput
from qtui_workers.text import printable

SECONDS: Final = 30.0
"""For so long the program may run."""
MOST: Final = 4 << 20
"""So many bytes it may print."""


class PipeScreen(FieldDialog):
    """Asks for a program and its arguments; Enter runs it, without a shell, with the JSON on its standard input.

    The program is the operator's own and gets nothing but data, so that it is run where the connection is read-only too, and is
    no change for the audit: the same as a command of the user's own that is marked harmless.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="pipe.close", key_display="esc"),
    ]

    def __init__(self, what: str, data: str, job_id: str) -> None:
        """`what` is the name of the data, which is JSON."""
        super().__init__(
            f"Pipe the {what} (JSON) into a program", ("enter runs it here, without a shell", "for 30 s at most", "esc closes")
        )
        self._what, self._data, self._job_id = what, data, job_id

    def field(self) -> Input:
        """The program of the time before."""
        return LineInput(session_of(self.app).pipe, placeholder="jq .items", compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run it, or say what is wrong with it."""
        try:
            words = shlex.split(event.value)
        except ValueError as error:
            self.say_wrong(f"That cannot be read: {str(error).lower()}.")
            return
        if not words:
            self.say_wrong("Name a program, such as jq .items")
            return
        app = self.app
        session_of(app).pipe = event.value
        self.dismiss()
        given = Given(self._data.encode(), SECONDS, MOST)
        app.push_screen(OutputScreen(f"{printable(self._what, 40)} |", words, self._job_id, is_change=False, given=given))
