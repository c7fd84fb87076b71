"""The question before an operation, as its plan becomes known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual.app import App

from qtui import formatting, labels, questions, twins
from qtui.broker import listeners
from qtui.broker.operations import Operation, Plan, Selection, plans
from qtui.messages import OperationConfirmed
from qtui.screens.confirm import Question, Wanted
from qtui.session import Session


def about_operation(
    session: Session,
    app: App[None],
    operation: Operation,
    selection: Selection,
    on_done: Callable[[], object] | None,
) -> Callable[[Wanted], Iterator[Question]]:
    """What makes the questions of the dialog: the first at once, the others as more of the jobs are checked. Reads from Redis."""

    def ask(wanted: Wanted) -> Iterator[Question]:
        purge = wanted.other if operation.deletes else False
        for found in plans(
            session.client, operation, selection, wanted.text, purge=purge, rules=session.trash, stop=wanted.stop.is_set
        ):
            yield _question(session, app, found, on_done)

    return ask


def _question(session: Session, app: App[None], found: Plan, on_done: Callable[[], object] | None) -> Question:
    heard = listeners.load(session.client, found.destinations[: questions.NAMED]) if found.destinations else ()
    where = " ".join(filter(None, (questions.queues(found), questions.ages(found, session.server_now))))
    checked = f"{formatting.count(found.checked)} of {formatting.count(found.matched)} checked"
    memory = questions.memory(found, purge="p", undo="z")
    return Question(
        questions.operation_question(found, session.name),
        sample=[labels.job_line(row) for row in found.sample],
        facts=[*filter(None, [where, memory]), *map(questions.listening, heard)],
        notes=[
            *(f"{formatting.count(number)} × {reason}" for reason, number in found.reasons.items()),
            *([checked] if found.checked < found.matched else []),
        ],
        command=twins.of_operation(found, session.context) if found.doable else "",
        agreed=(lambda: app.post_message(OperationConfirmed(found, on_done))) if found.doable else None,
        lasting=found.is_grave,
        number=questions.number_to_type(found, guarded=session.guarded),
        other=None if found.room is None or not found.room.fits else not found.purge,
    )
