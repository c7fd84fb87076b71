"""The question before anything is changed: how many, which, where, and what cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from qtui import labels
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.app import QtuiApp

MOST_NOTES = 6


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    text: str
    sample: Iterable[str] = ()
    notes: Iterable[str] = ()
    """What cannot be done and why, and what to know about the rest."""
    agreed: Callable[[], object] | None = None
    """What yes does; None where there is nothing to do."""


@dataclass
class Answerable(Message):
    """It is known what to ask, or why that cannot be known."""

    question: Question | None
    error: Exception | None


class ConfirmScreen(ModalScreen[None]):
    """Asks before anything is changed; No has the focus until something else is chosen."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No", id="confirm.cancel", key_display="esc"),
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("left,right,h,l", "app.focus_next", "Choose", show=False),
    ]

    def __init__(self, title: str, ask: Callable[[], Question], *, danger: bool) -> None:
        """`ask` runs in a thread and may look at Redis."""
        super().__init__()
        self.what = title
        self.danger = danger
        self._ask = ask
        self._question: Question | None = None

    def compose(self) -> ComposeResult:
        """A sentence, a sample, two buttons. None says "Cancel": that is what is done to jobs."""
        with Vertical(id="dialog", classes="-danger" if self.danger else ""):
            yield Static(f"{self.what}: looking …", id="question", markup=False)
            yield Static(id="sample", markup=False)
            yield Static(id="notes", markup=False)
            with Horizontal(id="buttons"):
                yield Button("No", id="no")
                yield Button(f"Yes, {self.what.lower()}", id="yes", variant="error" if self.danger else "primary")

    def on_mount(self) -> None:
        """Begin to look what is to be asked."""
        self.query_one("#yes", Button).disabled = True
        self.query_one("#no", Button).focus()

        def work() -> None:
            try:
                self.post_message(Answerable(self._ask(), None))
            except Exception as error:  # noqa: BLE001 - told to the operator, whatever it is
                self.post_message(Answerable(None, error))

        self.run_worker(work, thread=True, exit_on_error=False)

    def on_answerable(self, message: Answerable) -> None:
        """Show the question."""
        asked = self._question = message.question
        text = self.query_one("#question", Static)
        if asked is None:
            name = cast("QtuiApp", self.app).context.name
            text.update(printable(labels.trouble(cast(Exception, message.error), name)))
            return
        text.update(printable(asked.text))
        notes = [printable(note, 200) for note in asked.notes]
        if len(notes) > MOST_NOTES:
            notes[MOST_NOTES - 1 :] = [f"… and {len(notes) - MOST_NOTES + 1:,} notes more"]
        self._fill("#sample", [printable(line, 110) for line in asked.sample])
        self._fill("#notes", notes)
        self.query_one("#yes", Button).disabled = asked.agreed is None

    def _fill(self, place: str, lines: list[str]) -> None:
        self.query_one(place, Static).set_class(bool(lines), "-any").update("\n".join(lines))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button was chosen."""
        self.action_answer(event.button.id == "yes")

    def action_answer(self, agreed: bool) -> None:
        """Leave, and do it where the answer is yes; yes only counts once it is known what is asked."""
        if not agreed:
            self.dismiss()
        elif self._question and self._question.agreed:
            self.dismiss()
            self._question.agreed()
