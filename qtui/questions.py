"""The questions shown before something is changed, the same on screens and in commands; `place` is the connection's name."""

from __future__ import annotations

from typing import Final

from qtui import formatting
from qtui.broker import diagnosis
from qtui.broker.models import QueueRow, WorkerRow
from qtui.broker.operations import Matching, Plan
from qtui.broker.status import STATUSES, Status
from qtui.broker.worker_commands import WorkerCommand

MANY: Final = 100
"""To change more jobs than this, their number has to be typed."""


def number_to_type(plan: Plan, *, guarded: bool) -> int | None:
    """The number of jobs that has to be typed before an operation is done; None if a shorter answer is enough."""
    return plan.doable if plan.doable and (guarded or plan.doable > MANY) else None


def operation_question(plan: Plan, place: str) -> str:
    """The question before an operation: how many jobs, which and where ("Retry 1,990 failed jobs in payments on prod-eu?")."""
    operation, selection = plan.operation, plan.selection
    if plan.doable == 0:
        return f"Nothing to {operation.name} on {place}."
    which, where = "", ""
    if isinstance(selection, Matching):
        which = f"{STATUSES[selection.status].title} "
        where = f" in {selection.queue}" if selection.queue else " in all queues"
        if selection.expression.terms:
            where += f" that fit {selection.expression.text}"
    if operation.parameter:
        where += f" {operation.parameter.name} {plan.text}"
    jobs = "job" if plan.doable == 1 else "jobs"
    return f"{operation.title} {formatting.count(plan.doable)} {which}{jobs}{where} on {place}? {plan.lasting}".rstrip()


def pause_question(row: QueueRow, place: str) -> str:
    """The question before a queue is paused, or resumed if it is paused."""
    waits = diagnosis.waiting(row.count(Status.QUEUED)).capitalize()
    return f"{'Resume' if row.paused else 'Pause'} {row.name} on {place}? {waits}."


def worker_question(worker: WorkerRow, command: WorkerCommand, place: str) -> str:
    """The question before a command is sent to a worker ("Stop job 7f3a91c2 of worker web-1.71 on prod-eu?")."""
    job = f"{formatting.short_id(worker.current_job)} of " if command.needs_job and worker.current_job else ""
    return f"{command.title} {job}worker {worker.name} on {place}?"
