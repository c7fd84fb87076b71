"""Makes the changes that the operator confirmed, in threads of the App, so that the screen may be closed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.message import Message

from qtui.lazy import Lazy
from qtui.presentation import formatting, labels
from qtui.screens.parts.question import Question, Wanted
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import ChangeConfirmed, DialogClosed, OperationConfirmed, UndoConfirmed
from qtui.shared.session import RunningOperation, Session
from qtui_workers.errors import NotFound
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker import careful_retry, operations
    from qtui.broker.bulk import trash, watch
    from qtui.broker.bulk.selection import Targets
    from qtui.broker.operations import Report
    from qtui.presentation import equivalent_commands, questions
    from qtui.screens.parts import confirm, operation_question
else:
    operation_question, questions, equivalent_commands = (
        Lazy("qtui.screens.parts.operation_question"),
        Lazy("qtui.presentation.questions"),
        Lazy("qtui.presentation.equivalent_commands"),
    )
    operations, trash, watch = (
        Lazy("qtui.broker.operations"),
        Lazy("qtui.broker.bulk.trash"),
        Lazy("qtui.broker.bulk.watch"),
    )
    careful_retry, confirm = Lazy("qtui.broker.careful_retry"), Lazy("qtui.screens.parts.confirm")

READ: Final = 2.0
"""Seconds after which the next key closes the notifications."""
OF_A_RETRY: Final = "z takes no retry back. w shows its jobs; C cancels those that still wait."
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
        self._reported_at = 0.0
        """When the last one was shown, by a clock that only goes on."""

    @dataclass
    class ChangeEnded(Message):
        """A change was made, or failed; `text` is the sentence that says so."""

        session: Session
        text: str
        severity: Severity

    @dataclass
    class OperationEnded(Message):
        """An operation has ended, or was stopped."""

        session: Session
        running: RunningOperation
        outcome: Report | Exception
        on_done: Callable[[], object] | None

    def notify(self, message: str, **options: Any) -> None:
        """Show a notification; while a dialog is open it waits, as it would cover the question. See `on_key` for how long."""
        self._reported_at = time.monotonic()
        if isinstance(self.screen, confirm.ConfirmScreen):
            self._waiting.append((message, options))
        else:
            super().notify(message, **options)

    def on_dialog_closed(self, message: DialogClosed) -> None:
        """Show the notifications that have waited for it."""
        self._reported_at = time.monotonic()
        waiting, self._waiting[:] = [*self._waiting], []
        for text, options in waiting:
            super().notify(text, **options)

    def on_key(self, event: events.Key) -> None:
        """A key is for what was on the terminal when it was pressed: called after all widgets, before the key is acted on.

        It also closes notifications that are old enough to have been read, as they cover lines on a small terminal.
        """
        if time.monotonic() - self._reported_at > READ:
            self.clear_notifications()
        screen = self.screen
        if isinstance(screen, confirm.ConfirmScreen) and screen.ignores(event):
            event.prevent_default()
        elif isinstance(screen, ResourceScreen):
            screen.heard(event)

    def on_change_confirmed(self, message: ChangeConfirmed) -> None:
        """Make the change in a thread, then say how it ended."""
        session = message.session

        def work() -> None:
            try:
                with session.audit.change(session.client, message.what, message.about) as change:
                    change.outcome = message.change(session.client)
                ended = Changes.ChangeEnded(session, change.outcome, "information")
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                session.reach.failed(error)
                ended = Changes.ChangeEnded(session, labels.sentence(error, session.name), "error")
            self.post_message(ended)

        self.run_worker(work, thread=True, exit_on_error=False, group="change")

    def on_operation_confirmed(self, message: OperationConfirmed) -> None:
        """Run the operation in a thread, then say how it ended."""
        agreed, session = message.plan, message.session
        again = equivalent_commands.of_operation(agreed, session.context, message.care)
        operation = agreed.operation
        running = RunningOperation(operation.title, operation.summary, again, operation, total=agreed.matched)
        running.puts_back = operation is careful_retry.TAKE_BACK

        def taken(targets: tuple[Targets, ...]) -> None:
            if not operation.deletes:
                running.watch = watch.Watch(operation.past, targets, lambda: running.done)

        def progressed(done: int, total: int) -> None:
            running.progressed(done, total)
            if done and running.watch:
                session.watched = running.watch

        def work() -> Report:
            report = careful_retry.run(
                session.client,
                agreed,
                message.care,
                audit=session.audit,
                again=again,
                here=session.here,
                on_taken=taken,
                on_progress=progressed,
                on_step=running.stepped,
                stop=running.stop.is_set,
            )
            if message.care.over is not None and report.done > message.care.canary:
                session.spread = report.batch
            elif report.undo:
                session.spread = None
            return report

        self._carry_out(session, running, work, message.on_done)

    def on_undo_confirmed(self, message: UndoConfirmed) -> None:
        """Put removed jobs back in a thread, then say how it ended."""
        batch, session = message.batch, message.session
        again = equivalent_commands.command("undo", [batch.id], session.context)
        running = RunningOperation("Undo", trash.summary, again, total=batch.jobs, puts_back=True)

        def work() -> Report:
            heard = running.progressed
            return trash.undo(
                session.client, batch, audit=session.audit, again=again, on_progress=heard, stop=running.stop.is_set
            )

        self._carry_out(session, running, work, None)

    def _carry_out(
        self,
        session: Session,
        running: RunningOperation,
        operate: Callable[[], Report],
        on_done: Callable[[], object] | None,
    ) -> None:
        session.running = running
        for screen in self.screen_stack:  # also below a dialog; the others show it when they are seen again
            if isinstance(screen, ResourceScreen):
                screen.operation_begun()

        def work() -> None:
            try:
                running.outcome = operate()
            except Exception as error:  # noqa: BLE001 - shown to the operator, whatever it is
                session.reach.failed(error)
                running.outcome = error
            self.post_message(Changes.OperationEnded(session, running, running.outcome, on_done))

        self.run_worker(work, thread=True, exit_on_error=False, group="operation")

    def on_changes_operation_ended(self, message: Changes.OperationEnded) -> None:
        """Say how an operation ended, and reload the screen; there is none any more where the dashboard is being left."""
        session, outcome = message.session, message.outcome
        if session.leaving:
            return
        session.running = None
        if isinstance(outcome, Exception):
            self._report(session, message.running.ending(), "error")
            return
        if message.on_done and outcome.done:
            message.on_done()
        hint = self._watch(session, message.running, outcome)
        if outcome.batch and outcome.batch == session.spread:
            hint = "z takes back those that are not due yet"
        elif outcome.undo:
            hint = "z puts it back" if outcome.done == 1 else "z puts them back"
        severity: Severity = "warning" if outcome.failed or outcome.skipped else "information"
        self._report(session, message.running.summary(outcome), severity, hint)

    def _watch(self, session: Session, running: RunningOperation, report: Report) -> str:
        """How to watch the jobs of an operation, in words, where that is worth it."""
        if not report.done or running.watch is None:
            return ""
        session.watched = running.watch
        self.refresh_bindings()
        return f"w watches these {formatting.count(len(running.watch))}" if len(running.watch) > 1 else ""

    def action_undo(self) -> None:
        """Ask, then put back what was removed last, or take back what is left of a later retry that was spread over time."""
        session = self.session
        if session.read_only:
            self.notify(f"{session.name} is read-only.", severity="warning", markup=False)
        elif session.running:
            self.notify(f"Wait: {session.running.what} is under way.", severity="warning")
        else:
            self.push_screen(confirm.ConfirmScreen("Undo", self._ask_undo, session.context, lasting=False))

    def action_take_back(self) -> None:
        """Ask which retry, then take back what it has scheduled."""
        session, operation = self.session, careful_retry.TAKE_BACK
        if session.read_only:
            self.notify(f"{session.name} is read-only.", severity="warning", markup=False)
            return

        def ask(wanted: Wanted) -> Iterable[Question]:
            return operation_question.about_operation(session, self, operation, careful_retry.batch_of(wanted.text or ""), None)(
                wanted
            )

        self.push_screen(
            confirm.ConfirmScreen(
                operation.title, ask, session.context, lasting=False, parameter=operation.parameter, value=session.spread or ""
            )
        )

    def _ask_undo(self, _: Wanted) -> Iterable[Question]:
        session = self.session
        if session.spread:
            left = operations.plan(
                session.client, careful_retry.TAKE_BACK, careful_retry.batch_of(session.spread), session.spread
            )
            if left.doable:
                yield operation_question.question(session, self, left)
                return
        retried = session.watched is not None and session.watched.what == operations.OPERATIONS["retry"].past
        facts = [OF_A_RETRY] if retried else []
        try:
            batch = trash.find(session.client, None)
        except NotFound as nothing:
            yield Question(str(nothing), facts=facts)
            return
        yield Question(
            questions.undo_question(batch, session.name, session.clock()),
            facts=facts,
            command=equivalent_commands.command("undo", [batch.id], session.context),
            agreed=lambda: self.post_message(UndoConfirmed(session, batch)),
        )

    def on_changes_change_ended(self, message: Changes.ChangeEnded) -> None:
        """Say how a change ended, and reload the screen."""
        self._report(message.session, message.text, message.severity)

    def _report(self, session: Session, text: str, severity: Severity, title: str = "") -> None:
        if session is not self.session:
            text, title = f"{session.name}: {text}", ""
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
