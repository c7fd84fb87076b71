"""Makes the changes that the operator confirmed, in threads of the App, so that the screen may be closed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.message import Message

from qtui import formatting, labels
from qtui.late import Late
from qtui.messages import ChangeConfirmed, DialogClosed, OperationConfirmed, UndoConfirmed
from qtui.screens.confirm import ConfirmScreen, Question, Wanted
from qtui.screens.resource import ResourceScreen
from qtui.session import RunningOperation, Session
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui import questions, twins
    from qtui.broker import operations, watch
    from qtui.broker.operations import Report, trash
    from qtui.broker.operations.selection import Targets
else:
    questions, twins = Late("qtui.questions"), Late("qtui.twins")
    operations, trash, watch = Late("qtui.broker.operations"), Late("qtui.broker.operations.trash"), Late("qtui.broker.watch")

Severity = Literal["information", "warning", "error"]


class Changes(App[None]):
    """The part of the App that changes things in Redis."""

    session: Session
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: Escape stops the operation whichever widget has the focus, before it does anything else.
        Binding("escape", "stop_operation", "Stop", show=False, priority=True, id="app.stop_operation"),
        Binding("z", "undo", "Undo", show=False, id="app.undo", tooltip="Put back the jobs that were removed last"),
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
        session = self.session

        def work() -> None:
            try:
                with session.audit.change(session.client, message.what, message.about) as change:
                    change.outcome = message.change(session.client)
                ended = Changes.ChangeEnded(change.outcome, "information")
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                ended = Changes.ChangeEnded(labels.sentence(error, session.name), "error")
            self.post_message(ended)

        self.run_worker(work, thread=True, exit_on_error=False, group="change")

    def on_operation_confirmed(self, message: OperationConfirmed) -> None:
        """Run the operation in a thread, then say how it ended."""
        plan, session = message.plan, self.session
        again = twins.of_operation(plan, session.context)
        running = RunningOperation(plan.operation.title, plan.operation.summary, again, plan.operation, total=plan.matched)

        def taken(targets: tuple[Targets, ...]) -> None:
            running.targets = targets

        def work() -> Report:
            heard = running.progressed
            return operations.run(
                session.client,
                plan.operation,
                plan,
                audit=session.audit,
                again=again,
                on_taken=taken,
                on_progress=heard,
                stop=running.stop.is_set,
            )

        self._carry_out(running, work, message.on_done)

    def on_undo_confirmed(self, message: UndoConfirmed) -> None:
        """Put removed jobs back in a thread, then say how it ended."""
        batch, session = message.batch, self.session
        running = RunningOperation("Undo", trash.summary, f"qtui undo {batch.id}", total=batch.jobs)

        def work() -> Report:
            heard = running.progressed
            return trash.undo(session.client, batch, audit=session.audit, on_progress=heard, stop=running.stop.is_set)

        self._carry_out(running, work, None)

    def _carry_out(self, running: RunningOperation, operate: Callable[[], Report], on_done: Callable[[], object] | None) -> None:
        self.session.running = running

        def work() -> None:
            try:
                running.outcome = operate()
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                running.outcome = error
            self.post_message(Changes.OperationEnded(running, running.outcome, on_done))

        self.run_worker(work, thread=True, exit_on_error=False, group="operation")

    def on_changes_operation_ended(self, message: Changes.OperationEnded) -> None:
        """Say how an operation ended, and reload the screen; there is none any more where the dashboard is being left."""
        if self.session.leaving:
            return
        self.session.running = None
        outcome = message.outcome
        if isinstance(outcome, Exception):
            self._report(message.running.ending(), "error")
            return
        if message.on_done and outcome.done:
            message.on_done()
        hint = self._watch(message.running, outcome)
        if outcome.undo:
            hint = "z puts it back" if outcome.done == 1 else "z puts them back"
        severity: Severity = "warning" if outcome.failed or outcome.skipped else "information"
        self._report(message.running.summary(outcome), severity, hint)

    def _watch(self, running: RunningOperation, report: Report) -> str:
        """Keep the jobs of an operation to be watched, if that is worth it; how to do so, in words."""
        if not report.done or running.operation is None or running.operation.deletes:
            return ""
        self.session.watched = watched = watch.Watch(running.operation.past, running.targets)
        self.refresh_bindings()
        return f"w watches these {formatting.count(len(watched))}" if len(watched) > 1 else ""

    def action_undo(self) -> None:
        """Ask, then put back what was removed last."""
        session = self.session
        if session.read_only:
            self.notify(f"{session.name} is read-only.", severity="warning", markup=False)
        elif session.running:
            self.notify(f"Wait: {session.running.what} is under way.", severity="warning")
        else:
            self.push_screen(ConfirmScreen("Undo", self._ask_undo, session.name, lasting=False))

    def _ask_undo(self, _: Wanted) -> Iterable[Question]:
        session = self.session
        batch = trash.find(session.client, None)
        yield Question(
            questions.undo_question(batch, session.name, session.clock()),
            command=twins.command("undo", [batch.id], session.context),
            agreed=lambda: self.post_message(UndoConfirmed(batch)),
        )

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
