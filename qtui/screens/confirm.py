"""The question before anything is changed: how many, which, where, and what cannot be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from qtui import format as human
from qtui import words
from qtui.broker.models import JobRow
from qtui.broker.operations import Operation, Plan, Selection, plan
from workers.connection import explain
from workers.text import printable

if TYPE_CHECKING:
    from qtui.app import QtuiApp


@dataclass
class Planned(Message):
    """The dry run ended."""

    plan: Plan | None
    error: Exception | None


class ConfirmScreen(ModalScreen[Plan | None]):
    """Asks before an operation; Cancel has the focus until something else is chosen."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "Cancel", id="confirm.cancel", key_display="esc"),
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("left,right,h,l", "app.focus_next", "Choose", show=False),
    ]

    def __init__(self, operation: Operation, selection: Selection) -> None:
        super().__init__()
        self.operation = operation
        self.selection = selection
        self._plan: Plan | None = None

    def compose(self) -> ComposeResult:
        """A sentence, a sample, two buttons."""
        with Vertical(id="dialog", classes="-danger" if self.operation.danger else ""):
            yield Static(f"{self.operation.title}: counting …", id="question", markup=False)
            yield Static(id="sample", markup=False)
            yield Static(id="reasons", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(self.operation.title, id="yes", variant="error" if self.operation.danger else "primary")

    def on_mount(self) -> None:
        """Begin the dry run."""
        self.query_one("#yes", Button).disabled = True
        self.query_one("#cancel", Button).focus()
        client = cast("QtuiApp", self.app).client

        def work() -> None:
            try:
                self.post_message(Planned(plan(client, self.operation, self.selection), None))
            except Exception as error:  # noqa: BLE001 - told to the operator, whatever it is
                self.post_message(Planned(None, error))

        self.run_worker(work, thread=True, exit_on_error=False)

    def on_planned(self, message: Planned) -> None:
        """Show what it would be."""
        name = cast("QtuiApp", self.app).context.name
        found = self._plan = message.plan
        question = self.query_one("#question", Static)
        if found is None:
            question.update(printable(str(explain(cast(Exception, message.error), name))))
            return
        question.update(printable(words.question(found, name)))
        self.query_one("#sample", Static).update("\n".join(_sample_line(row) for row in found.sample))
        reasons = [f"{human.count(number)} × {printable(reason)}" for reason, number in found.reasons.items()]
        self.query_one("#reasons", Static).set_class(bool(reasons), "-any").update("\n".join(reasons))
        self.query_one("#yes", Button).disabled = found.doable == 0

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button was chosen."""
        self.action_answer(event.button.id == "yes")

    def action_answer(self, agreed: bool) -> None:
        """Leave with the plan, or with None; yes only counts once the number is known."""
        if not agreed:
            self.dismiss(None)
        elif self._plan and self._plan.doable:
            self.dismiss(self._plan)


def _sample_line(row: JobRow) -> str:
    why = words.summary(row)
    return printable(f"  {human.short_id(row.id):<9} {words.function(row):<20} {why}", 110)
