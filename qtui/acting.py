"""How the application changes things: ask, work in a thread of the App's own, tell how it went."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import redis
from textual.app import App
from textual.binding import Binding, BindingType
from textual.message import Message

from qtui import formatting, labels, questions
from qtui.broker.operations import Operation, Plan, Report, Selection, plan, run
from qtui.screens.confirm import ConfirmScreen, Question
from qtui.widgets.operation_line import Figures
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable


@dataclass
class Running:
    """An operation under way; the thread writes the figures, the screen reads them."""

    operation: Operation
    done: int = 0
    total: int = 0
    stop: threading.Event = field(default_factory=threading.Event)


class Acting(App[None]):
    """The part of the App that changes things in Redis."""

    context: Context
    client: redis.Redis
    running: Running | None = None
    """The operation under way; one at a time."""
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: it stops the operation whatever has the focus, and before anything else that Escape means.
        Binding("escape", "stop_operation", "Stop", show=False, priority=True, id="app.stop_operation"),
    ]

    @dataclass
    class Told(Message):
        """A change that is no operation was made, or not."""

        text: str
        severity: Literal["information", "warning", "error"]

    @dataclass
    class Ended(Message):
        """An operation came to its end, or to its stop."""

        report: Report | None
        error: Exception | None
        running: Running
        done: Callable[[], object] | None

    def act(self, operation: Operation, selection: Selection, done: Callable[[], object] | None = None) -> None:
        """Say how many it would be, ask, and carry it out; `done` is called when something was done."""
        if self.running:
            self.notify(f"Wait: a {self.running.operation.name} is under way.", severity="warning")
            return
        client, name = self.client, self.context.name

        def ask(text: str | None) -> Question:
            found = plan(client, operation, selection, text)
            return Question(
                questions.operation_question(found, name),
                sample=[labels.sample(row) for row in found.sample],
                notes=[f"{formatting.count(number)} × {reason}" for reason, number in found.reasons.items()],
                agreed=(lambda: self._begin(found, done)) if found.doable else None,
            )

        self._confirm(ConfirmScreen(operation.title, ask, danger=operation.danger, parameter=operation.parameter))

    def ask(self, title: str, question: Callable[[], Question], *, danger: bool = False) -> None:
        """Ask, unless the connection is read-only; `question` runs in a thread."""
        self._confirm(ConfirmScreen(title, lambda _: question(), danger=danger))

    def _confirm(self, screen: ConfirmScreen) -> None:
        if self.context.read_only:
            self.notify(f"{self.context.name} is read-only.", severity="warning", markup=False)
        else:
            self.push_screen(screen)

    def change(self, work: Callable[[redis.Redis], str]) -> None:
        """Make a change in a thread, and tell the sentence that it gives; or the error."""
        client, name = self.client, self.context.name

        def tell() -> None:
            try:
                self.post_message(Acting.Told(work(client), "information"))
            except Exception as error:  # noqa: BLE001 - told to the operator, whatever it is
                self.post_message(Acting.Told(labels.trouble(error, name), "error"))

        self.run_worker(tell, thread=True, exit_on_error=False, group="change")

    def _begin(self, plan: Plan, done: Callable[[], object] | None) -> None:
        running = self.running = Running(plan.operation, total=plan.matched)
        client = self.client

        def progressed(count: int, total: int) -> None:
            running.done, running.total = count, total

        def work() -> None:
            report: Report | None = None
            error: Exception | None = None
            try:
                report = run(client, plan.operation, plan, on_progress=progressed, stop=running.stop.is_set)
            except Exception as problem:  # noqa: BLE001 - told to the operator, whatever it is
                error = problem
            self.post_message(Acting.Ended(report, error, running, done))

        self.run_worker(work, thread=True, exit_on_error=False, group="operation")

    def figures(self) -> Figures | None:
        """How far the operation under way is; None where none is."""
        now = self.running
        return Figures(now.operation.title, now.done, now.total, now.stop.is_set()) if now else None

    def action_stop_operation(self) -> None:
        """Stop a running operation after its present chunk."""
        if self.running:
            self.running.stop.set()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape stops an operation only where one runs and its line is seen."""
        if action == "stop_operation":
            return self.running is not None and not self.screen.is_modal
        return super().check_action(action, parameters)

    def on_acting_ended(self, message: Acting.Ended) -> None:
        """Tell how it went, and look again."""
        self.running = None
        severity: Literal["information", "warning", "error"] = "information"
        if message.report is None:
            text, severity = f"{message.running.operation.title} failed: {message.error}", "error"
        else:
            text = message.running.operation.summary(message.report)
            if message.report.failed or message.report.skipped:
                severity = "warning"
            if message.done and message.report.done:
                message.done()
        self.on_acting_told(Acting.Told(text, severity))

    def on_acting_told(self, message: Acting.Told) -> None:
        """Tell it, and look again."""
        self.notify(printable(message.text, 400), severity=message.severity, timeout=8, markup=False)
        reload: Any = getattr(self.screen, "action_reload", None)
        if reload:
            reload()
