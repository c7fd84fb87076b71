"""Every registered worker and what it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from qtui.broker.models import Overview
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.operations.requeue import REQUEUE
from qtui.broker.workers import workers_at_work
from qtui.broker.workers.lanes import Lanes
from qtui.broker.workers.worker_commands import COMMANDS, hindrance, send
from qtui.broker.workers.workers_at_work import AtWork
from qtui.presentation import labels, questions
from qtui.screens.job import JobScreen
from qtui.screens.parts.operation_keys import operation_bindings
from qtui.screens.parts.resource import ResourceScreen
from qtui.screens.parts.worker_list import LANES_FROM, LEGEND, columns, lines_about, place
from qtui.screens.suspending import ask_to_suspend
from qtui.widgets.caption import Paragraphs
from qtui.widgets.row_table import Column, RowTable
from qtui_workers.text import printable


class WorkersScreen(ResourceScreen[bool, tuple[AtWork, ...]]):
    """The workers; Enter opens the job that the worker runs, and keys send commands to it."""

    CSS_PATH = "workers.tcss"
    HELP = (
        "Every registered worker; a silent one has given no sign of life for longer than it may. MEMORY is what the process "
        "holds that runs its jobs, as a qtui-worker tells; where there is room, blocks show its last ten minutes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(command.key, f"command('{name}')", command.title, id=f"workers.{name}", tooltip=command.hint)
            for name, command in COMMANDS.items()
            if command.key
        ),
        *operation_bindings("workers", [REQUEUE]),
        Binding("P", "suspend", "Suspend all", id="workers.suspend", tooltip="No worker of any kind takes a job"),
        Binding("P", "resume", "Resume all", id="workers.resume", tooltip="All workers take jobs again"),
    ]
    CHANGING = frozenset({"command", "act", "suspend", "resume"})

    def __init__(self) -> None:
        super().__init__()
        self._suspended = False
        """Whether all workers were suspended when the footer was last updated."""
        self._lanes = Lanes()

    def compose_body(self) -> Iterable[Widget]:
        """The table, and below it the worker under the cursor."""
        empty = labels.no_worker(self.session.here)
        yield RowTable(self._columns(), key=lambda each: each.worker.name, empty=empty, markable=False, id="workers")
        yield Static(LEGEND, id="legend", markup=False)
        yield Paragraphs((2, 1, 1), ("", "$text-muted", "$text-primary"), id="about")

    def _columns(self) -> list[Column[AtWork]]:
        return columns(self.app.size.width, lambda: self.session.server_now)

    def on_resize(self) -> None:
        """There may be room for other columns now."""
        self.query_one(RowTable).columns = self._columns()
        self.query_one("#legend").display = self.request()

    def request(self) -> bool:
        """Whether there is room for lanes."""
        return self.app.size.width >= LANES_FROM

    def load(self, client: redis.Redis, request: bool) -> tuple[AtWork, ...]:
        """Every worker."""
        return workers_at_work.load(client, self._lanes if request else None)

    def show(self, data: tuple[AtWork, ...], overview: Overview) -> None:
        """Fill the table: silent workers first, then those with a long job."""
        if overview.suspended != self._suspended:
            self._suspended = overview.suspended
            self.refresh_bindings()
        rows = sorted(data, key=lambda each: place(each, overview.at))
        self.query_one(RowTable).show(rows, 0, len(rows))
        self._say()

    def on_row_table_highlighted(self) -> None:
        """Another worker is under the cursor, or it does something else."""
        self._say()

    def _say(self) -> None:
        said = lines_about(self._row, self.session.server_now, suspended=self._suspended)
        self.query_one("#about", Paragraphs).say_all(*(printable(text, 400) for text in said))

    @property
    def _row(self) -> AtWork | None:
        row: AtWork | None = self.query_one(RowTable).cursor_row
        return row

    def on_row_table_selected(self, message: RowTable.Selected[AtWork]) -> None:
        """Open the job this worker runs."""
        if message.row.worker.current_job:
            self.app.push_screen(JobScreen(message.row.worker.current_job))

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on the job of the worker under the cursor: to put back what a silent one has."""
        if self._row and self._row.worker.current_job:
            self.start_operation(OPERATIONS[name], Chosen((self._row.worker.current_job,)))

    def action_command(self, name: str) -> None:
        """Ask, then send a command to the worker under the cursor."""
        if self._row is None:
            return
        worker, command = self._row.worker, COMMANDS[name]

        def work(client: redis.Redis) -> str:
            reason = send(client, worker, command)
            return f"{worker.name}: {reason}" if reason else f"{command.title} was sent to {worker.name}"

        if reason := hindrance(worker, command):
            self.ask(command.title, f"Nothing to do: {worker.name}: {reason}.")
        else:
            question = questions.worker_question(worker, command, self.session.name)
            same = ("worker", worker.name, command.name)
            self.ask(command.title, question, work, notes=[f"{command.hint}."], command=same, lasting=True)

    def action_suspend(self) -> None:
        """Ask, then suspend all workers."""
        ask_to_suspend(self)

    def action_resume(self) -> None:
        """Ask, then have all workers take jobs again."""
        ask_to_suspend(self)

    def is_about_row(self, action: str) -> bool:
        """To suspend all workers is about none of them."""
        return action not in ("suspend", "resume") and super().is_about_row(action)

    def applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Suspend applies while the workers are not suspended, resume while they are."""
        return action not in ("suspend", "resume") or (action == "resume") == self._suspended
