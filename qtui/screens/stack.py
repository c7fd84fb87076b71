"""Where the code of a running job is: its Python stack now, and again two seconds later."""

from __future__ import annotations

import threading
from typing import ClassVar

import redis
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from qtui.broker.one_job import stack
from qtui.presentation import labels
from qtui.screens.parts.dialog import Dialog
from qtui.shared.messages import CopyRequested
from qtui.shared.session import session_of
from qtui.widgets.traceback_view import TracebackView
from qtui_workers.reporting.stack import StackAnswer
from qtui_workers.server.redis_errors import explain
from qtui_workers.text import printable


class StackScreen(Dialog):
    """The stacks, the newest in view."""

    CSS_PATH = "stack.tcss"
    HELP = "Where the code of the job is: two stacks, two seconds apart. Its worker writes them into the job's log too."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,minus", "dismiss", "Close", id="stack.close", key_display="esc"),
        Binding("T", "ask", "Ask again", id="stack.again"),
        Binding("y", "copy", "Copy", id="stack.copy", tooltip="Copy both"),
    ]

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self.answers: tuple[StackAnswer, ...] = ()
        self._left = threading.Event()
        self._asks = False

    def compose(self) -> ComposeResult:
        """What is happening, and below it each stack."""
        with Vertical(id="stack"):
            yield Static(id="now", markup=False)
            yield TracebackView(empty="")
            yield Static(id="later", markup=False)
            yield Static("esc close   T ask again   y copy", id="keys", markup=False)

    def on_mount(self) -> None:
        """Ask at once."""
        self.query_one("#stack").border_title = f"stack of {printable(self.job_id, 40)}"
        self.query_one(TracebackView).focus()
        self.call_after_refresh(self.action_ask)

    def on_unmount(self) -> None:
        """Nobody waits for an answer any more."""
        self._left.set()

    def action_ask(self) -> None:
        """Ask the worker, in a thread."""
        if self._asks:
            return
        self._asks = True
        self.answers = ()
        self._show("asking its worker …")
        session, app = session_of(self.app), self.app

        def work() -> None:
            try:
                with session.audit.change(session.client, "stack", ids=(self.job_id,)) as change:
                    answers: list[StackAnswer] = []
                    change.outcome = stack.outcome(answers)
                    for answer in stack.ask_twice(session.client, self.job_id, self._left):
                        answers.append(answer)
                        change.outcome = stack.outcome(answers)
                        if not self._left.is_set():
                            app.call_from_thread(self._add, answer)
                problem = ""
            except (redis.RedisError, OSError) as error:
                problem = str(explain(error, session.name))
            if not self._left.is_set():
                app.call_from_thread(self._done, problem)

        self.run_worker(work, thread=True, exit_on_error=False, group="stack")

    def _add(self, answer: StackAnswer) -> None:
        self.answers = (*self.answers, answer)
        self._show(f"once more in {stack.AGAIN:g} s …")

    def _done(self, problem: str) -> None:
        self._asks = False
        self._show(problem)

    def _show(self, more: str) -> None:
        """Show what was answered so far; `more`: what comes next. A second stack is shown where it is another one."""
        stacks = [answer.stack for answer in self.answers if answer.stack]
        said = [labels.stack(each, before) for each, before in zip(stacks, [None, *stacks], strict=False)]
        said += [answer.problem for answer in self.answers if not answer.stack]
        said += [more] if more else []
        first, later = said[0], " ".join(said[1:])
        self.query_one("#now", Static).update(printable(first, 400))
        self.query_one("#later", Static).update(printable(later, 400))
        lines = [*stacks[0].lines()] if stacks else []
        if len(stacks) == 2 and not stacks[1].is_where(stacks[0]):
            lines += ["", said[1], "", *stacks[1].lines()]
        self.query_one(TracebackView).show("\n".join(lines))

    def action_copy(self) -> None:
        """Put both on the clipboard."""
        text = "\n".join(line for answer in self.answers if answer.stack for line in answer.stack.lines())
        if text:
            self.app.post_message(CopyRequested(text, "the stack"))
