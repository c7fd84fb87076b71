"""The question before an operation, as its plan becomes known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from textual.app import App

from qtui.broker import careful_retry
from qtui.broker.careful_retry import AT_ONCE, CHOICES, Care
from qtui.broker.operations import Operation, Plan, Selection, plans
from qtui.broker.operations.retry import RETRY
from qtui.broker.workers import listeners
from qtui.presentation import equivalent_commands, formatting, labels, questions
from qtui.screens.parts.question import Question, Wanted
from qtui.shared.messages import OperationConfirmed
from qtui.shared.session import Session
from qtui_workers.errors import Refused


def about_operation(
    session: Session,
    app: App[None],
    operation: Operation,
    selection: Selection,
    on_done: Callable[[], object] | None,
) -> Callable[[Wanted], Iterator[Question]]:
    """What makes the questions of the dialog: the first at once, the others as more of the jobs are checked. Reads from Redis."""

    def ask(wanted: Wanted) -> Iterator[Question]:
        purge = (None if wanted.way is None else bool(wanted.way)) if operation.deletes else False
        for found in plans(
            session.client, operation, selection, wanted.text, purge=purge, rules=session.trash, stop=wanted.stop.is_set
        ):
            yield question(session, app, found, wanted.way, on_done)

    return ask


IN_TRASH: Final = ("keep in the trash", "delete for good")
"""The two ways of removing."""


def _ways(found: Plan, way: int | None) -> tuple[tuple[str, ...], int, Care]:
    """The names of the ways in which a plan can be carried out, which of them the question is about, and with what care."""
    if found.operation is RETRY and found.asked > 1:
        return tuple(care.short for care in CHOICES), way or 0, CHOICES[way or 0]
    if found.room and found.room.fits:
        return IN_TRASH, int(found.purge), AT_ONCE
    return (), 0, AT_ONCE


def question(
    session: Session, app: App[None], found: Plan, way: int | None = None, on_done: Callable[[], object] | None = None
) -> Question:
    """The question about a plan; `way`: which of the ways of carrying it out, None for the usual one. Reads from Redis."""
    ways, way, care = _ways(found, way)
    try:
        careful_retry.check(session.client, care, found.destinations)
    except Refused as error:
        return Question(str(error), ways=ways, way=way)
    heard = listeners.load(session.client, found.destinations[: questions.NAMED]) if found.destinations else ()
    where = " ".join(filter(None, (questions.queues(found), questions.ages(found, session.server_now))))
    checked = f"{formatting.count(found.checked)} of {formatting.count(found.matched)} checked"
    memory = questions.memory(found, purge="", undo="z")
    return Question(
        questions.operation_question(found, session.name, care),
        sample=[labels.job_line(row) for row in found.sample],
        facts=[
            *filter(None, [where, memory, questions.careful(care)]),
            *(questions.listening(queue, session.here) for queue in heard),
        ],
        notes=[
            *(f"{formatting.count(number)} × {reason}" for reason, number in found.reasons.items()),
            *([checked] if found.checked < found.matched else []),
        ],
        command=equivalent_commands.of_operation(found, session.context, care) if found.doable else "",
        agreed=(lambda: app.post_message(OperationConfirmed(session, found, on_done, care))) if found.doable else None,
        lasting=found.is_grave,
        number=questions.number_to_type(found, session.context),
        ways=ways,
        way=way,
    )
