"""Every registered worker and what it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import redis
from textual.binding import Binding, BindingType
from textual.widget import Widget

from qtui import formatting, labels, questions
from qtui.broker import workers
from qtui.broker.models import Overview, WorkerRow
from qtui.broker.operations import OPERATIONS, Chosen
from qtui.broker.operations.requeue import REQUEUE
from qtui.broker.status import Tone
from qtui.broker.worker_commands import COMMANDS, hindrance, send
from qtui.screens.job import JobScreen
from qtui.screens.operating import operation_bindings
from qtui.screens.resource import ResourceScreen
from qtui.screens.suspending import ask_to_suspend
from qtui.widgets.row_table import Column, RowTable

EMPTY = "No worker is registered.\nStart one: qtui-worker"
GLYPHS = {"busy": "▸", "idle": "·", "suspended": labels.PAUSED}


def _tone(row: WorkerRow) -> Tone:
    if row.stale:
        return "bad"
    if row.status == "suspended":
        return "warn"
    return "busy" if row.status == "busy" else "idle"


class WorkersScreen(ResourceScreen[None, tuple[WorkerRow, ...]]):
    """The workers; Enter opens the job that the worker runs, and keys send commands to it."""

    HELP = "Every registered worker. A stale one has given no sign of life for longer than it may."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(command.key, f"command('{name}')", command.title, id=f"workers.{name}", tooltip=command.hint)
        for name, command in COMMANDS.items()
        if command.key
    ] + [
        *operation_bindings("workers", [REQUEUE]),
        Binding("P", "suspend", "Suspend all", id="workers.suspend", tooltip="No worker of any kind takes a job"),
        Binding("P", "resume", "Resume all", id="workers.resume", tooltip="All workers take jobs again"),
    ]
    CHANGING = frozenset({"command", "act", "suspend", "resume"})

    def __init__(self) -> None:
        super().__init__()
        self._suspended = False
        """Whether all workers were suspended when the footer was last updated."""

    def _columns(self) -> list[Column[WorkerRow]]:
        def busy(row: WorkerRow) -> str:
            return formatting.age(None if row.busy_since is None else self.session.server_now - row.busy_since)

        return [
            Column("", lambda row: "⚠" if row.stale else GLYPHS.get(row.status or "", "?"), width=2, tone=_tone),
            Column("WORKER", lambda row: row.name, share=2, minimum=12),
            Column("STATUS", lambda row: "stale" if row.stale else row.status or "unknown", width=10, tone=_tone),
            Column("QUEUES", lambda row: ", ".join(row.queues), share=3, minimum=12),
            Column("JOB", lambda row: formatting.short_id(row.current_job) if row.current_job else "–", width=10, priority=1),
            Column("FOR", busy, width=8, align="right", priority=1),
            Column("DONE", lambda row: formatting.count(row.successful), width=9, align="right", priority=2),
            Column("FAILED", lambda row: formatting.count(row.failed), width=8, align="right", priority=2),
            Column("HEARTBEAT", lambda row: formatting.age(row.heartbeat_seconds), width=10, align="right", priority=1),
            Column("HOST", lambda row: row.host or "–", width=16, priority=4),
            Column("PID", lambda row: str(row.pid) if row.pid else "–", width=8, align="right", priority=4),
            Column("RQ", lambda row: row.version or "–", width=8, priority=5),
        ]

    def compose_body(self) -> Iterable[Widget]:
        """The table."""
        yield RowTable(self._columns(), key=lambda row: row.name, empty=EMPTY, markable=False, id="workers")

    def load(self, client: redis.Redis, request: None) -> tuple[WorkerRow, ...]:
        """Every worker."""
        return workers.load_with_jobs(client)

    def show(self, data: tuple[WorkerRow, ...], overview: Overview) -> None:
        """Fill the table: stale workers first, then busy ones."""
        if overview.suspended != self._suspended:
            self._suspended = overview.suspended
            self.refresh_bindings()
        rows = sorted(data, key=lambda row: (not row.stale, row.status != "busy", row.name))
        self.query_one(RowTable).show(rows, 0, len(rows))

    def on_row_table_selected(self, message: RowTable.Selected[WorkerRow]) -> None:
        """Open the job this worker runs."""
        if message.row.current_job:
            self.app.push_screen(JobScreen(message.row.current_job))

    def action_act(self, name: str) -> None:
        """Ask, then do an operation on the job of the worker under the cursor: to put back what a silent one has."""
        worker: WorkerRow | None = self.query_one(RowTable).cursor_row
        if worker and worker.current_job:
            self.start_operation(OPERATIONS[name], Chosen((worker.current_job,)))

    def action_command(self, name: str) -> None:
        """Ask, then send a command to the worker under the cursor."""
        worker: WorkerRow | None = self.query_one(RowTable).cursor_row
        if worker is None:
            return
        command = COMMANDS[name]

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
