"""The facts of jobs and queues in words, the same on every screen and in every command."""

from __future__ import annotations

import math
import re

from qtui import formatting
from qtui.broker import diagnosis
from qtui.broker.models import JobRow, QueueRow, WorkerRow
from qtui.broker.operations import Matching, Plan
from qtui.broker.status import Status
from qtui.broker.worker_commands import WorkerCommand
from qtui_workers.errors import QtuiError
from qtui_workers.server.redis_errors import explain

_MODULES = re.compile(r"^(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_]\w*(?::|$))")

ENDED_BADLY = (Status.FAILED, Status.STOPPED)
"""Statuses whose jobs have an error to show."""

PAUSED = "‖"
"""The glyph of a paused queue, and of a suspended worker."""


def status(row: JobRow) -> str:
    """Glyph and word: "✗ failed"."""
    return f"{row.status.fact.glyph} {row.status.fact.title}" if row.status else "? unknown status"


def attempts(row: JobRow) -> str:
    """The attempt and how many are allowed: "2/3", "1", "–"."""
    return formatting.attempts(row.attempts, row.attempts_allowed)


def function(row: JobRow) -> str:
    """The end of the function's name: "shop.charge" of "acme.shop.charge", "report" of "workers.report.report"."""
    module, _, name = (row.function or formatting.UNKNOWN).rpartition(".")
    return name if module.rpartition(".")[2] in ("", name) else formatting.short_function(row.function)


def drain(seconds: float | None) -> str:
    """How long until nothing waits: "36s", "never", "–" where nothing waits or it is not known."""
    if not seconds:
        return formatting.UNKNOWN
    return "never" if math.isinf(seconds) else formatting.age(seconds)


def standing(row: QueueRow) -> str:
    """What keeps the jobs of a queue from being worked on, glyph and word: "‖ paused"; '' where nothing does."""
    if row.paused:
        return f"{PAUSED} paused"
    return "⚠ nobody listens" if diagnosis.unattended(row) else ""


def summary(row: JobRow) -> str:
    """The line that tells most about a job: what is wrong with its record, its error, or its description."""
    return row.problem or error(row) or row.description or ""


def error(row: JobRow) -> str:
    """The last line of the traceback without the exception's module: "ConnectionError: 10.0.4.7 refused"."""
    return _MODULES.sub("", row.error or "", count=1)


def trouble(error: Exception, place: str) -> str:
    """What went wrong, in a sentence."""
    return str(error if isinstance(error, QtuiError) else explain(error, place))


def sample(row: JobRow) -> str:
    """A job in a line: its id, its function, and what tells most about it."""
    return f"  {formatting.short_id(row.id):<9} {function(row):<20} {summary(row)}"


def question(plan: Plan, place: str) -> str:
    """What is asked before an operation: how many, which and where ("Retry 1,990 failed jobs in payments on prod-eu?")."""
    operation, selection = plan.operation, plan.selection
    if plan.doable == 0:
        return f"Nothing to {operation.name} on {place}."
    which, where = "", ""
    if isinstance(selection, Matching):
        which = f"{selection.status.fact.title} "
        where = f" in {selection.queue}" if selection.queue else " in all queues"
    jobs = "job" if plan.doable == 1 else "jobs"
    lasting = " This cannot be taken back." if operation.danger else ""
    return f"{operation.title} {formatting.count(plan.doable)} {which}{jobs}{where} on {place}?{lasting}"


def pause_question(row: QueueRow, place: str) -> str:
    """What is asked before a queue is paused, or resumed where it is paused."""
    waits = diagnosis.waiting(row.count(Status.QUEUED)).capitalize()
    return f"{'Resume' if row.paused else 'Pause'} {row.name} on {place}? {waits}."


def worker_question(worker: WorkerRow, command: WorkerCommand, place: str) -> str:
    """What is asked before a worker gets a command ("Stop job 7f3a91c2 of worker web-1.71 on prod-eu?")."""
    job = f"{formatting.short_id(worker.current_job)} of " if command.needs_job and worker.current_job else ""
    return f"{command.title} {job}worker {worker.name} on {place}?"
