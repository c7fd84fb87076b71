"""The questions shown before something is changed on a connection, the same on screens and in commands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from qtui.broker.bulk.trash import Batch
from qtui.broker.careful_retry import AT_ONCE, Care
from qtui.broker.models import Overview, WorkerRow
from qtui.broker.operations import Matching, Plan
from qtui.broker.queues import trend
from qtui.broker.status import STATUSES, Status
from qtui.broker.workers.listeners import Listeners
from qtui.broker.workers.worker_commands import WorkerCommand
from qtui.presentation import formatting
from qtui_workers.naming import listing
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.holds import Held

NAMED: Final = 3
"""At most this many queues are named."""
MANY: Final = 100
"""To change more jobs than this, their number has to be typed."""


def number_to_type(plan: Plan, context: Context) -> int | None:
    """The number of jobs that has to be typed before an operation is done; None if a shorter answer is enough."""
    return plan.asked if plan.doable and (context.confirm == "number" or plan.asked > MANY) else None


def to_type(number: int | None, context: Context) -> str | int | None:
    """What has to be typed before a change over a connection: its name, that number of jobs, or None: a letter is enough."""
    return context.name if context.confirm == "name" else number


def is_typed(text: str, wanted: str | int) -> bool:
    """Whether a person typed that name or number."""
    return formatting.is_count(text, wanted) if isinstance(wanted, int) else text.strip() == wanted


def as_typed(wanted: str | int) -> str:
    """How a person would type it."""
    return formatting.count(wanted) if isinstance(wanted, int) else printable(wanted, 60)


def operation_question(plan: Plan, connection: str, care: Care = AT_ONCE) -> str:
    """The question before an operation: how many jobs, which and where ("Retry 1,990 failed jobs in payments on prod-eu?")."""
    operation, selection = plan.operation, plan.selection
    if plan.doable == 0:
        return f"Nothing to {operation.title.lower()} on {connection}."
    which, where = "", ""
    if isinstance(selection, Matching):
        which = f"{STATUSES[selection.status].title} "
        where = f" in {selection.queue}" if selection.queue else " in all queues"
        if selection.expression.terms:
            where += f" that fit {selection.expression.text}"
    if operation.parameter and (plan.text or "") not in where:
        where += f" {operation.parameter.name} {plan.text}"
    where += f" ({care})" if care.is_any else ""
    jobs = "job" if plan.asked == 1 else "jobs"
    return f"{operation.title} {formatting.count(plan.asked)} {which}{jobs}{where} on {connection}? {plan.lasting}".rstrip()


def ages(plan: Plan, now: float) -> str:
    """How old the jobs of a plan are: "from 6d ago to 3s ago", "from just now"; '' where that is not known."""
    if plan.oldest is None or plan.newest is None:
        return ""
    first, last = formatting.ago(plan.oldest, now), formatting.ago(plan.newest, now)
    if first == last:
        return f"from {'just now' if first == 'now' else first}"
    return f"from {first} to {last}"


def queues(plan: Plan) -> str:
    """Where the jobs of a plan are: "in payments 1,200, mail 300 and 3 more queues"; '' where that is not known."""
    if not plan.queues:
        return ""
    if len(plan.queues) == 1:
        return f"in {next(iter(plan.queues))}"
    named = [f"{name} {formatting.count(number)}" for name, number in islice(plan.queues.items(), NAMED)]
    more = len(plan.queues) - len(named)
    return f"in {', '.join(named)}{f' and {more:,} more queues' if more else ''}"


def listening(queue: Listeners, here: str = "") -> str:
    """Who would run the jobs: "payments: 2 qtui-workers and 1 rq worker listen, 1 busy, 1 more silent"."""
    name = queue.queue
    if queue.suspended:
        return f"{name}: all workers are suspended (qtui resume --workers{here} ends that)"
    if queue.paused:
        return f"{name} is paused: qtui-workers take nothing from it until it is resumed"
    alive = " and ".join(filter(None, (_number(queue.ours, "qtui-worker"), _number(queue.stock, "rq worker"))))
    if not alive:
        silent = f", {_number(queue.silent, 'worker')} silent" if queue.silent else ""
        return f"{name}: nobody listens{silent}; the jobs will wait"
    busy = f", {queue.busy:,} busy" if queue.busy else ""
    silent = f", {queue.silent:,} more silent" if queue.silent else ""
    return f"{name}: {alive} {'listens' if queue.ours + queue.stock == 1 else 'listen'}{busy}{silent}"


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}" if number else ""


def memory(plan: Plan, *, purge: str = "--purge", undo: str) -> str:
    """What removing means for the memory of the server, and for how long it can be taken back; '' for other operations.

    `undo` and `purge`: what a person types to put them back, or to do without the trash; '' where that is offered elsewhere.
    """
    room = plan.room
    if room is None:
        return ""
    size = f"about {formatting.size(room.bytes)}" if room.bytes is not None else "an unknown size"
    if not room.fits:
        return f"Too large for the trash ({size}; it may hold {formatting.size(room.rules.bytes)})"
    at_once = f"; {purge} frees it now" if purge else ""
    used = f"{formatting.percent(room.used)} of the memory is used: " if room.is_scarce else ""
    if plan.purge:
        return f"{used}{size} freed now, for good"
    return f"{used}{size}, kept in the trash for {formatting.age(room.rules.seconds)} ({undo} puts back{at_once})"


def careful(care: Care) -> str:
    """What a careful retry does by itself; '' where all jobs are retried at once."""
    parts = []
    if care.canary or care.rate is not None:
        parts.append(f"stops by itself where more than {formatting.percent(care.most_failing)} of the retried jobs fail again")
    if care.over is not None:
        parts.append("the scheduler enqueues them when they are due, also without qtui (z takes back those that are not due yet)")
    return "; ".join(parts)


def undo_question(batch: Batch, connection: str, now: float) -> str:
    """The question before removed jobs are put back ("Put 3 jobs back on prod-eu? Removed 3m ago by ada@laptop: failed …")."""
    jobs, unplaced = _number(batch.jobs, "job"), _number(batch.unplaced, "job")
    if not batch.unplaced:
        what = f"Put {jobs} back on {connection}"
    elif not batch.jobs:
        what = f"Bring {unplaced} to where they stood on {connection}, as an undo that ended before did not"
    else:
        what = f"Put {jobs} back on {connection}, and bring {unplaced} that are back to where they stood"
    return f"{what}? Removed {formatting.ago(batch.at, now)} by {batch.by}: {batch.about}."


def pause_question(names: Sequence[str], jobs: int, connection: str, *, resume: bool) -> str:
    """The question before queues are paused, or resumed ("Pause 2 queues (mail, payments) on prod-eu? 12 jobs wait.")."""
    waits = trend.waiting(jobs)
    which = names[0] if len(names) == 1 else f"{len(names):,} queues ({listing(names)})"
    return f"{'Resume' if resume else 'Pause'} {which} on {connection}? {waits.capitalize()}."


def queued(seen: Overview) -> int:
    """How many jobs wait in all queues together."""
    return sum(row.count(Status.QUEUED) for row in seen.queues)


def suspend_question(seen: Overview, connection: str, *, resume: bool) -> str:
    """The question before all workers are suspended, or take jobs again."""
    workers = f"all {_number(seen.workers, 'worker')}" if seen.workers > 1 else _number(seen.workers, "worker")
    who = workers or "all workers (none is alive)"
    return f"{'Resume' if resume else 'Suspend'} {who} on {connection}? {trend.waiting(queued(seen)).capitalize()}."


def suspension_sentence(seen: Overview, *, suspended: bool, already: bool, seconds: int | None, here: str) -> str:
    """What is so after all workers were suspended, or resumed: how many there are and what waits, and how it is taken back."""
    workers = _number(seen.workers, "living worker") or "no living worker"
    about = f"({workers}, {trend.waiting(queued(seen))})"
    if not suspended:
        return f"all workers {'were not suspended' if already else 'take jobs again'} {about}"
    state = "were suspended already, and stay so" if already else "are suspended"
    lasting = f" for {formatting.age(seconds)}" if seconds else ""
    return f"all workers {state}{lasting} {about}. To have them take jobs again: qtui resume --workers{here}"


def hold_question(text: str, jobs: int, connection: str) -> str:
    """The question before a function is held, of which so many jobs are queued."""
    queued = _number(jobs, "queued job") or "0 queued jobs"
    return f"Hold {text} on {connection}? {queued} and every new one wait until it is released."


def release_question(found: Sequence[Held], connection: str) -> str:
    """The question before what is held runs again."""
    number = sum(each.count for each in found)
    texts = ", ".join(each.hold.text for each in found)
    return f"Release {texts} on {connection}? {going_back(number)}."


def going_back(number: int) -> str:
    """What becomes of so many jobs that a hold keeps, where it is released."""
    if not number:
        return "No job is held"
    return f"{_number(number, 'held job')} would go back to the head of {'its queue' if number == 1 else 'their queues'}"


def reopen_question(names: Sequence[str], jobs: int, connection: str) -> str:
    """The question before closed limits are opened."""
    which = f"limit {names[0]}" if len(names) == 1 else f"limits {listing(names)}"
    return f"Open the {which} on {connection}? {trend.waiting(jobs).capitalize()}."


def worker_question(worker: WorkerRow, command: WorkerCommand, connection: str) -> str:
    """The question before a command is sent to a worker ("Stop job 7f3a91c2 of worker web-1.71 on prod-eu?")."""
    job = f"{formatting.short_id(worker.current_job)} of " if command.needs_job and worker.current_job else ""
    return f"{command.title} {job}worker {worker.name} on {connection}?"


def worker_facts(worker: WorkerRow, seen: Overview) -> str:
    """What a worker leaves behind ("It runs 7f3a91c2; 12 jobs wait in its queues; nobody else listens to mail.")."""
    rows = [row for row in seen.queues if row.name in worker.queues]
    runs = formatting.short_id(worker.current_job) if worker.current_job else "no job"
    waits = trend.waiting(sum(row.count(Status.QUEUED) for row in rows))
    alone = [row.name for row in rows if row.workers <= 1 and not worker.is_silent]
    others = f"; nobody else listens to {listing(alone)}" if alone else ""
    return f"It runs {runs}; {waits} in its queues{others}."
