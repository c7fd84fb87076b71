"""The dialog shown before anything is changed: how many, which, where, and what cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from qtui import labels
from qtui.broker.operations import Parameter
from qtui_workers.text import printable

MOST_NOTES = 6


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a change, or a sentence that says why there is nothing to do."""

    text: str
    sample: Iterable[str] = ()
    notes: Iterable[str] = ()
    """Why jobs cannot be changed, and notes on those that can."""
    agreed: Callable[[], object] | None = None
    """Called when the answer is yes; None if there is nothing to do."""


@dataclass
class QuestionKnown(Message):
    """The question has been prepared, or preparing it has failed."""

    text: str | None
    """The value of the parameter for which the question was prepared; None without a parameter."""
    outcome: Question | Exception


class ConfirmScreen(ModalScreen[None]):
    """Asks before anything is changed; the button No has the focus at first.

    If there is a parameter, its value is typed first: Enter shows the question for this value, or what is wrong with the value.
    """

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No", id="confirm.cancel", key_display="esc"),
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("left,right,h,l", "app.focus_next", "Choose", show=False),
    ]

    def __init__(
        self,
        title: str,
        ask: Callable[[str | None], Question],
        connection: str,
        *,
        danger: bool,
        parameter: Parameter | None = None,
    ) -> None:
        """`ask` makes the question for the typed value (None without a parameter); it runs in a thread and may read from Redis.

        An error that it raises is shown in place of the question. `connection` is the connection's name, for error sentences.
        """
        super().__init__()
        self.what = title
        self.danger = danger
        self.parameter = parameter
        self._ask = ask
        self._connection = connection
        self._question: Question | None = None

    def compose(self) -> ComposeResult:
        """A sentence, a sample, two buttons. No button is called "Cancel", because Cancel is an operation on jobs."""
        with Vertical(id="dialog", classes="-danger" if self.danger else ""):
            yield Static(id="question", markup=False)
            if self.parameter:
                yield Input(placeholder=f"{self.parameter.metavar}: {self.parameter.hint}", id="value", compact=True)
            yield Static(id="sample", markup=False)
            yield Static(id="notes", markup=False)
            with Horizontal(id="buttons"):
                yield Button("No", id="no")
                yield Button(f"Yes, {self.what.lower()}", id="yes", variant="error" if self.danger else "primary")

    def on_mount(self) -> None:
        """Prepare the question; an operation with a parameter waits until its value is typed."""
        if self.parameter:
            self._prompt(self.parameter)
            self.query_one("#value", Input).focus()
        else:
            self._look(None)
            self.query_one("#no", Button).focus()

    def _prompt(self, parameter: Parameter) -> None:
        self._show(f"{self.what}: {parameter.prompt}")

    def _look(self, text: str | None) -> None:
        self._show(f"{self.what}: looking …")

        def work() -> None:
            try:
                self.post_message(QuestionKnown(text, self._ask(text)))
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                self.post_message(QuestionKnown(text, error))

        self.run_worker(work, thread=True, exit_on_error=False)

    def on_input_changed(self) -> None:
        """The value changed: the question about the previous value no longer holds."""
        if self.parameter:
            self._prompt(self.parameter)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The value is complete."""
        self._look(event.value.strip())

    def on_question_known(self, message: QuestionKnown) -> None:
        """Show the question, unless the typed value has changed meanwhile."""
        if self.parameter and self.query_one("#value", Input).value.strip() != message.text:
            return
        if isinstance(message.outcome, Question):
            self._show(message.outcome.text, message.outcome)
            self.query_one("#no", Button).focus()
        else:
            self._show(labels.trouble(message.outcome, self._connection))

    def _show(self, text: str, question: Question | None = None) -> None:
        """Show a sentence; yes can only be chosen if it belongs to a question with something to do."""
        self._question = question
        self.query_one("#question", Static).update(printable(text))
        notes = [printable(note, 200) for note in question.notes] if question else []
        if len(notes) > MOST_NOTES:
            notes[MOST_NOTES - 1 :] = [f"… and {len(notes) - MOST_NOTES + 1:,} notes more"]
        self._fill("#sample", [printable(line, 110) for line in question.sample] if question else [])
        self._fill("#notes", notes)
        self.query_one("#yes", Button).disabled = not (question and question.agreed)

    def _fill(self, place: str, lines: list[str]) -> None:
        self.query_one(place, Static).set_class(bool(lines), "-any").update("\n".join(lines))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button was chosen."""
        self.action_answer(event.button.id == "yes")

    def action_answer(self, agreed: bool) -> None:
        """Close the dialog; carry the change out if the answer is yes. Yes is ignored while there is no question yet."""
        if not agreed:
            self.dismiss()
        elif self._question and self._question.agreed:
            self.dismiss()
            self._question.agreed()
