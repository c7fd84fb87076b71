"""Makes the changes that the operator confirmed, in threads of the App, so that the screen may be closed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.message import Message

from qtui import formatting, labels
from qtui.broker.operations import Report, run
from qtui.broker.operations.selection import Targets
from qtui.broker.watch import Watch
from qtui.messages import ChangeConfirmed, DialogClosed, OperationConfirmed
from qtui.screens.confirm import ConfirmScreen
from qtui.screens.resource import ResourceScreen
from qtui.session import RunningOperation, Session
from qtui_workers.text import printable

Severity = Literal["information", "warning", "error"]


class Changes(App[None]):
    """The part of the App that changes things in Redis."""

    session: Session
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: Escape stops the operation whichever widget has the focus, before it does anything else.
        Binding("escape", "stop_operation", "Stop", show=False, priority=True, id="app.stop_operation"),
    ]

    def __init__(self, *, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        """The notifications that wait until a dialog is closed."""

    @dataclass
    class ChangeEnded(Message):
        """A change was made, or failed; `text` is the sentence that says so."""

        text: str
        severity: Severity

    @dataclass
    class OperationEnded(Message):
        """An operation has ended, or was stopped."""

        running: RunningOperation
        outcome: Report | Exception
        on_done: Callable[[], object] | None

    def notify(self, message: str, **options: Any) -> None:
        """Show a notification; while a dialog is open it waits, as it would cover what is asked."""
        if isinstance(self.screen, ConfirmScreen):
            self._waiting.append((message, options))
        else:
            super().notify(message, **options)

    def on_dialog_closed(self, message: DialogClosed) -> None:
        """Show the notifications that have waited for it."""
        waiting, self._waiting[:] = [*self._waiting], []
        for text, options in waiting:
            super().notify(text, **options)

    def on_key(self, event: events.Key) -> None:
        """A key is for what was on the terminal when it was pressed: called after all widgets, before the key is acted on."""
        screen = self.screen
        if isinstance(screen, ConfirmScreen) and screen.is_early(event):
            event.prevent_default()
        elif isinstance(screen, ResourceScreen):
            screen.heard(event)

    def on_change_confirmed(self, message: ChangeConfirmed) -> None:
        """Make the change in a thread, then say how it ended."""
        client, name = self.session.client, self.session.name

        def work() -> None:
            try:
                ended = Changes.ChangeEnded(message.change(client), "information")
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                ended = Changes.ChangeEnded(labels.trouble(error, name), "error")
            self.post_message(ended)

        self.run_worker(work, thread=True, exit_on_error=False, group="change")

    def on_operation_confirmed(self, message: OperationConfirmed) -> None:
        """Run the operation in a thread, then say how it ended."""
        plan, client = message.plan, self.session.client
        running = self.session.running = RunningOperation(plan.operation, total=plan.matched)

        def progressed(done: int, total: int) -> None:
            running.done, running.total = done, total

        def taken(targets: tuple[Targets, ...]) -> None:
            running.targets = targets

        def work() -> None:
            outcome: Report | Exception
            try:
                outcome = run(client, plan.operation, plan, on_taken=taken, on_progress=progressed, stop=running.stop.is_set)
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                outcome = error
            self.post_message(Changes.OperationEnded(running, outcome, message.on_done))

        self.run_worker(work, thread=True, exit_on_error=False, group="operation")

    def on_changes_operation_ended(self, message: Changes.OperationEnded) -> None:
        """Say how an operation ended, and reload the screen."""
        self.session.running = None
        operation, outcome = message.running.operation, message.outcome
        if isinstance(outcome, Exception):
            self._report(f"{operation.title} failed: {outcome}", "error")
            return
        if message.on_done and outcome.done:
            message.on_done()
        watched = self._watch(message.running, outcome)
        self._report(operation.summary(outcome), "warning" if outcome.failed or outcome.skipped else "information", watched)

    def _watch(self, running: RunningOperation, report: Report) -> str:
        """Keep the jobs of an operation to be watched, if that is worth it; how to do so, in words."""
        if not report.done or running.operation.deletes:
            return ""
        self.session.watched = watched = Watch(running.operation.past, running.targets)
        self.refresh_bindings()
        return f"w watches these {formatting.count(len(watched))}" if len(watched) > 1 else ""

    def on_changes_change_ended(self, message: Changes.ChangeEnded) -> None:
        """Say how a change ended, and reload the screen."""
        self._report(message.text, message.severity)

    def _report(self, text: str, severity: Severity, title: str = "") -> None:
        self.notify(printable(text, 400), title=title, severity=severity, timeout=8, markup=False)
        if isinstance(self.screen, ResourceScreen):
            self.screen.action_reload()

    def action_stop_operation(self) -> None:
        """Stop a running operation after the chunk that is under way."""
        if self.session.running:
            self.session.running.stop.set()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape stops an operation only while one runs and no dialog covers its line."""
        if action == "stop_operation":
            return self.session.running is not None and not self.screen.is_modal
        return super().check_action(action, parameters)
